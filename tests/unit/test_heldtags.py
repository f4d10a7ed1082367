"""Tags that move together: what is left behind when one of them cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.backends import Artifact
from okplug.errors import RegistryError
from okplug.heldtags import HeldTags
from okplug.reference import Reference
from okplug.registries import Registries
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from okplug.backends import Descriptor, Registry
    from okplug.testing import Workspace

NAMES = ("api", "base", "web")


class Fragile(FakeRegistry):
    """Refuses to move some tags, before or after the fact; may refuse more once it has failed."""

    def __init__(self, host: str = "registry.test") -> None:
        super().__init__(host)
        self.refused: dict[str, BaseException] = {}
        self.lost: dict[str, BaseException] = {}
        self.ends_with_failure = False

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Move the tag, unless it is refused; one that is lost has moved."""
        if target.repository in self.refused:
            if self.ends_with_failure:
                broken = RegistryError("the registry is down")
                self.failures = dict.fromkeys(("resolve", "tag", "delete"), broken)
            raise self.refused[target.repository]
        moved = super().tag(source, target)
        if target.repository in self.lost:
            raise self.lost.pop(target.repository)
        return moved


class Hosts:
    """The plugin that serves the registries."""

    def __init__(self, *registries: FakeRegistry) -> None:
        self.registries = {registry.host: registry for registry in registries}

    @hookimpl
    def okplug_registry(self, host: str) -> Registry | None:
        """Serve a host."""
        return self.registries.get(host)


def personal(name: str, host: str = "registry.test") -> Reference:
    return Reference(host, f"cindy/{name}", "okteto")


@pytest.fixture
def registry() -> Fragile:
    """The main registry."""
    return Fragile()


@pytest.fixture
def elsewhere() -> Fragile:
    """Another one."""
    return Fragile("other.test")


@pytest.fixture
def held(workspace: Workspace, registry: Fragile, elsewhere: Fragile) -> HeldTags:
    """Nothing waits yet."""
    config = workspace.config(
        plugins=[Hosts(registry, elsewhere)], settings={"registry": "registry.test"}
    )
    return HeldTags(Registries(config))


def build(registry: FakeRegistry, name: str, content: str) -> Artifact:
    """Store an image where everybody finds it."""
    repository = Reference("registry.test", f"okteto/{name}")
    descriptor = push_image(registry, repository, files={"a": f"{name} {content}"})
    return Artifact(repository.with_digest(descriptor.digest), descriptor)


def digests(registry: FakeRegistry) -> dict[str, str | None]:
    """Return what the users' tags find."""
    found = {name: registry.resolve(personal(name)) for name in NAMES}
    return {name: image.digest if image else None for name, image in found.items()}


def hold_all(held: HeldTags, registry: FakeRegistry) -> dict[str, str]:
    """Let base and web have tags already, and have new images for all of them wait."""
    for name in ("base", "web"):
        registry.tag(build(registry, name, "old").reference, personal(name))
    images = {name: build(registry, name, "new") for name in NAMES}
    for name in reversed(NAMES):
        held.hold(f"{name}:{name}", images[name], (personal(name),))
    return {name: image.reference.digest for name, image in images.items()}


def test_nothing_moves_before_all_move(held: HeldTags, registry: Fragile) -> None:
    wanted = hold_all(held, registry)
    before = digests(registry)
    assert before["api"] is None
    assert before["base"] != wanted["base"]
    assert [(tag.address, str(tag.tag)) for tag in held.waiting] == [
        ("api:api", "registry.test/cindy/api:okteto"),
        ("base:base", "registry.test/cindy/base:okteto"),
        ("web:web", "registry.test/cindy/web:okteto"),
    ]
    held.move()
    assert digests(registry) == wanted
    assert held.waiting == held.stuck == ()


def test_no_tag_needs_no_registry(held: HeldTags, registry: Fragile) -> None:
    held.move()
    assert registry.calls.total() == 0


def test_a_tag_that_is_right_does_not_wait(held: HeldTags, registry: Fragile) -> None:
    image = build(registry, "api", "same")
    registry.tag(image.reference, personal("api"))
    held.hold("api:api", image, (personal("api"), personal("api").with_tag("1.0")))
    assert [str(tag.tag) for tag in held.waiting] == ["registry.test/cindy/api:1.0"]


def test_an_image_has_tags_in_other_registries(
    held: HeldTags, registry: Fragile, elsewhere: Fragile
) -> None:
    image = build(registry, "api", "new")
    held.hold("api:api", image, (personal("api"), personal("api", "other.test")))
    held.move()
    found = elsewhere.resolve(personal("api", "other.test"))
    assert found is not None
    assert found.digest == image.reference.digest


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["refused", "lost"])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_that_cannot_move_holds_all_back(
    held: HeldTags, registry: Fragile, name: str, fault: str, concurrency: int
) -> None:
    registry.concurrency = concurrency
    hold_all(held, registry)
    before = digests(registry)
    getattr(registry, fault)[f"cindy/{name}"] = RegistryError("it is read-only", hint="ask for it")
    with pytest.raises(RegistryError) as raised:
        held.move()
    assert raised.value.message == "none of your tags is moved: it is read-only"
    assert raised.value.hint == "ask for it"
    assert digests(registry) == before
    assert [tag.address for tag in held.waiting] == ["api:api", "base:base", "web:web"]
    assert held.stuck == ()


def test_one_elsewhere_holds_all_back(
    held: HeldTags, registry: Fragile, elsewhere: Fragile
) -> None:
    hold_all(held, registry)
    image = build(registry, "api", "new")
    held.hold("api:api", image, (personal("api", "other.test"),))
    before = digests(registry)
    elsewhere.refused["cindy/api"] = RegistryError("it is full")
    with pytest.raises(RegistryError, match="it is full"):
        held.move()
    assert digests(registry) == before


def test_an_interruption_puts_all_back(held: HeldTags, registry: Fragile) -> None:
    hold_all(held, registry)
    before = digests(registry)
    registry.refused["cindy/web"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        held.move()
    assert digests(registry) == before
    assert len(held.waiting) == 3


def test_what_somebody_else_has_moved_since_is_left_to_them(
    held: HeldTags, registry: Fragile
) -> None:
    hold_all(held, registry)
    theirs = build(registry, "api", "theirs")
    registry.concurrency = 1

    def interfere(source: Reference, target: Reference) -> Descriptor:
        if target.repository == "cindy/web":
            FakeRegistry.tag(registry, theirs.reference, personal("api"))
            raise RegistryError("too late")
        return FakeRegistry.tag(registry, source, target)

    registry.tag = interfere  # type: ignore[method-assign]  # one instance is spoiled on purpose
    with pytest.raises(RegistryError, match="too late"):
        held.move()
    assert digests(registry)["api"] == theirs.reference.digest


def test_what_cannot_be_put_back_is_known(held: HeldTags, registry: Fragile) -> None:
    wanted = hold_all(held, registry)
    registry.concurrency = 1
    registry.refused["cindy/web"] = RegistryError("it is read-only")
    registry.ends_with_failure = True
    with pytest.raises(RegistryError, match="none of your tags is moved: it is read-only"):
        held.move()
    registry.failures.clear()
    assert digests(registry)["api"] == wanted["api"]
    assert "api:api" in [tag.address for tag in held.stuck]
    assert not {*held.stuck} & {*held.waiting}

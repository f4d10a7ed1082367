"""What the names of a Dockerfile stand for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from okplug import Reference, RegistryError
from okplug.testing import BuildCase, FakeRegistry, push_image
from okplug_buildkit.solve.contexts import Contexts, contexts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug import BuildRequest

    Make = Callable[..., BuildRequest]

DIGEST = "sha256:" + "1" * 64
BASE = Reference.parse(f"registry.test/okteto/base@{DIGEST}")


class Remote(FakeRegistry):
    """A registry that the daemon reaches by itself."""

    is_remote = True


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return what makes requests."""

    def make(dockerfile: str, *named: tuple[str, str], **fields: Any) -> BuildRequest:
        (tmp_path / "Dockerfile").write_text(dockerfile)
        request = BuildCase(tmp_path, images=fields.pop("images", {})).request()
        image = dataclasses.replace(request.image, named_contexts=named)
        return dataclasses.replace(request, image=image, **fields)

    return make


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry that only this side reaches."""
    return FakeRegistry()


def test_nothing(make: Make, registry: FakeRegistry) -> None:
    assert contexts_of(make("FROM scratch\n"), registry) == Contexts()


def test_dependencies_in_a_registry_that_the_daemon_reaches(make: Make) -> None:
    request = make("FROM base\n", images={"base": BASE})
    assert contexts_of(request, Remote()) == Contexts(
        {"base": f"docker-image://registry.test/okteto/base@{DIGEST}"}
    )


def test_dependencies_that_this_side_serves(make: Make, registry: FakeRegistry) -> None:
    request = make("FROM base\n", images={"base": BASE})
    assert contexts_of(request, registry) == Contexts(
        {"base": f"oci-layout://okteto/base@{DIGEST}"}, {"oci:okteto/base": [BASE]}
    )


def test_images_of_one_repository_are_all_served(make: Make, registry: FakeRegistry) -> None:
    other = BASE.with_digest("sha256:" + "2" * 64)
    request = make("FROM a AS x\nFROM b\nCOPY --from=x / /\n", images={"a": BASE, "b": other})
    found = contexts_of(request, registry)
    assert found.images == {"oci:okteto/base": [BASE, other]}
    assert set(found.values) == {"a", "b"}


def test_what_the_registry_has_from_outside_the_workspace(
    make: Make, registry: FakeRegistry
) -> None:
    tagged = push_image(registry, Reference.parse("registry.test/tools/cc:1"))
    latest = push_image(registry, Reference.parse("registry.test/tools/ld:latest"), files={"a": ""})
    request = make(
        "FROM registry.test/tools/cc:1\n"
        "COPY --from=registry.test/tools/ld / /\n"
        "COPY --from=registry.test/tools/none:1 / /\n"
    )
    found = contexts_of(request, registry)
    assert found.values == {
        "registry.test/tools/cc:1": f"oci-layout://tools/cc@{tagged.digest}",
        "registry.test/tools/ld": f"oci-layout://tools/ld@{latest.digest}",
    }
    assert [str(image) for images in found.images.values() for image in images] == [
        f"registry.test/tools/cc@{tagged.digest}",
        f"registry.test/tools/ld@{latest.digest}",
    ]


def test_the_daemon_itself_looks_for_other_images_in_a_registry_that_it_reaches(make: Make) -> None:
    registry = Remote()
    assert contexts_of(make("FROM registry.test/tools/cc:1\n"), registry) == Contexts()
    assert registry.calls == {}


def test_what_is_no_reference_is_the_daemon_s_to_refuse(make: Make, registry: FakeRegistry) -> None:
    request = make("FROM scratch\nCOPY --from=UPPER@x / /\n")
    assert contexts_of(request, registry) == Contexts()


def test_a_registry_that_fails(make: Make, registry: FakeRegistry) -> None:
    registry.failures["resolve"] = RegistryError("no")
    with pytest.raises(RegistryError, match="no"):
        contexts_of(make("FROM registry.test/tools/cc:1\n"), registry)


def test_named_contexts(make: Make, registry: FakeRegistry) -> None:
    request = make(
        "FROM base\nCOPY --from=more / /\n",
        ("base", "docker-image://r.example.com/x:1"),
        ("more", "../more"),
        ("source", "https://example.com/source.git#main"),
    )
    folder = request.context
    found = contexts_of(dataclasses.replace(request, folders={"more": folder}), registry)
    assert found == Contexts(
        {
            "base": "docker-image://r.example.com/x:1",
            "more": "local:named-1",
            "source": "https://example.com/source.git#main",
        },
        {},
        {"named-1": folder},
    )
    assert registry.calls == {"resolve": 1}  # it might have the image


def test_a_named_context_that_is_an_image_which_only_this_side_has(
    make: Make, registry: FakeRegistry
) -> None:
    kept = Reference.parse("other.test/debian:latest")
    digest = push_image(registry, kept, files={"a": "b"}).digest
    request = make("FROM base\n", ("base", "docker-image://other.test/debian"))
    found = contexts_of(request, registry)
    assert found.values == {"base": f"oci-layout://debian@{digest}"}
    assert found.images == {"oci:debian": [kept.with_tag("").with_digest(digest)]}


def test_a_named_context_that_is_an_image_of_the_workspace(make: Make) -> None:
    request = make(
        "FROM base\n", ("base", "docker-image://registry.test/okteto/base"), images={"base": BASE}
    )
    assert contexts_of(request, Remote()).values == {"base": f"docker-image://{BASE}"}


def test_images_from_elsewhere_by_digest(make: Make) -> None:
    base = Reference.parse(f"other.test/debian@{DIGEST}")
    request = make("FROM debian:13\n", bases={"debian:13": base})
    assert contexts_of(request, Remote()) == Contexts(
        {"debian:13": f"docker-image://other.test/debian@{DIGEST}"}
    )


def test_images_from_elsewhere_that_only_this_side_has_or_not(
    make: Make, registry: FakeRegistry
) -> None:
    kept = Reference.parse("other.test/debian:13")
    digest = push_image(registry, kept, files={"a": "b"}).digest
    bases = {
        "other.test/debian:13": kept.with_tag("").with_digest(digest),
        "other.test/alpine:3": Reference.parse(f"other.test/alpine@{DIGEST}"),
    }
    text = "FROM other.test/debian:13\nCOPY --from=other.test/alpine:3 /a /a\n"
    found = contexts_of(make(text, bases=bases), registry)
    assert found.values == {
        "other.test/debian:13": f"oci-layout://debian@{digest}",
        "other.test/alpine:3": f"docker-image://other.test/alpine@{DIGEST}",
    }
    assert found.images == {"oci:debian": [bases["other.test/debian:13"]]}


def test_a_named_context_by_digest(make: Make) -> None:
    base = Reference.parse(f"other.test/debian@{DIGEST}")
    named = ("base", "docker-image://other.test/debian:13")
    found = contexts_of(make("FROM base\n", named, bases={"base": base}), Remote())
    assert found.values == {"base": f"docker-image://other.test/debian@{DIGEST}"}


def test_named_images_of_the_workspace_are_those_of_the_request(make: Make) -> None:
    named = (("parent", "okplug-named://libs:base"), ("unused", "okplug-named://libs:base"))
    request = make("FROM parent\n", *named, images={"parent": BASE})
    assert contexts_of(request, Remote()) == Contexts(
        {"parent": f"docker-image://registry.test/okteto/base@{DIGEST}"}
    )

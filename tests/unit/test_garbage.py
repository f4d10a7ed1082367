"""What goes and what stays, and what goes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import RegistryError
from okplug.garbage import Garbage, Rules, find_garbage, remove
from okplug.reference import Reference
from okplug.storedimages import StoredImage, read_images
from okplug.testing import FakeRegistry, push_image, push_index

NOW = datetime(2026, 6, 1, tzinfo=UTC)
API = Reference("registry.test", "okteto/api")


def key(number: int) -> str:
    return f"{number:032x}"


def image(
    number: int | str,
    days: int | None = None,
    parts: dict[str, int] | None = None,
    name: str = "api",
) -> StoredImage:
    """Return an image under a key, or another tag, that is some days old."""
    tag = number if isinstance(number, str) else key(number)
    return StoredImage(
        Reference("registry.test", f"okteto/{name}", tag),
        {f"{name}{tag}": 10} if parts is None else parts,
        (f"{name}{tag}",),
        None if days is None else NOW - timedelta(days=days),
    )


def going(
    images: list[StoredImage], keys: tuple[int, ...] = (), *, last: int = 0, days: int = 0
) -> list[str]:
    rules = Rules({"okteto/api": {key(number) for number in keys}}, last, days)
    return [found.tag.tag.lstrip("0") for found in find_garbage(images, rules, NOW).images]


def test_nothing_is_kept_for_no_reason() -> None:
    assert going([image(1, 9), image(2)]) == ["1", "2"]


def test_keys_that_are_computed_stay() -> None:
    assert going([image(1, 9), image(2, 9), image(3)], (1, 3)) == ["2"]


def test_keys_of_another_repository_keep_nothing() -> None:
    rules = Rules({"okteto/web": {key(1)}}, 0, 0)
    found = find_garbage([image(1), image(1, name="web")], rules, NOW)
    assert [str(one.tag) for one in found.images] == [f"registry.test/okteto/api:{key(1)}"]


@pytest.mark.parametrize(
    "tag", ["latest", "1.0", "A" * 32, "a" * 31, "a" * 33, f"sha256-{'a' * 64}"]
)
def test_tags_that_are_no_keys_stay(tag: str) -> None:
    assert going([image(tag, 999)]) == []


@pytest.mark.parametrize(
    ("last", "expected"), [(0, ["1", "2", "3", "4"]), (2, ["3", "4"]), (9, [])]
)
def test_the_newest_stay(last: int, expected: list[str]) -> None:
    images = [image(3, 8), image(1, 5), image("latest", 0), image(4), image(2, 7)]
    assert going(images, last=last) == expected


def test_the_newest_are_counted_in_each_repository() -> None:
    images = [image(1, 5), image(2, 6), image(1, 50, name="web"), image(2, 60, name="web")]
    found = find_garbage(images, Rules({}, 1, 0), NOW)
    assert [str(one.tag) for one in found.images] == [
        f"registry.test/okteto/{name}:{key(2)}" for name in ("api", "web")
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, ["1", "2", "3"]), (1, ["2"]), (7, ["2"]), (8, []), (1000000 // 500, [])],
)
def test_the_young_and_those_of_unknown_age_stay(days: int, expected: list[str]) -> None:
    assert going([image(1, 0), image(2, 7), image(3)], days=days) == expected


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.none() | st.integers(0, 20)), unique_by=lambda x: x[0]
    ),
    st.sets(st.integers(1, 12)),
    st.integers(0, 5),
    st.integers(0, 10),
)
def test_every_rule_keeps_what_it_says(
    ages: list[tuple[int, int | None]], keys: set[int], last: int, days: int
) -> None:
    images = [image(number, age) for number, age in ages]
    rules = Rules({"okteto/api": {key(number) for number in keys}}, last, days)
    found = find_garbage(images, rules, NOW)
    assert {one.tag for one in found.images} | {one.tag for one in found.kept} == {
        one.tag for one in images
    }
    assert len(found.images) + len(found.kept) == len(images)
    assert len(found.kept) >= min(last, len(images))
    for gone in found.images:
        assert int(gone.tag.tag, 16) not in keys
        assert days == 0 or (gone.created and gone.created <= NOW - timedelta(days=days))
        younger = [
            one for one in images if one.created and gone.created and one.created >= gone.created
        ]
        assert gone.created is None or len(younger) > last


# --------------------------------------------------------------------------------------------- size


def test_what_others_use_is_not_freed() -> None:
    gone = image(1, parts={"own": 5, "shared": 100}), image(2, parts={"own2": 7, "both": 1})
    also = image(3, parts={"both": 1, "own3": 2})
    kept = (image(4, parts={"shared": 100}, name="web"),)
    sizes = Garbage((*gone, also), kept).sizes()
    assert list(sizes.values()) == [5, 8, 2]


# ----------------------------------------------------------------------------------------- removing


@pytest.fixture
def registry() -> FakeRegistry:
    """An empty registry."""
    return FakeRegistry()


def collect(registry: FakeRegistry, *keep: int) -> list[str]:
    """Remove all keys but some, and return those that went."""
    rules = Rules({"okteto/api": {key(number) for number in keep}}, 0, 0)
    garbage = find_garbage(read_images(registry, [API]), rules, NOW)
    return [found.tag.tag.lstrip("0") for found in remove(registry, garbage)]


def test_an_image_goes_with_its_manifest(registry: FakeRegistry) -> None:
    for number in (1, 2):
        push_image(registry, API.with_tag(key(number)), files={"x": str(number)})
    assert collect(registry, 2) == ["1"]
    assert list(registry.tags(API)) == [key(2)]
    assert len(registry.repository(API).manifests) == 1


def test_an_index_goes_with_all_platforms(registry: FakeRegistry) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    for number in (1, 2):
        children = {
            platform: push_image(
                registry,
                API,
                files={"x": platform if platform == platforms[0] else f"{platform} {number}"},
                platform=platform,
            )
            for platform in platforms
        }
        push_index(registry, API.with_tag(key(number)), children)
    assert len(registry.repository(API).manifests) == 5
    assert collect(registry, 2) == ["1"]
    assert len(registry.repository(API).manifests) == 3, "one platform is the same in both"
    (kept,) = read_images(registry, [API])
    assert len(kept.manifests) == 3


def test_an_image_under_two_keys_stays_if_one_is_kept(registry: FakeRegistry) -> None:
    pushed = push_image(registry, API.with_tag(key(1)), files={"x": "1"})
    registry.tag(API.with_tag(key(1)), API.with_tag(key(2)))
    assert collect(registry, 2) == ["1"]
    assert list(registry.tags(API)) == [key(2)]
    assert registry.resolve(API.with_digest(pushed.digest)) is not None


def test_an_image_under_two_keys_goes_if_none_is_kept(registry: FakeRegistry) -> None:
    push_image(registry, API.with_tag(key(1)), files={"x": "1"})
    registry.tag(API.with_tag(key(1)), API.with_tag(key(2)))
    assert collect(registry) == ["1", "2"]
    assert list(registry.tags(API)) == []


def test_other_repositories_keep_their_copies(registry: FakeRegistry) -> None:
    personal = Reference("registry.test", "cindy/api", "okteto")
    push_image(registry, API.with_tag(key(1)), files={"x": "1"})
    registry.tag(API.with_tag(key(1)), personal)
    assert collect(registry) == ["1"]
    assert registry.resolve(personal) is not None


def test_what_is_gone_before_a_refusal_is_told(registry: FakeRegistry) -> None:
    for number in (1, 2, 3):
        push_image(registry, API.with_tag(key(number)), files={"x": str(number)})
    garbage = find_garbage(read_images(registry, [API]), Rules({}, 0, 0), NOW)
    removal = remove(registry, garbage)
    assert next(removal).tag.tag == key(1)
    registry.failures["delete"] = RegistryError("no more")
    with pytest.raises(RegistryError, match="no more"):
        next(removal)
    assert list(registry.tags(API)) == [key(2), key(3)]

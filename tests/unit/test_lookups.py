"""What the registry says of keys and of the user's own tags, asked in one round."""

from __future__ import annotations

import threading
import time

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import RegistryError
from okplug.keys import KeyRecord
from okplug.lookups import Lookup, look_up
from okplug.reference import Reference
from okplug.testing import FakeRegistry, push_image, push_index

KEY, ROOT = "0a" * 16, "0b" * 32
SHARED = Reference("registry.test", "okteto/api", KEY)
OWN = Reference("registry.test", "cindy/api", "okteto")
RECORD = KeyRecord(KEY, ROOT, ())


def look_one_up(registry: FakeRegistry, *, verify: bool = True) -> Lookup:
    return look_up(registry, {"api:api": (SHARED, RECORD)}, verify=verify).keys["api:api"]


# --------------------------------------------------------------------------------------------- keys


def test_a_key_that_nobody_built_is_a_miss_without_a_reason() -> None:
    assert look_one_up(FakeRegistry()) == Lookup()


def test_a_key_with_the_right_root_is_a_hit_by_digest() -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, SHARED, files={"a": "a"}, annotations={ROOT_ANNOTATION: ROOT})
    artifact = look_one_up(registry).artifact
    assert artifact is not None
    assert str(artifact.reference) == f"registry.test/okteto/api@{descriptor.digest}"
    assert artifact.descriptor.digest == descriptor.digest


def test_an_index_of_two_platforms_is_a_hit_by_the_root_of_the_index() -> None:
    registry = FakeRegistry()
    untagged = SHARED.repository_only()
    images = {
        platform: push_image(registry, untagged, files={"a": platform}, platform=platform)
        for platform in ("linux/amd64", "linux/arm64")
    }
    index = push_index(registry, SHARED, images, annotations={ROOT_ANNOTATION: ROOT})
    artifact = look_one_up(registry).artifact
    assert artifact is not None
    assert artifact.reference.digest == index.digest


@pytest.mark.parametrize("annotations", [{ROOT_ANNOTATION: "0c" * 32}, {ROOT_ANNOTATION: ""}, {}])
def test_an_image_of_another_root_or_of_none_is_refused(annotations: dict[str, str]) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED, annotations=annotations)
    assert look_one_up(registry) == Lookup(
        reason=f"registry.test/okteto/api:{KEY} was made from other content than its key says"
    )


def test_a_root_that_the_registry_does_not_tell_is_read_from_the_manifest() -> None:
    class Silent(FakeRegistry):
        """As most registries are: a HEAD tells no annotations."""

        def resolve(self, reference: Reference) -> Descriptor | None:
            found = super().resolve(reference)
            return found and Descriptor(found.media_type, found.digest, found.size)

    registry = Silent()
    push_image(registry, SHARED, annotations={ROOT_ANNOTATION: ROOT})
    assert look_one_up(registry).artifact
    assert registry.calls["read_manifest"] == 1


def test_a_manifest_that_goes_away_between_two_questions_is_refused() -> None:
    class Forgetful(FakeRegistry):
        """Loses a manifest once it has told of it."""

        def read_manifest(self, reference: Reference) -> None:
            self.calls[f"read {reference.tag}"] += 1

    registry = Forgetful()
    push_image(registry, SHARED)
    assert look_one_up(registry).artifact is None
    assert registry.calls[f"read {KEY}"] == 1


@pytest.mark.parametrize("annotations", [{ROOT_ANNOTATION: "0c" * 32}, {}])
def test_without_verification_the_key_alone_counts(annotations: dict[str, str]) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED, annotations=annotations)
    assert look_one_up(registry, verify=False).artifact
    assert registry.calls["read_manifest"] == 0


@pytest.mark.parametrize("method", ["resolve", "read_manifest"])
def test_a_registry_that_cannot_be_asked_is_a_miss_with_its_reason(method: str) -> None:
    registry = FakeRegistry()
    push_image(registry, SHARED)
    registry.failures[method] = RegistryError("connection refused", hint="start it")
    assert look_one_up(registry) == Lookup(
        reason="the registry cannot be asked: connection refused", failure="connection refused"
    )


def test_a_fault_of_the_registry_s_plugin_is_no_miss() -> None:
    registry = FakeRegistry()
    registry.failures["resolve"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        look_one_up(registry)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_many_keys_are_asked_once_each(concurrency: int) -> None:
    registry = FakeRegistry(concurrency=concurrency)
    shared = {
        f"i{n}:i{n}": (Reference("registry.test", f"okteto/i{n}", KEY), RECORD) for n in range(20)
    }
    for reference, _ in list(shared.values())[::2]:
        push_image(registry, reference, annotations={ROOT_ANNOTATION: ROOT})
    registry.calls.clear()
    found = look_up(registry, shared, verify=True).keys
    assert [bool(lookup.artifact) for lookup in found.values()] == [True, False] * 10
    assert list(found) == list(shared)
    assert registry.calls == {"resolve": 20}


# --------------------------------------------------------------------------------------------- tags


def test_a_tag_is_told_by_where_it_points() -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, OWN)
    found = look_up(registry, {}, [OWN, OWN.with_tag("other")], verify=True)
    assert found.tags == {OWN: descriptor.digest}


def test_of_a_tag_that_cannot_be_asked_for_nothing_is_known() -> None:
    registry = FakeRegistry()
    push_image(registry, OWN)
    registry.failures["resolve"] = RegistryError("connection refused")
    assert look_up(registry, {}, [OWN], verify=True).tags == {}


def test_keys_and_tags_are_one_round() -> None:
    both = threading.Barrier(2)

    class Patient(FakeRegistry):
        """Answers when as many ask as there are questions."""

        def resolve(self, reference: Reference) -> Descriptor | None:
            both.wait(timeout=30)
            return super().resolve(reference)

    registry = Patient(concurrency=2)
    found = look_up(registry, {"api:api": (SHARED, RECORD)}, [OWN], verify=True)
    assert found.keys == {"api:api": Lookup()}
    assert found.tags == {}


@pytest.mark.parametrize(("at_once", "most"), [(True, 4), (False, 1)])
def test_how_many_keys_are_asked_for_at_the_same_time(*, at_once: bool, most: int) -> None:
    registry = Busy()
    keys = {f"api:{number}": (SHARED, RECORD) for number in range(8)}
    assert len(look_up(registry, keys, verify=True, at_once=at_once).keys) == 8
    assert registry.most <= most
    assert (registry.most == 1) is not at_once


class Busy(FakeRegistry):
    """A registry that counts who asks it at the same time."""

    def __init__(self) -> None:
        super().__init__(concurrency=4)
        self.asking = self.most = 0
        self.guard = threading.Lock()

    def resolve(self, reference: Reference) -> Descriptor | None:
        """Take a while."""
        with self.guard:
            self.asking += 1
            self.most = max(self.most, self.asking)
        time.sleep(0.05)
        with self.guard:
            self.asking -= 1
        return super().resolve(reference)

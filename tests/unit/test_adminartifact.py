from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.adminartifact import (
    ARTIFACT_TYPE,
    EMPTY_TYPE,
    LAYER_TYPE,
    Published,
    publish,
    read_published,
    variables_reference,
)
from okplug.errors import RegistryError
from okplug.oci import OCI_MANIFEST
from okplug.testing import FakeRegistry, push_image

if TYPE_CHECKING:
    from okplug.backends import Descriptor
    from okplug.reference import Reference

NOTHING = Published()


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry without variables."""
    return FakeRegistry()


def place(registry: FakeRegistry) -> Reference:
    return variables_reference(registry, "okteto")


def read(registry: FakeRegistry) -> dict[str, str]:
    return dict(read_published(registry, place(registry), NOTHING).variables)


def test_the_place_is_in_the_global_namespace(registry: FakeRegistry) -> None:
    assert str(place(registry)) == "registry.test/okteto/okplug-admin:variables"


def test_there_are_none_at_first_which_takes_one_request(registry: FakeRegistry) -> None:
    assert read_published(registry, place(registry), NOTHING) == NOTHING
    assert registry.calls == {"read_manifest": 1}


def test_what_is_published_is_read(registry: FakeRegistry) -> None:
    done = publish(registry, place(registry), {"B": "2", "A": "1"})
    assert read_published(registry, place(registry), NOTHING) == done
    assert done.variables == {"A": "1", "B": "2"}


def test_what_is_known_takes_one_request(registry: FakeRegistry) -> None:
    done = publish(registry, place(registry), {"A": "1"})
    registry.calls.clear()
    assert read_published(registry, place(registry), done) is done
    assert registry.calls == {"read_manifest": 1}


def test_the_artifact_is_one_after_the_specification(registry: FakeRegistry) -> None:
    publish(registry, place(registry), {"B": "2", "A": "1"})
    found = registry.read_manifest(place(registry))
    assert found
    document = json.loads(found[1])
    layer = document["layers"][0]
    assert document["artifactType"] == ARTIFACT_TYPE
    assert document["mediaType"] == OCI_MANIFEST
    assert document["config"] == {
        "mediaType": EMPTY_TYPE,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
    }
    assert layer["mediaType"] == LAYER_TYPE
    with registry.open_blob(place(registry), layer["digest"]) as stream:
        assert stream.read() == b'{"variables":{"A":"1","B":"2"}}'


def test_equal_variables_are_equal_bytes(registry: FakeRegistry) -> None:
    other = FakeRegistry()
    publish(registry, place(registry), {"A": "1"})
    one = publish(registry, place(registry), {"B": "2"})
    assert publish(other, place(other), {"B": "2", "A": "1"}).digest == one.digest


def test_changes_leave_the_others_alone(registry: FakeRegistry) -> None:
    publish(registry, place(registry), {"A": "1", "B": "2"})
    publish(registry, place(registry), {"B": None, "C": "3"})
    assert read(registry) == {"A": "1", "C": "3"}


def test_what_changes_nothing_writes_nothing(registry: FakeRegistry) -> None:
    publish(registry, place(registry), {"A": "1"})
    before = registry.writes
    publish(registry, place(registry), {"A": "1", "B": None})
    assert registry.writes == before


class Interrupted(FakeRegistry):
    """Somebody else publishes right before or after the tag moves, as often as it is told."""

    def __init__(self, *, after: bool, times: int = 1) -> None:
        super().__init__()
        self._after = after
        self._left = times
        self._is_other = False
        self._lock_of_test = threading.Lock()

    def write_manifest(self, reference: Reference, media_type: str, data: bytes) -> Descriptor:
        """Store a manifest; the other one is quicker."""
        done = super().write_manifest(reference, media_type, data)
        if not self._after:
            self._interfere()
        return done

    def tag(self, source: Reference, target: Reference) -> Descriptor:
        """Move the tag; the other one moves it too, with what was there before this."""
        old = dict(self.repository(target).tags)
        done = super().tag(source, target)
        if self._after:
            self.repository(target).tags.clear()
            self.repository(target).tags.update(old)
            if not self._interfere():
                self.repository(target).tags[target.tag] = done.digest
        return done

    def _interfere(self) -> bool:
        if self._is_other or not self._left:
            return False
        self._left -= 1
        self._is_other = True
        publish(self, place(self), {"OTHER": str(self._left)})
        self._is_other = False
        return True


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("times", [1, 3])
def test_nothing_of_two_at_once_is_lost(*, after: bool, times: int) -> None:
    registry = Interrupted(after=after, times=times)
    done = publish(registry, place(registry), {"A": "1"})
    assert done.variables == read(registry) == {"A": "1", "OTHER": "0"}


def test_others_who_write_all_the_time_are_an_error() -> None:
    registry = Interrupted(after=False, times=1000)
    with pytest.raises(RegistryError, match=r"^somebody else changes .*:variables all the time\n"):
        publish(registry, place(registry), {"A": "1"})


def test_another_image_under_the_tag_is_refused(registry: FakeRegistry) -> None:
    push_image(registry, place(registry), files={"a": b"x"})
    with pytest.raises(RegistryError) as caught:
        read(registry)
    assert caught.value.message == (
        "registry.test/okteto/okplug-admin:variables holds no administrator's variables: expected "
        "an artifact of type application/vnd.okplug.admin.v1"
    )


@pytest.mark.parametrize(
    "layer", [b"x", b"[]", b"{}", b'{"variables": {"A": 1}}', b'{"variables": []}', b"\xff"]
)
def test_another_layer_is_refused(registry: FakeRegistry, layer: bytes) -> None:
    target = place(registry)
    config = registry.write_blob(target, io.BytesIO(b"{}"), EMPTY_TYPE)
    blob = registry.write_blob(target, io.BytesIO(layer), LAYER_TYPE)
    parts = [
        {"mediaType": part.media_type, "digest": part.digest, "size": part.size}
        for part in (config, blob)
    ]
    manifest = {"schemaVersion": 2, "artifactType": ARTIFACT_TYPE}
    manifest |= {"config": parts[0], "layers": parts[1:]}
    written = registry.write_manifest(target, OCI_MANIFEST, json.dumps(manifest).encode())
    registry.tag(target.with_tag("").with_digest(written.digest), target)
    with pytest.raises(RegistryError, match="expected a JSON object of names and texts"):
        read(registry)


def test_too_much_is_refused(registry: FakeRegistry) -> None:
    with pytest.raises(RegistryError, match=r"at most 1 MiB$"):
        publish(registry, place(registry), {"A": "x" * 2**20})
    assert read(registry) == {}


@given(st.dictionaries(st.from_regex(r"[A-Za-z_]\w{0,9}", fullmatch=True), st.text(), max_size=5))
def test_any_values_can_be_kept(variables: dict[str, str]) -> None:
    registry = FakeRegistry()
    publish(registry, place(registry), variables)
    assert read(registry) == variables

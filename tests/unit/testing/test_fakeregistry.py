"""The registry in memory keeps the contract, and does what only fakes do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug.reference import Reference
from okplug.testing import FakeRegistry, RegistryContract, push_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.backends import Registry

API = Reference("registry.test", "okteto/api", "1.0")


class TestFakeRegistry(RegistryContract):
    """The contract."""

    @pytest.fixture
    def registry(self) -> FakeRegistry:
        """Return an empty registry."""
        return FakeRegistry()

    @pytest.fixture
    def written(self, registry: Registry) -> Callable[[], object]:
        """Return the number of writes."""
        assert isinstance(registry, FakeRegistry)
        return lambda: registry.writes


def test_calls_are_counted() -> None:
    registry = FakeRegistry()
    push_image(registry, API, files=[{"a": "1"}, {"b": "2"}])
    registry.resolve(API)
    list(registry.tags(API))
    assert registry.calls == {
        "write_blob": 3,
        "write_manifest": 1,
        "tag": 1,
        "resolve": 1,
        "tags": 1,
    }


def test_it_fails_when_told_and_heals() -> None:
    registry = FakeRegistry()
    push_image(registry, API, files={"a": "1"})
    registry.failures["resolve"] = RegistryError("the network is down")
    with pytest.raises(RegistryError, match=r"^the network is down$"):
        registry.resolve(API)
    assert registry.read_manifest(API) is not None
    del registry.failures["resolve"]
    assert registry.resolve(API) is not None
    assert registry.calls["resolve"] == 2


@pytest.mark.parametrize(
    "method", ["open_blob", "write_blob", "mount_blob", "write_manifest", "tag", "delete", "tags"]
)
def test_a_failure_changes_nothing(method: str) -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, API, files={"a": "1"})
    before = registry.writes
    registry.failures[method] = RegistryError("no")
    calls: dict[str, Callable[[], object]] = {
        "open_blob": lambda: registry.open_blob(API, descriptor.digest),
        "write_blob": lambda: push_image(registry, API),
        "mount_blob": lambda: registry.mount_blob(API, API.with_tag("b"), descriptor.digest),
        "write_manifest": lambda: registry.write_manifest(API, "x", b"{}"),
        "tag": lambda: registry.tag(API, API.with_tag("b")),
        "delete": lambda: registry.delete(API),
        "tags": lambda: list(registry.tags(API)),
    }
    with pytest.raises(RegistryError, match=r"^no$"):
        calls[method]()
    assert registry.writes == before


def test_spoiled_bytes_are_noticed() -> None:
    registry = FakeRegistry()
    descriptor = push_image(registry, API, files={"a": "1"})
    repository = registry.repository(API)
    layer = next(digest for digest in repository.blobs if digest not in repository.manifests)
    repository.blobs[layer] += b"!"
    with pytest.raises(RegistryError, match=f"^the bytes of {layer} are wrong$"):
        registry.open_blob(API, layer)
    repository.blobs[descriptor.digest] += b"!"
    with pytest.raises(RegistryError, match=f"^the bytes of {descriptor.digest} are wrong$"):
        registry.read_manifest(API)


def test_only_a_tag_can_be_pointed() -> None:
    registry = FakeRegistry()
    push_image(registry, API, files={"a": "1"})
    with pytest.raises(RegistryError, match=r"^registry\.test/okteto/api is no tag$"):
        registry.tag(API, API.with_tag(""))


def test_the_header() -> None:
    assert FakeRegistry("r.example").describe() == "memory, as r.example"

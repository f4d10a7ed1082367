"""Removing, with registries that remove tags and with those that remove manifests only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import RegistryError
from okplug_registry.failures import StatusError
from tests.unit.plugins.registry.fakehost import (
    Answer,
    Asked,
    Host,
    Uploads,
    digest_of,
    found,
    manifest,
    refused,
)

if TYPE_CHECKING:
    from okplug.reference import Reference
    from okplug_registry.registry import HttpRegistry

DATA = manifest()
PATH = "/v2/okteto/api/manifests"


class OldRegistry:
    """Manifests of one repository, whose tags go with what they point at only.

    :param tags: tag -> digest.
    :param seen: what the tag 1.0 has pointed at.
    """

    def __init__(self, host: Host, *, deletes: bool = True) -> None:
        self.host = host
        self.deletes = deletes
        self.manifests: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.seen: list[bytes] = []
        original = host.next_answer

        def next_answer(line: str) -> object:
            return self._serve if f" {PATH}/" in line else original(line)

        host.next_answer = next_answer  # type: ignore[method-assign]  # paths that nobody knows before

    def _serve(self, asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        digest = self.tags.get(name, name)
        if asked.method == "PUT":
            return self._put(name, asked.body)
        if asked.method == "DELETE":
            return self._delete(name)
        data = self.manifests.get(digest)
        return found(data) if data is not None else Answer(404)

    def _put(self, name: str, data: bytes) -> Answer:
        self.manifests[digest_of(data)] = data
        if ":" not in name:
            self.tags[name] = digest_of(data)
            self.seen.append(data)
        return Answer(201)

    def _delete(self, name: str) -> Answer:
        if ":" not in name or not self.deletes:
            return refused(405, "UNSUPPORTED", "The operation is unsupported.")
        del self.manifests[name]
        self.tags = {tag: digest for tag, digest in self.tags.items() if digest != name}
        return Answer(202)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_tag(host: Host, registry: HttpRegistry, api: Reference, status: int) -> None:
    host.on(f"HEAD {PATH}/1.0", found(DATA))
    host.on(f"DELETE {PATH}/1.0", Answer(status))
    assert registry.delete(api) is True


def test_a_manifest(host: Host, registry: HttpRegistry, api: Reference) -> None:
    host.on(f"HEAD {PATH}/{digest_of(DATA)}", found(DATA))
    host.on(f"DELETE {PATH}/{digest_of(DATA)}", Answer(202))
    assert registry.delete(api.with_digest(digest_of(DATA))) is True
    assert host.lines()[-1] == f"DELETE {PATH}/{digest_of(DATA)}"


def test_nothing(host: Host, registry: HttpRegistry, api: Reference) -> None:
    assert registry.delete(api) is False
    assert host.lines() == [f"HEAD {PATH}/1.0"]


def test_what_somebody_else_removes_first(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    host.on(f"HEAD {PATH}/1.0", found(DATA))
    host.on(f"DELETE {PATH}/1.0", refused(404, "MANIFEST_UNKNOWN"))
    assert registry.delete(api) is False


def test_nobody_may(host: Host, registry: HttpRegistry, api: Reference) -> None:
    host.on(f"HEAD {PATH}/1.0", found(DATA))
    host.on(f"DELETE {PATH}/1.0", refused(403, "DENIED"))
    with pytest.raises(StatusError, match=r"before you may delete 1\.0 in"):
        registry.delete(api)


def test_a_tag_where_only_manifests_can_be_removed(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    old = OldRegistry(host)
    Uploads(host, "okteto/api")
    old._put("1.0", DATA)
    old._put("kept", DATA)
    assert registry.delete(api) is True
    assert old.tags == {"kept": digest_of(DATA)}
    assert list(old.manifests) == [digest_of(DATA)]


def test_the_substitute_is_no_image_of_anybody(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    old = OldRegistry(host)
    Uploads(host, "okteto/api")
    for _ in range(2):
        old._put("1.0", DATA)
        registry.delete(api)
    substitutes = [json.loads(data) for data in old.seen if data != DATA]
    assert len(substitutes) == 2
    assert substitutes[0] != substitutes[1]
    assert all(document["layers"] == [] for document in substitutes)


def test_where_nothing_can_be_removed_the_tag_stays(
    host: Host, registry: HttpRegistry, api: Reference
) -> None:
    old = OldRegistry(host, deletes=False)
    Uploads(host, "okteto/api")
    old._put("1.0", DATA)
    with pytest.raises(RegistryError) as raised:
        registry.delete(api)
    assert raised.value.message.startswith(f"{host.host} deletes nothing: ")
    assert raised.value.hint == (
        "allow it there (in the distribution registry: storage.delete.enabled)"
    )
    assert old.tags == {"1.0": digest_of(DATA)}
    assert old.seen == [DATA]

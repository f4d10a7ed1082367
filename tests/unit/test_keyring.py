"""Keys of a graph: each computed once, and again where files changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from okplug import contextfolders, hookimpl
from okplug.collect import collect
from okplug.contextcontent import read_content
from okplug.errors import ContextChangedError, UsageError
from okplug.fingerprint import ContextIndex
from okplug.keyring import Keyring
from okplug.manifest import plugin as okteto_plugin
from okplug.reference import Reference
from okplug.testing import FakeRegistry, HookRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from okplug import Registry
    from okplug.graph import ImageFromElsewhere
    from okplug.manifest.model import Image
    from okplug.testing import Workspace


class Inputs:
    """Serves a registry, and adds to the key of one image."""

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Return a registry."""
        return FakeRegistry()

    @hookimpl
    def okplug_key_inputs(self, image: Image) -> Mapping[str, str] | None:
        """Add to web."""
        return {"compiler": "gcc 14"} if image.name == "web" else None


@pytest.fixture
def chain(workspace: Workspace) -> Workspace:
    """Base <- lib <- api, and web by itself, for two platforms."""
    workspace.write(
        {
            "base/okteto.yaml": "build: {base: .}\n",
            "base/Dockerfile": "FROM scratch\nCOPY data /\n",
            "base/data": "base\n",
            "lib/okteto.yaml": "build: {lib: {context: ., depends_on: 'base:base'}}\n",
            "lib/Dockerfile": "FROM scratch\nCOPY data /\n",
            "lib/data": "lib\n",
            "api/okteto.yaml": "build: {api: {context: ., depends_on: 'lib:lib'}}\n",
            "api/Dockerfile": "FROM scratch\nADD . /\n",
            "web/okteto.yaml": "build: {web: .}\n",
            "web/Dockerfile": "FROM scratch\n",
        }
    )
    return workspace


def keyring(
    workspace: Workspace, *plugins: object, epoch: str = "", platform: str = "linux/amd64"
) -> Keyring:
    workspace.environ["SOURCE_DATE_EPOCH"] = epoch
    config = workspace.config(
        plugins=[okteto_plugin, Inputs(), *plugins],
        settings={"registry": "registry.test", "platform": platform},
    )
    return Keyring(config, collect(config).graph, ContextIndex(workspace.root, None))


def keys(ring: Keyring) -> dict[str, str]:
    return {name: record.key for name, record in ring.compute(ring.graph.order()).items()}


def test_each_record_is_computed_once(chain: Workspace) -> None:
    recorder = HookRecorder()
    ring = keyring(chain, recorder)
    first = ring.record("api:api")
    assert ring.record("api:api") is first
    assert len(keys(ring)) == 4
    asked = [arguments["image"].address for arguments in recorder.of("okplug_key_inputs")]
    assert sorted(asked) == ["api:api", "base:base", "lib:lib", "web:web"]


def test_a_record_holds_the_keys_of_its_dependencies(chain: Workspace) -> None:
    ring = keyring(chain)
    (item,) = (item for item in ring.record("api:api").items if item.kind == "dependency")
    assert (item.subject, item.value) == ("lib:lib", ring.record("lib:lib").key)


def test_a_whole_context_and_a_part_of_one(chain: Workspace) -> None:
    ring = keyring(chain)
    assert [file.relpath for file in ring.context("lib:lib").files] == ["data"]
    assert [file.relpath for file in ring.context("api:api").files] == ["Dockerfile", "okteto.yaml"]
    assert ring.context("web:web").files == ()


def test_inputs(chain: Workspace) -> None:
    ring = keyring(chain, epoch="1700000000", platform="linux/arm64")
    inputs = ring.inputs("web:web")
    assert inputs.platforms == ("linux/arm64",)
    assert inputs.contributed == {"compiler": "gcc 14"}
    assert inputs.source_date_epoch == 1_700_000_000
    assert ring.inputs("base:base").contributed == {}


def test_a_change_is_only_seen_when_the_files_are_forgotten(chain: Workspace) -> None:
    ring = keyring(chain)
    before = keys(ring)
    chain.write({"lib/data": "changed, and longer\n"})
    assert keys(ring) == before
    ring.forget("lib:lib")
    after = keys(ring)
    assert {name for name in after if after[name] != before[name]} == {"lib:lib", "api:api"}


def test_what_is_forgotten_without_a_change_has_the_same_key(chain: Workspace) -> None:
    ring = keyring(chain)
    before = keys(ring)
    ring.forget("base:base")
    assert keys(ring) == before


def changing_while_read(
    chain: Workspace, monkeypatch: pytest.MonkeyPatch, times: int
) -> Callable[[], int]:
    """Have a file of lib grow whenever it is read, and return what tells how often it is to yet."""
    left = [times]

    def read(path: bytes, mode: int, size: int) -> bytes:
        if path.endswith(b"lib/data") and left[0]:
            left[0] -= 1
            chain.write({"lib/data": f"longer and longer{'!' * (9 - left[0])}\n"})
            if left[0] == 0:
                chain.write({"base/data": "other\n"})
        return read_content(path, mode, size)

    monkeypatch.setattr(contextfolders, "read_content", read)
    return lambda: left[0]


def test_files_that_change_while_they_are_hashed_are_all_looked_at_again(
    chain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of what was read before are not kept: images that share files see the same of them."""
    ring = keyring(chain)
    left = changing_while_read(chain, monkeypatch, 1)
    found = keys(ring)
    assert left() == 0
    assert found == keys(keyring(chain))


def test_files_that_change_again_are_an_error(
    chain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keyring(chain)
    changing_while_read(chain, monkeypatch, 3)
    with pytest.raises(ContextChangedError, match="its size is another"):
        keys(ring)


def test_threads_get_one_record(chain: Workspace) -> None:
    ring = keyring(chain)
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(ring.record("api:api"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({id(record) for record in found}) == 1


@pytest.mark.parametrize("epoch", ["tomorrow", "-5", "1e9", "٣", " 1"])
def test_a_wrong_epoch(chain: Workspace, epoch: str) -> None:
    with pytest.raises(UsageError) as raised:
        keyring(chain, epoch=epoch)
    assert raised.value.message == f"SOURCE_DATE_EPOCH is {epoch!r}"
    assert raised.value.hint == (
        "it is a whole number of seconds since 1970-01-01, such as 1700000000"
    )


def test_what_images_from_elsewhere_are_is_asked_once(chain: Workspace) -> None:
    asked: list[str] = []

    def bases(image: Image, uses: Iterable[ImageFromElsewhere]) -> dict[str, Reference]:
        asked.append(image.address)
        assert list(uses) == list(ring.graph.elsewhere(image.address))
        return {"debian:13": Reference("other.test", "debian", "", f"sha256:{'a' * 64}")}

    plain = keyring(chain)
    ring = keyring(chain)
    ring = Keyring(ring._config, ring.graph, ring._index, bases)
    assert ring.record("base:base").key != plain.record("base:base").key
    assert ring.inputs("base:base").bases == {"debian:13": f"sha256:{'a' * 64}"}
    ring.forget("base:base")
    assert str(ring.bases("base:base")["debian:13"]) == f"other.test/debian@sha256:{'a' * 64}"
    assert asked == ["base:base"]
    assert plain.bases("base:base") == {}


# ------------------------------------------------------------------------------------- result keys

CONTENT, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def test_a_result_key_is_made_of_what_dependencies_are(chain: Workspace) -> None:
    before = keyring(chain)
    key = before.record("lib:lib").key
    (chain.root / "base/data").write_text("changed\n")
    after = keyring(chain)
    assert after.record("lib:lib").key != key
    results = [ring.result("lib:lib", {"base:base": CONTENT}) for ring in (before, after)]
    assert results[0] == results[1]
    assert results[0].items == ()
    other = after.result("lib:lib", {"base:base": OTHER})
    assert other.key != results[0].key
    assert other.root != results[0].root


def test_a_result_key_is_made_of_all_else_as_a_key_is(chain: Workspace) -> None:
    before = keyring(chain).result("lib:lib", {"base:base": CONTENT})
    (chain.root / "lib/data").write_text("changed\n")
    after = keyring(chain).result("lib:lib", {"base:base": CONTENT})
    assert before.key != after.key
    assert before.root != after.root


def test_a_result_key_is_no_key(chain: Workspace) -> None:
    ring = keyring(chain)
    assert ring.result("lib:lib", {"base:base": CONTENT}).key != ring.record("lib:lib").key
    assert ring.record("lib:lib") == keyring(chain).record("lib:lib")

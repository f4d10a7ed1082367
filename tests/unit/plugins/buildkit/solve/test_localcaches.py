"""Caches in folders, before and after a build."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug.testing import RecordingControl
from okplug_buildkit.solve.caches import Cache, CacheReader
from okplug_buildkit.solve.localcaches import LocalCaches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from okplug_buildkit.attach.folderstore import FolderStore

REGISTRY = Cache("registry", {"ref": "a/b"})
DATA = b'{"schemaVersion":2}'
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
RESPONSE = {"cache.manifest": json.dumps({"mediaType": "m", "digest": DIGEST, "size": len(DATA)})}


@pytest.fixture
def reader(tmp_path: Path) -> CacheReader:
    """What reads texts that name caches."""
    return CacheReader(tmp_path, {})


@pytest.fixture
def control() -> RecordingControl:
    """What is told."""
    return RecordingControl()


def export(cache: Cache) -> None:
    """Do what a daemon does to export a cache, and what comes after it."""
    caches = LocalCaches([], [cache])
    for _, store in caches.stores():
        store.write("manifest", io.BytesIO(DATA))
    caches.finish(RESPONSE)


def ids(stores: Iterable[tuple[str, FolderStore]]) -> list[str]:
    return [name for name, _ in stores]


def test_no_folders(control: RecordingControl) -> None:
    caches = LocalCaches([REGISTRY], [REGISTRY, Cache("inline", {})])
    assert caches.imports(control) == (REGISTRY,)
    assert list(caches.stores()) == []
    caches.finish(RESPONSE)


def test_what_was_exported_is_imported_by_its_digest(
    reader: CacheReader, control: RecordingControl, tmp_path: Path
) -> None:
    export(reader.exported("type=local,dest=c"))
    wanted = LocalCaches([REGISTRY, reader.imported("type=local,src=c")], [])
    _, found = wanted.imports(control)
    assert found.attributes == {"src": str(tmp_path / "c"), "digest": DIGEST}
    assert control.warnings == []


def test_tags_are_told_apart(reader: CacheReader, control: RecordingControl) -> None:
    export(reader.exported("type=local,dest=c,tag=main"))
    caches = [reader.imported(f"type=local,src=c{tag}") for tag in ("", ",tag=main", ",tag=old")]
    (found,) = LocalCaches(caches, []).imports(control)
    assert found.attributes["digest"] == DIGEST
    assert found.attributes["tag"] == "main"


def test_a_cache_that_is_not_there_is_passed_over(
    reader: CacheReader, control: RecordingControl, tmp_path: Path
) -> None:
    caches = LocalCaches([reader.imported("type=local,src=none"), REGISTRY], [])
    assert caches.imports(control) == (REGISTRY,)
    assert control.warnings == [f"the cache in {tmp_path}/none is not there; it is not imported"]
    assert not (tmp_path / "none").exists()


def test_a_digest_that_is_given_counts(reader: CacheReader, control: RecordingControl) -> None:
    cache = reader.imported(f"type=local,src=none,digest={DIGEST}")
    assert LocalCaches([cache], []).imports(control) == (cache,)


def test_the_daemon_knows_a_folder_by_its_path(reader: CacheReader, tmp_path: Path) -> None:
    caches = LocalCaches(
        [reader.imported("type=local,src=in")], [reader.exported("type=local,dest=/out")]
    )
    assert ids(caches.stores()) == [f"local:{tmp_path}/in", "local:/out"]


def test_a_build_that_exported_nothing_changes_nothing(
    reader: CacheReader, control: RecordingControl, tmp_path: Path
) -> None:
    export(reader.exported("type=local,dest=c"))
    before = (tmp_path / "c/index.json").read_bytes()
    LocalCaches([], [reader.exported("type=local,dest=c")]).finish({})
    assert (tmp_path / "c/index.json").read_bytes() == before
    assert LocalCaches([reader.imported("type=local,src=c")], []).imports(control)


def test_a_folder_that_cannot_be_written(reader: CacheReader, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file")
    with pytest.raises(BuildError) as caught:
        LocalCaches([], [reader.exported("type=local,dest=c")]).finish(RESPONSE)
    assert f"the cache in {tmp_path}/c cannot be used" in str(caught.value)


def test_a_layout_that_is_none(
    reader: CacheReader, control: RecordingControl, tmp_path: Path
) -> None:
    Path(tmp_path / "c").mkdir()
    (tmp_path / "c/index.json").write_text("[")
    with pytest.raises(BuildError, match="is not the index of an OCI image layout"):
        LocalCaches([reader.imported("type=local,src=c")], []).imports(control)

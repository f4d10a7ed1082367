"""A local cache: blobs in an OCI image layout, and its index."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from okplug.errors import BuildError
from okplug_buildkit.attach.folderstore import FolderStore
from okplug_buildkit.rpc import CallCancelled, Code, RpcError

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"0123456789"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
OTHER = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
TAG, NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "app"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    return FolderStore(folder)


def descriptor(digest: str = DIGEST, **fields: Any) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": 10,
        **fields,
    }


def index_of(folder: Path) -> list[Any]:
    document = json.loads((folder / "index.json").read_bytes())
    assert document["schemaVersion"] == 2
    assert document["mediaType"] == "application/vnd.oci.image.index.v1+json"
    entries: list[Any] = document["manifests"]
    return entries


# -------------------------------------------------------------------------------------------- blobs


def test_a_folder_need_not_be_there(store: FolderStore, folder: Path) -> None:
    assert store.size(DIGEST) is None
    assert not store.has("layer-x", DIGEST)
    assert store.find() is None
    assert not folder.exists()


def test_a_blob_is_there_when_it_is_written(store: FolderStore, folder: Path) -> None:
    assert store.write("layer-x", io.BytesIO(DATA)) == (DIGEST, 10)
    path = folder / "blobs" / "sha256" / DIGEST[7:]
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o644
    assert store.size(DIGEST) == 10
    assert store.has("layer-x", DIGEST)
    assert sorted(entry.name for entry in folder.iterdir()) == ["blobs"]


def test_any_part_of_a_blob(store: FolderStore) -> None:
    store.write("layer-x", io.BytesIO(DATA))
    assert b"".join(store.read(DIGEST, 0, 10)) == DATA
    assert b"".join(store.read(DIGEST, 3, 4)) == b"3456"
    assert b"".join(store.read(DIGEST, 10, 0)) == b""


def test_large_blobs_come_in_pieces(store: FolderStore) -> None:
    data = bytes(3 << 20)
    digest, _ = store.write("layer-x", io.BytesIO(data))
    pieces = list(store.read(digest, 1, (3 << 20) - 1))
    assert max(map(len, pieces)) == 1 << 20
    assert b"".join(pieces) == data[1:]


def test_a_write_that_is_broken_off_leaves_nothing(store: FolderStore, folder: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise CallCancelled
            return data

    with pytest.raises(CallCancelled):
        store.write("layer-x", Broken(DATA))
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "", "sha256:", "md5:abc", DIGEST[7:]]
)
def test_digests_lead_nowhere_else(store: FolderStore, digest: str) -> None:
    for call in (store.size, lambda digest: list(store.read(digest, 0, 1))):
        with pytest.raises(RpcError) as caught:
            call(digest)
        assert caught.value.code == Code.INVALID_ARGUMENT


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FolderStore(tmp_path / "file" / "cache")
    with pytest.raises(BuildError) as caught:
        store.write("layer-x", io.BytesIO(DATA))
    assert str(caught.value) == (
        f"the cache in {tmp_path}/file/cache cannot be used: Not a directory\n"
        "  hint: it needs room and the right to write; another folder is cache_to's dest="
    )


# -------------------------------------------------------------------------------------------- index


def test_a_tag_finds_what_it_was_pointed_at(store: FolderStore, folder: Path) -> None:
    store.write("manifest-x", io.BytesIO(DATA))
    store.point(descriptor())
    assert store.find() == DIGEST
    assert store.find("other") is None
    assert index_of(folder) == [descriptor(annotations={TAG: "latest"})]
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert not [path for path in folder.iterdir() if path.name.endswith(".new")]


def test_a_tag_moves_and_others_stay(store: FolderStore, folder: Path) -> None:
    for data in (DATA, b"other"):
        store.write("manifest-x", io.BytesIO(data))
    store.point(descriptor(), "a")
    store.point(descriptor(), "b")
    store.point(descriptor(OTHER), "a")
    assert (store.find("a"), store.find("b")) == (OTHER, DIGEST)
    assert len(index_of(folder)) == 2


def test_an_image_has_its_full_name_too(store: FolderStore, folder: Path) -> None:
    for data in (DATA, b"other"):
        store.write("manifest-x", io.BytesIO(data))
    store.point(descriptor(), "1.0")
    store.point(descriptor(OTHER, annotations={"x": "y"}), "1.0", "docker.io/library/app:1.0")
    assert store.find("docker.io/library/app:1.0") == OTHER
    assert index_of(folder)[1]["annotations"] == {
        "x": "y",
        TAG: "1.0",
        NAME: "docker.io/library/app:1.0",
    }
    assert store.find("1.0") == DIGEST


def test_a_blob_that_has_gone_is_not_found(store: FolderStore) -> None:
    store.point(descriptor())
    assert store.find() is None


def test_entries_of_other_tools_stay(store: FolderStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    foreign = [
        {"digest": OTHER},
        {"digest": 7, "annotations": {TAG: "latest"}},
        {"annotations": []},
    ]
    (folder / "index.json").write_text(json.dumps({"manifests": [*foreign, 3]}))
    assert store.find() is None
    store.point(descriptor(), "a")
    assert index_of(folder) == [*foreign, descriptor(annotations={TAG: "a"})]


@pytest.mark.parametrize("text", ["{", "[]", '{"manifests": 3}', "[" * 100_000])
def test_an_index_that_is_none(store: FolderStore, folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "index.json").write_text(text)
    with pytest.raises(BuildError) as caught:
        store.find()
    assert str(caught.value) == (
        f"{folder}/index.json is not the index of an OCI image layout\n"
        "  hint: remove the folder, and the next build writes the cache anew"
    )


def test_an_index_without_entries(store: FolderStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "index.json").write_text('{"manifests": null}')
    assert store.find() is None


def test_writers_of_an_index_wait_for_each_other(store: FolderStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    writer = threading.Thread(target=store.point, args=(descriptor(),))
    with (folder / "index.json.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.1)
        assert not (folder / "index.json").exists()
    writer.join()
    assert len(index_of(folder)) == 1


def test_no_entry_is_lost_when_many_write(store: FolderStore, folder: Path) -> None:
    writers = [threading.Thread(target=store.point, args=(descriptor(), str(n))) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(entry["annotations"][TAG] for entry in index_of(folder)) == list("01234567")

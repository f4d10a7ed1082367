"""Index files: read once per version, what other tools wrote kept, what is none refused."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug.backends import ROOT_ANNOTATION, Descriptor
from okplug.errors import RegistryError
from okplug.oci import OCI_INDEX, OCI_MANIFEST
from okplug_layout import indexes
from okplug_layout.indexes import REF_NAME, Index, Indexes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = (f"sha256:{letter * 64}" for letter in "ab")
IMAGE = Descriptor(OCI_MANIFEST, A, 7, {ROOT_ANNOTATION: "ff" * 32})


def entry(tag: str, digest: str = A) -> dict[str, object]:
    return {
        "mediaType": OCI_MANIFEST,
        "digest": digest,
        "size": 7,
        "annotations": {REF_NAME: tag},
    }


def write(path: Path, *entries: object, age: float = 10.0) -> None:
    """Put a new file in the place of the old one, as writers do."""
    temporary = path.with_name("temporary")
    temporary.write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    then = time.time() - age
    os.utime(temporary, (then, then + 0.000_000_1))
    temporary.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.json"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What was parsed, one item per time."""
    seen: list[bytes] = []
    original = indexes._parse

    def parse(path: Path, data: bytes) -> Index:
        seen.append(data)
        return original(path, data)

    monkeypatch.setattr(indexes, "_parse", parse)
    return iter([seen])


def test_a_file_that_is_not_there_is_an_empty_index(path: Path) -> None:
    index = Indexes().read(path)
    assert index.tags == ()
    assert index.entries == ()
    assert index.find("latest") is None
    assert json.loads(index.encode()) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [],
    }


def test_an_empty_file_is_an_empty_index(path: Path) -> None:
    path.touch()
    assert Indexes().read(path) == Index(path)


def test_tags_are_set_and_moved(path: Path) -> None:
    reader = Indexes()
    path.write_bytes(reader.read(path).with_tag("1.0", IMAGE))
    path.write_bytes(reader.read(path).with_tag("latest", IMAGE))
    path.write_bytes(reader.read(path).with_tag("1.0", Descriptor(OCI_MANIFEST, B, 8)))
    index = reader.read(path)
    assert index.tags == ("1.0", "latest")
    assert index.find("latest") == IMAGE
    assert index.find("1.0") == Descriptor(OCI_MANIFEST, B, 8)
    assert json.loads(path.read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": A,
                "size": 7,
                "annotations": {REF_NAME: "latest", ROOT_ANNOTATION: "ff" * 32},
            },
            {"mediaType": OCI_MANIFEST, "digest": B, "size": 8, "annotations": {REF_NAME: "1.0"}},
        ],
    }


def test_null_is_an_index_without_entries(path: Path) -> None:
    path.write_text('{"schemaVersion": 2, "manifests": null}')
    index = Indexes().read(path)
    assert (index.tags, list(index.entries)) == ((), [])
    assert len(json.loads(index.with_tag("x", IMAGE))["manifests"]) == 1


def test_what_other_tools_wrote_stays(path: Path) -> None:
    entries: list[object] = [{"mediaType": OCI_MANIFEST, "digest": B, "size": 1}]
    document = {
        "schemaVersion": 2,
        "manifests": [
            {**entry("theirs"), "platform": {"os": "linux", "architecture": "arm64"}, "x": [1]},
            *entries,
        ],
        "annotations": {"made.by": "another tool"},
    }
    path.write_text(json.dumps(document))
    changed = json.loads(Indexes().read(path).with_tag("ours", IMAGE))
    assert changed["manifests"][:2] == document["manifests"]
    assert changed["annotations"] == document["annotations"]
    without = Indexes().read(path).without(lambda entry: indexes.has_tag(entry, "theirs"))
    assert json.loads(without.encode())["manifests"] == entries


def test_a_tag_that_is_there_twice_is_its_first_entry(path: Path) -> None:
    write(path, entry("x", A), entry("x", B))
    index = Indexes().read(path)
    found = index.find("x")
    assert found is not None
    assert found.digest == A
    assert len(json.loads(index.with_tag("x", IMAGE))["manifests"]) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "expected an object with a list named manifests"),
        ("{}", "expected an object with a list named manifests"),
        ('{"manifests": {}}', "expected an object with a list named manifests"),
        ('{"schemaVersion": 1, "manifests": []}', "expected schemaVersion 2, not 1"),
        ('{"schemaVersion": "2", "manifests": []}', "expected schemaVersion 2, not '2'"),
    ],
)
def test_what_is_no_index(path: Path, text: str, problem: str) -> None:
    path.write_text(text)
    with pytest.raises(RegistryError) as caught:
        Indexes().read(path)
    assert str(caught.value) == (
        f"{path} is not the index of an OCI image layout: {problem}\n"
        "  hint: okplug did not write it so; "
        f"move {path.parent} away and build its images again"
    )


@pytest.mark.parametrize("data", [b" ", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(RegistryError, match=r"is not the index of an OCI image layout: no JSON: "):
        Indexes().read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"annotations": {REF_NAME: "x"}},
        {**entry("x"), "size": "7"},
        {**entry("x"), "digest": None},
    ],
)
def test_an_entry_that_is_no_descriptor(path: Path, wrong: dict[str, object]) -> None:
    write(path, wrong, entry("fine"))
    index = Indexes().read(path)
    assert index.find("fine") is not None
    with pytest.raises(RegistryError, match=r"index\.json is not the index of an OCI image layout"):
        index.find("x")


@pytest.mark.parametrize(
    "odd", ["text", None, 7, {"annotations": 1}, {"annotations": {REF_NAME: 1}}]
)
def test_an_entry_without_tag_has_none(path: Path, odd: object) -> None:
    write(path, odd)
    assert Indexes().read(path).tags == ()
    assert not indexes.has_digest(odd, A)


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RegistryError, match=r"^cannot read .*/index\.json: Is a directory"):
        Indexes().read(path)


# ------------------------------------------------------------------------------ each version once


def test_a_version_is_parsed_once(path: Path, parsed: Iterator[list[bytes]]) -> None:
    seen = next(parsed)
    reader = Indexes()
    write(path, entry("a"))
    assert all(reader.read(path).tags == ("a",) for _ in range(5))
    assert len(seen) == 1
    write(path, entry("b"), age=5)
    assert all(reader.read(path).tags == ("b",) for _ in range(5))
    assert len(seen) == 2


def test_threads_parse_a_version_once(path: Path, parsed: Iterator[list[bytes]]) -> None:
    seen = next(parsed)
    reader = Indexes()
    write(path, *(entry(f"t{number}") for number in range(500)))
    barrier = threading.Barrier(8)

    def read() -> None:
        barrier.wait()
        assert len(reader.read(path).tags) == 500

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1


def test_two_versions_of_one_moment_are_told_apart(path: Path) -> None:
    """The second has the size and time of the first, and may even get its inode."""
    reader = Indexes()
    write(path, entry("a"), age=0)
    stat = path.stat()
    assert reader.read(path).tags == ("a",)
    text = path.read_text().replace('name": "a"', 'name": "b"')
    path.write_text(text)  # the inode stays, as if it had been given again
    os.utime(path, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert (path.stat().st_ino, path.stat().st_size) == (stat.st_ino, stat.st_size)
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert reader.read(path).tags == ("b",)


def test_a_file_system_that_keeps_whole_seconds(path: Path, parsed: Iterator[list[bytes]]) -> None:
    """A version of the last second may not be the last one of its second."""
    seen = next(parsed)
    reader = Indexes()
    write(path, entry("a"))
    for seconds, times in ((1, 2), (10, 3)):
        then = (time.time_ns() // 1_000_000_000 - seconds) * 1_000_000_000
        os.utime(path, ns=(then, then))
        reader.read(path)
        reader.read(path)
        assert len(seen) == times


def test_a_file_that_goes_is_empty_again(path: Path) -> None:
    reader = Indexes()
    write(path, entry("a"))
    assert reader.read(path).tags == ("a",)
    path.unlink()
    assert reader.read(path).tags == ()

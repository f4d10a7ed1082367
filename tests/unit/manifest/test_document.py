from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import ManifestError
from okplug.manifest.document import read_bytes, read_sections

PATH = Path("okteto.yml")


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"~\n", b"---\n"])
def test_nothing_has_no_sections(data: bytes) -> None:
    assert read_sections(data, PATH) == {}


def test_the_entries_of_the_map() -> None:
    sections = read_sections(b"build: {}\nname: shop\n", PATH)
    assert list(sections) == ["build", "name"]
    assert str(sections["name"].key.location) == "okteto.yml:2:1"


@pytest.mark.parametrize("data", [b"- a\n", b"text\n"])
def test_what_is_no_map(data: bytes) -> None:
    with pytest.raises(ManifestError, match=r"okteto.yml:1:1: the manifest: expected a map"):
        read_sections(data, PATH)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    assert read_bytes(tmp_path / "x") == b"\xff"
    with pytest.raises(ManifestError, match="the manifest cannot be read: Is a directory"):
        read_bytes(tmp_path)

"""The variables of a run and of its manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.environment import EnvFiles
from okplug.errors import UsageError
from okplug.masking import Masks
from okplug.settings import Setting

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = (
    Setting("namespace", "text", "", "", environ=("OKTETO_NAMESPACE",)),
    Setting("jobs", "number", 0, ""),
)


def files(root: Path, **process: str) -> EnvFiles:
    return EnvFiles(root, process, Masks())


def write(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / ".env").write_text(text)
    return str(folder)


def test_without_a_file_the_environment_is_what_it_is(tmp_path: Path) -> None:
    process = {"A": "1"}
    found = EnvFiles(tmp_path, process, Masks())
    assert found.at_root() is process
    assert found.below(str(tmp_path / "api"), process) is process
    assert list(found.assignments(SETTINGS)) == []


def test_the_process_counts_more_than_folders_and_folders_more_than_the_root(
    tmp_path: Path,
) -> None:
    write(tmp_path, "A=root\nB=root\nC=root\nD=root\n")
    api = write(tmp_path / "api", "B=api\nC=api\nE=$A $B $C\n")
    found = files(tmp_path, C="process")
    assert found.at_root() == {"A": "root", "B": "root", "C": "process", "D": "root"}
    assert found.below(api, found.at_root()) == {
        "A": "root",
        "B": "api",
        "C": "process",
        "D": "root",
        "E": "root api process",
    }
    assert found.below(str(tmp_path), found.at_root()) == found.at_root()


def test_what_counts_for_the_run_counts_below_a_folder(tmp_path: Path) -> None:
    api = write(tmp_path / "api", "A=api\n")
    assert files(tmp_path).below(api, {"A": "administrator", "B": "administrator"}) == {
        "A": "api",
        "B": "administrator",
    }


def test_a_file_is_read_once(tmp_path: Path) -> None:
    api = write(tmp_path / "api", "A=1\n")
    found = files(tmp_path)
    assert found.below(api, {}) == {"A": "1"}
    write(tmp_path / "api", "A=2\n")
    assert found.below(api, {}) == {"A": "1"}


def test_settings_of_the_root(tmp_path: Path) -> None:
    write(tmp_path, "\nOKTETO_NAMESPACE=bob\nOKPLUG_JOBS=\n")
    (given,) = files(tmp_path).assignments(SETTINGS)
    assert (given.name, given.raw, given.origin) == ("namespace", "bob", ".env:2")
    assert given.location is not None
    assert given.location.path == tmp_path / ".env"


def test_where_a_variable_comes_from(tmp_path: Path) -> None:
    write(tmp_path, "A=1\nB=2\n")
    found = files(tmp_path, B="process")
    place = found.place("A")
    assert place is not None
    assert place.line == 1
    assert found.place("B") is None
    assert found.place("C") is None


def test_values_are_masked(tmp_path: Path) -> None:
    write(tmp_path, "A=hunter2\n")
    api = write(tmp_path / "api", "B=hunter3\n")
    found = files(tmp_path)
    found.below(api, {})
    assert found.masks.output("hunter2 hunter3") == "*** ***"


def test_warnings_are_told_once(tmp_path: Path) -> None:
    write(tmp_path, "A=$B\n")
    found = files(tmp_path)
    assert len(found.take_warnings()) == 1
    assert found.take_warnings() == []


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert files(tmp_path, A="1").at_root() == {"A": "1"}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / ".env")
    with pytest.raises(UsageError) as caught:
        files(tmp_path)
    assert caught.value.location is not None
    assert "cannot be read" in caught.value.message
    assert caught.value.hint

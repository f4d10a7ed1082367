from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING

import pytest

from okplug.entrypoints import EntryPoint, find_entry_points

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, name: str, text: str) -> None:
    info = folder / name
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\n")
    (info / "entry_points.txt").write_text(text)


def test_entry_points_of_one_group_are_found(tmp_path: Path) -> None:
    install(
        tmp_path,
        "okplug_ecr-1.2.dist-info",
        "[console_scripts]\necr = okplug_ecr:main\n\n[okplug]\n# a comment\n; another\n"
        "ecr = okplug_ecr\nhelper=okplug_ecr.helper:Helper.plugin [aws]\n\n[other]\nx = y\n",
    )
    assert find_entry_points("okplug", [str(tmp_path)]) == (
        EntryPoint("ecr", "okplug_ecr", "okplug-ecr", "1.2"),
        EntryPoint("helper", "okplug_ecr.helper:Helper.plugin", "okplug-ecr", "1.2"),
    )


def test_of_two_installations_the_first_counts(tmp_path: Path) -> None:
    install(tmp_path / "a", "Demo-2.dist-info", "[okplug]\ndemo = new\n")
    install(tmp_path / "b", "demo-1.dist-info", "[okplug]\ndemo = old\nmore = old\n")
    assert find_entry_points("okplug", [str(tmp_path / "a"), str(tmp_path / "b")]) == (
        EntryPoint("demo", "new", "Demo", "2"),
    )


def test_folders_that_are_not_there_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "old-1.egg-info").touch()
    (tmp_path / "no_points-1.dist-info").mkdir()
    archive = tmp_path / "archive.zip"
    archive.touch()
    folders = [str(tmp_path), str(tmp_path / "nope"), str(archive)]
    assert find_entry_points("okplug", folders) == ()


def test_the_empty_entry_of_the_path_is_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "demo-1-py3.egg-info", "[okplug]\ndemo = demo\n")
    monkeypatch.chdir(tmp_path)
    assert find_entry_points("okplug", [""]) == (EntryPoint("demo", "demo", "demo", "1"),)


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "okplug"])
def test_it_finds_here_what_python_finds(group: str) -> None:
    expected = {
        (point.name, point.value.replace(" ", "").partition("[")[0])
        for point in importlib.metadata.entry_points(group=group)
    }
    found = find_entry_points(group, sys.path)
    assert {(point.name, point.value.replace(" ", "")) for point in found} == expected

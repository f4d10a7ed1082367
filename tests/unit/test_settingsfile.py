from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.errors import Location, UsageError
from okplug.settings import Assignment
from okplug.settingsfile import find_workspace
from okplug.tomlfile import line_of


def write(root: Path, files: dict[str, str]) -> None:
    for relpath, text in files.items():
        (root / relpath).parent.mkdir(parents=True, exist_ok=True)
        (root / relpath).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in a folder with settings, so that nothing above it counts."""
    write(tmp_path, {"okplug.toml": "", "shop/services/api/file": ""})
    return tmp_path / "shop"


def test_the_nearest_settings_file_makes_the_workspace(root: Path) -> None:
    write(root, {"okplug.toml": "", "services/okplug.toml": ""})
    assert find_workspace(root / "services/api").root == root / "services"
    assert find_workspace(root).root == root


def test_a_table_of_a_project_makes_a_workspace(root: Path) -> None:
    write(root, {"pyproject.toml": "[tool.okplug]\njobs = 2\n"})
    assert find_workspace(root / "services/api").root == root


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'okplug-demo'\n", "[tool.other]\n", "not toml at all", "tool = 1"]
)
def test_other_projects_make_none(root: Path, text: str) -> None:
    write(root, {"pyproject.toml": text})
    assert find_workspace(root).root == root.parent


def test_without_settings_the_checkout_is_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "shop/services/api").mkdir(parents=True)
    (tmp_path / "shop/.git").write_text("gitdir: elsewhere\n")
    assert find_workspace(tmp_path / "shop/services/api").root == tmp_path / "shop"


def test_without_anything_the_current_folder_is_the_workspace(tmp_path: Path) -> None:
    workspace = find_workspace(tmp_path)
    assert (workspace.root, workspace.assignments) == (tmp_path, ())


def test_values_know_their_line(root: Path) -> None:
    path = root / "okplug.toml"
    write(
        root,
        {"okplug.toml": "# settings\n\njobs = 4\nexclude = [\n  'a',\n]\n'names' = '{name}'\n"},
    )
    assert find_workspace(root).assignments == (
        Assignment("jobs", 4, "okplug.toml:3", Location(path, 3)),
        Assignment("exclude", ["a"], "okplug.toml:4", Location(path, 4)),
        Assignment("names", "{name}", "okplug.toml:7", Location(path, 7)),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[project]\njobs = 1\n\n[tool.okplug]\njobs = 2\n", 5),
        ("[ tool . 'okplug' ]\njobs = 2\n", 2),
        ("[tool.okplug]\njobs = 2\n[tool.other]\njobs = 3\n", 2),
        ("[tool]\nokplug = {jobs = 2}\n", 0),
    ],
)
def test_values_of_a_project_know_their_line(root: Path, text: str, line: int) -> None:
    write(root, {"pyproject.toml": text})
    (given,) = find_workspace(root).assignments
    assert given.raw == 2
    assert given.origin == (f"pyproject.toml:{line}" if line else "pyproject.toml")
    assert given.location == Location(root / "pyproject.toml", line)


def test_a_table_is_no_setting_and_knows_its_line(root: Path) -> None:
    write(root, {"okplug.toml": "jobs = 1\n[buildkit]\naddress = 'x'\n"})
    assert [given.origin for given in find_workspace(root).assignments] == [
        "okplug.toml:1",
        "okplug.toml:2",
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"okplug.toml": "jobs = 4\nnames = \n"},
            "{root}/okplug.toml:2:9: not TOML: Invalid value",
        ),
        (
            {"okplug.toml": 'a = """'},
            "{root}/okplug.toml: not TOML: Unterminated string (at end of document)",
        ),
        (
            {"pyproject.toml": "[tool.okplug]\njobs = 1\njobs = 2\n"},
            "{root}/pyproject.toml:3:9: not TOML: Cannot overwrite a value",
        ),
        (
            {"pyproject.toml": "[tool]\nokplug = 3\n"},
            "{root}/pyproject.toml: tool.okplug: expected a table",
        ),
        (
            {"okplug.toml": "", "pyproject.toml": "[tool.okplug]\n"},
            (
                "{root}/okplug.toml: settings are in okplug.toml and in pyproject.toml\n"
                "  hint: move the table [tool.okplug] into okplug.toml"
            ),
        ),
    ],
)
def test_a_wrong_file_is_an_error_at_its_place(
    root: Path, files: dict[str, str], message: str
) -> None:
    write(root, files)
    with pytest.raises(UsageError) as caught:
        find_workspace(root)
    assert str(caught.value) == message.format(root=root)


def test_a_file_that_is_no_text_is_an_error(root: Path) -> None:
    (root / "okplug.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as caught:
        find_workspace(root)
    assert str(caught.value) == f"{root}/okplug.toml: expected UTF-8"


def test_a_file_that_cannot_be_read_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, {"okplug.toml": ""})

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UsageError) as caught:
        find_workspace(root)
    assert str(caught.value) == f"{root}/okplug.toml: cannot be read: Permission denied"


@given(
    st.lists(st.sampled_from(["jobs", "names", "exclude", "job", "x-y"]), unique=True, min_size=1),
    st.lists(st.sampled_from(["", "# jobs = 1", "   "]), max_size=3),
)
def test_every_key_is_found_on_its_line(keys: list[str], noise: list[str]) -> None:
    lines = [*noise, *(f"{key} = 1" for key in keys)]
    for key in keys:
        assert lines[line_of("\n".join(lines), "", key) - 1] == f"{key} = 1"


def test_what_a_file_says_of_images_is_no_setting(root: Path) -> None:
    write(root, {"okplug.toml": 'jobs = 2\n[images."a:*"]\njobs = 3\n'})
    found = find_workspace(root)
    assert [(given.name, given.raw) for given in found.assignments] == [("jobs", 2)]
    assert found.images is not None
    assert found.images.name == "images"
    assert found.images.content == {"a:*": {"jobs": 3}}


def test_a_project_file_has_its_images_below_the_tool_s_table(root: Path) -> None:
    write(root, {"pyproject.toml": '[tool.okplug]\njobs = 2\n[tool.okplug.images."a"]\n'})
    found = find_workspace(root)
    assert [given.name for given in found.assignments] == ["jobs"]
    assert found.images is not None
    assert found.images.name == "tool.okplug.images"


def test_a_file_that_says_nothing_of_images(root: Path) -> None:
    write(root, {"okplug.toml": "jobs = 2\n"})
    assert find_workspace(root).images is None


@pytest.mark.parametrize("text", ["images = 3\n", "[[images]]\n"])
def test_images_are_a_table(root: Path, text: str) -> None:
    write(root, {"okplug.toml": text})
    with pytest.raises(UsageError, match="images: expected a table"):
        find_workspace(root)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug.drafting.search import BuildFile, find_build_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Found = Callable[..., tuple[BuildFile, ...]]


@pytest.mark.parametrize(
    ("name", "flavour"),
    [
        ("Dockerfile", ""),
        ("Containerfile", ""),
        ("Dockerfile.dev", "dev"),
        ("Containerfile.worker", "worker"),
        ("api.Dockerfile", "api"),
        ("api.dockerfile", "api"),
        ("api.v2.Containerfile", "api.v2"),
    ],
)
def test_a_dockerfile_is_found_by_its_name(found: Found, name: str, flavour: str) -> None:
    (file,) = found(name)
    assert (file.folder, file.name, file.flavour) == ("", name, flavour)
    assert file.dockerfile.stages[0].base == "scratch"


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile.dockerignore",
        "Dockerfile.j2",
        "Dockerfile.tmpl",
        "Dockerfile.bak",
        "Dockerfile.md",
        "api.Dockerfile.orig",
        "MyDockerfile",
        "dockerfile",
        ".Dockerfile.swp",
        "Dockerfiles",
    ],
)
def test_what_is_called_like_one_and_is_none_is_not(found: Found, name: str) -> None:
    assert found(name) == ()


def test_files_come_sorted_with_their_folders(found: Found) -> None:
    files = found("web/Dockerfile", "Dockerfile", "api/b/Dockerfile", "api/Dockerfile.dev")
    assert [file.relpath for file in files] == [
        "Dockerfile",
        "api/Dockerfile.dev",
        "api/b/Dockerfile",
        "web/Dockerfile",
    ]


def test_folders_of_tools_are_not_searched(found: Found) -> None:
    assert found("node_modules/x/Dockerfile", ".git/Dockerfile", "a/.venv/Dockerfile") == ()


def test_what_is_excluded_is_not_found(found: Found, tmp_path: Path) -> None:
    found("api/Dockerfile", "api/Dockerfile.dev", "testdata/a/Dockerfile")
    files, _ = find_build_files(tmp_path, ["testdata", "**/*.dev"])
    assert [file.relpath for file in files] == ["api/Dockerfile"]
    files, _ = find_build_files(tmp_path, ["testdata", "!testdata/a", "api"])
    assert [file.relpath for file in files] == ["testdata/a/Dockerfile"]


def test_a_file_that_is_no_dockerfile_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FRM scratch\n")
    (tmp_path / "Dockerfile.ok").write_text("FROM scratch\n")
    files, (warning,) = find_build_files(tmp_path)
    assert [file.name for file in files] == ["Dockerfile.ok"]
    assert warning.startswith(f"{tmp_path}/Dockerfile:1:")
    assert "the file is left out: " in warning


def test_a_file_that_cannot_be_read_is_left_out_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").symlink_to("nowhere")
    files, warnings = find_build_files(tmp_path)
    assert files == ()
    assert warnings == (
        f"{tmp_path}/Dockerfile: the file is left out: it cannot be read: No such file or directory",
    )


def test_links_to_folders_are_not_followed(found: Found, tmp_path: Path) -> None:
    found("api/Dockerfile")
    (tmp_path / "again").symlink_to("api")
    assert [file.relpath for file in find_build_files(tmp_path)[0]] == ["api/Dockerfile"]

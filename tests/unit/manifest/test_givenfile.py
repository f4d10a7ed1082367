from __future__ import annotations

from pathlib import Path

import pytest

from okplug.errors import UsageError
from okplug.manifest.givenfile import GivenFile, find_given_file

NAMES = ("okteto.yml", ".okteto/okteto.yml", "manifest")


def error(text: str, cwd: Path) -> str:
    with pytest.raises(UsageError) as caught:
        find_given_file(text, cwd, NAMES)
    return str(caught.value).replace(str(cwd), "CWD")


def test_a_file_is_found_from_where_the_user_is(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api/okteto.yml").touch()
    expected = GivenFile(tmp_path / "api/okteto.yml", "okteto")
    assert find_given_file("../api/okteto.yml", tmp_path / "api", NAMES) == expected
    assert find_given_file(str(expected.path), Path("/"), NAMES) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [("compose.yaml", "compose"), ("Dockerfile", "dockerfile"), ("manifest", "okteto")],
)
def test_its_kind(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    assert find_given_file(name, tmp_path, NAMES).kind == kind


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "api/.okteto").mkdir(parents=True)
    assert error("api", tmp_path) == "-f api: this is a folder\n  hint: name a file in it"
    (tmp_path / "api/.okteto/okteto.yml").touch()
    assert error("api", tmp_path) == (
        "-f api: this is a folder\n  hint: name a file, such as api/.okteto/okteto.yml"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "okteto.prod.yml").touch()
    assert error("okteto.prd.yml", tmp_path) == (
        "-f okteto.prd.yml: there is no such file\n  hint: there is CWD/okteto.prod.yml"
    )
    assert error("x", tmp_path) == (
        "-f x: there is no such file\n  hint: give the path from the current folder"
    )
    assert error("a/b.yml", tmp_path) == (
        "-f a/b.yml: there is no such file\n  hint: there is no folder CWD/a either"
    )


def test_it_takes_the_place_of_its_folders_manifest() -> None:
    manifests = [Path("/r/a/okteto.yml"), Path("/r/b/.okteto/okteto.yml"), Path("/r/c/x.yml")]
    given = GivenFile(Path("/r/b/compose.yaml"), "compose")
    assert given.among(manifests) == (manifests[0], given.path, manifests[2])
    assert GivenFile(Path("/r/okteto.yml"), "okteto").among(manifests) == (
        Path("/r/okteto.yml"),
        *manifests,
    )
    assert GivenFile(manifests[1], "okteto").among(manifests) == tuple(manifests)

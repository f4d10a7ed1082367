from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.coresettings import MANIFEST_NAMES
from okplug.errors import ManifestError
from okplug.manifest.discover import find_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug.manifest.discover import Discovery

NAMES = ("okteto.yml", "okteto.yaml", ".okteto/okteto.yml", ".okteto/okteto.yaml")


def write(root: Path, *relpaths: str) -> None:
    """Make empty files, with their folders."""
    for relpath in relpaths:
        path = root / relpath
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path, *exclude: str, names: tuple[str, ...] = NAMES) -> list[str]:
    """Return the paths of the manifests below *root*."""
    discovery = find_manifests(root, names, exclude)
    assert discovery.warnings == ()
    return relative(root, discovery.manifests)


def relative(root: Path, paths: tuple[Path, ...]) -> list[str]:
    """Return paths as they are below *root*."""
    return [path.relative_to(root).as_posix() for path in paths]


def test_an_empty_workspace(tmp_path: Path) -> None:
    discovery = find_manifests(tmp_path, NAMES)
    assert (discovery.manifests, discovery.plugin_files, discovery.warnings) == ((), (), ())


def test_manifests_are_found_in_any_folder_and_sorted_by_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        "services/web/okteto.yaml",
        "services/api/okteto.yml",
        "services-old/okteto.yml",
        "okteto.yml",
        "a/b/c/d/e/okteto.yml",
        "libs/README.md",
    )
    assert found(tmp_path) == [
        "a/b/c/d/e/okteto.yml",
        "okteto.yml",
        "services/api/okteto.yml",
        "services/web/okteto.yaml",
        "services-old/okteto.yml",
    ]


def test_paths_are_absolute(tmp_path: Path) -> None:
    write(tmp_path, "a/okteto.yml")
    assert find_manifests(tmp_path, NAMES).manifests == (tmp_path / "a/okteto.yml",)


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_of_several_in_one_folder_the_first_name_counts(tmp_path: Path, first: int) -> None:
    write(tmp_path, *(f"api/{name}" for name in NAMES[first:]))
    assert found(tmp_path) == [f"api/{NAMES[first]}"]


def test_the_order_of_the_names_is_the_callers(tmp_path: Path) -> None:
    write(tmp_path, *NAMES)
    assert found(tmp_path, names=NAMES[::-1]) == [".okteto/okteto.yaml"]


def test_other_names(tmp_path: Path) -> None:
    write(tmp_path, "a/images.yaml", "a/okteto.yml", "b/deploy/build/images.yaml", "b/deploy/x")
    assert found(tmp_path, names=("images.yaml",)) == [
        "a/images.yaml",
        "b/deploy/build/images.yaml",
    ]
    assert found(tmp_path, names=("deploy/build/images.yaml",)) == ["b/deploy/build/images.yaml"]


def test_a_folder_named_okteto_is_no_folder_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "a/.okteto/okteto.yml", "a/.okteto/deeper/okteto.yml")
    assert found(tmp_path, names=("okteto.yml",)) == []
    assert found(tmp_path) == ["a/.okteto/okteto.yml"]


def test_names_in_a_folder_of_another_name(tmp_path: Path) -> None:
    write(tmp_path, "a/.ci/okteto.yml", "a/okteto.yml/x", "b/.ci/other.yml", "b/okteto.yml")
    assert found(tmp_path, names=(".ci/okteto.yml", "okteto.yml")) == [
        "a/.ci/okteto.yml",
        "b/okteto.yml",
    ]


def test_a_folder_is_no_manifest_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "a/okteto.yml/file", "b/.okteto/okteto.yml/file", "b/.okteto/okteto.yaml")
    assert found(tmp_path) == ["b/.okteto/okteto.yaml"]


@pytest.mark.parametrize(
    "folder",
    [".git", ".hg", ".svn", "node_modules", ".okplug", ".venv", "venv", "__pycache__", ".tox"],
)
def test_folders_of_tools_are_not_entered(tmp_path: Path, folder: str) -> None:
    write(tmp_path, f"{folder}/okteto.yml", f"a/{folder}/b/okteto.yml", f"a/{folder}/okplugfile.py")
    write(tmp_path, f"a/x{folder}/okteto.yml")
    discovery = find_manifests(tmp_path, NAMES)
    assert relative(tmp_path, discovery.manifests) == [f"a/x{folder}/okteto.yml"]
    assert discovery.plugin_files == ()


def test_plugin_files_are_found_beside_manifests_and_without(tmp_path: Path) -> None:
    write(tmp_path, "okplugfile.py", "b/okplugfile.py", "b/okteto.yml", "a/c/okplugfile.py")
    write(tmp_path, "d/okplugfile.py/x", "e/my_okplugfile.py")
    discovery = find_manifests(tmp_path, NAMES)
    assert relative(tmp_path, discovery.plugin_files) == [
        "a/c/okplugfile.py",
        "b/okplugfile.py",
        "okplugfile.py",
    ]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "outside/okteto.yml", "root/a/okteto.yml")
    (tmp_path / "root/link").symlink_to(tmp_path / "outside")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root")
    assert found(tmp_path / "root") == ["a/okteto.yml"]


def test_links_to_files_are_manifests(tmp_path: Path) -> None:
    write(tmp_path, "shared.yml")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/okteto.yml").symlink_to("../shared.yml")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/okteto.yml").symlink_to("../nowhere.yml")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/okteto.yml").symlink_to("../a")
    assert found(tmp_path) == ["a/okteto.yml"]


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (("a",), ["b/a/okteto.yml", "okteto.yml", "third_party/x/okteto.yml"]),
        (("/a/",), ["b/a/okteto.yml", "okteto.yml", "third_party/x/okteto.yml"]),
        (("**/a",), ["okteto.yml", "third_party/x/okteto.yml"]),
        (("third_party", "b"), ["a/okteto.yml", "okteto.yml"]),
        (("a/okteto.yml",), ["b/a/okteto.yml", "okteto.yml", "third_party/x/okteto.yml"]),
        (("*/",), []),
        (("**",), []),
        (("*", "!third_party/x"), ["third_party/x/okteto.yml"]),
        (("*", "!okteto.yml"), ["okteto.yml"]),
        (("# a comment", "b/*"), ["a/okteto.yml", "okteto.yml", "third_party/x/okteto.yml"]),
    ],
)
def test_what_is_excluded_as_in_a_dockerignore_file(
    tmp_path: Path, exclude: tuple[str, ...], expected: list[str]
) -> None:
    write(tmp_path, "okteto.yml", "a/okteto.yml", "b/a/okteto.yml", "third_party/x/okteto.yml")
    assert found(tmp_path, *exclude) == expected


def test_an_excluded_manifest_gives_way_to_the_next_name(tmp_path: Path) -> None:
    write(tmp_path, "a/okteto.yml", "a/okteto.yaml")
    assert found(tmp_path, "**/okteto.yml") == ["a/okteto.yaml"]


def test_plugin_files_can_be_excluded(tmp_path: Path) -> None:
    write(tmp_path, "a/okplugfile.py", "b/okplugfile.py", "okplugfile.py")
    discovery = find_manifests(tmp_path, NAMES, ("a", "okplugfile.py"))
    assert relative(tmp_path, discovery.plugin_files) == ["b/okplugfile.py"]


def test_a_pattern_that_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        find_manifests(tmp_path, NAMES, ("[",))


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    write(Path(os.fsdecode(folder)), "okteto.yml")
    (path,) = find_manifests(tmp_path, NAMES, ("other",)).manifests
    assert os.fsencode(path) == folder + b"/okteto.yml"


def test_a_folder_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    assert find_manifests(tmp_path / "nowhere", NAMES).warnings == (
        f"{tmp_path}/nowhere is not searched for manifests: No such file or directory",
    )


@pytest.fixture
def closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder that may not be listed, whoever runs the tests."""
    write(tmp_path, "closed/okteto.yml", "open/okteto.yml")
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("/closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    yield tmp_path
    monkeypatch.undo()


def test_a_folder_that_may_not_be_read_is_a_warning(closed_folder: Path) -> None:
    discovery: Discovery = find_manifests(closed_folder, NAMES)
    assert relative(closed_folder, discovery.manifests) == ["open/okteto.yml"]
    assert discovery.warnings == (
        f"{closed_folder}/closed is not searched for manifests: Permission denied",
    )


OKTETO_ORDER = tuple(
    """
okteto.yml okteto.yaml .okteto/okteto.yml .okteto/okteto.yaml
okteto-pipeline.yml okteto-pipeline.yaml okteto-pipelines.yml okteto-pipelines.yaml
.okteto/okteto-pipeline.yml .okteto/okteto-pipeline.yaml
.okteto/okteto-pipelines.yml .okteto/okteto-pipelines.yaml
okteto-stack.yml okteto-stack.yaml stack.yml stack.yaml
.okteto/okteto-stack.yml .okteto/okteto-stack.yaml .okteto/stack.yml .okteto/stack.yaml
okteto-compose.yml okteto-compose.yaml .okteto/okteto-compose.yml .okteto/okteto-compose.yaml
compose.yml compose.yaml docker-compose.yml docker-compose.yaml
.okteto/docker-compose.yml .okteto/docker-compose.yaml
""".split()  # noqa: SIM905  # one to a line would fill the screen
)


def test_by_default_each_folder_is_looked_at_as_okteto_does(tmp_path: Path) -> None:
    write(tmp_path, *(f"app/{name}" for name in OKTETO_ORDER))
    for name in OKTETO_ORDER:
        assert found(tmp_path, names=MANIFEST_NAMES) == [f"app/{name}"]
        (tmp_path / "app" / name).unlink()
    assert found(tmp_path, names=MANIFEST_NAMES) == []


def test_a_name_that_is_given_twice_counts_where_it_stands_first(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", "b.yml")
    assert found(tmp_path, names=("a.yml", "b.yml", "a.yml")) == ["a.yml"]

"""``okplug gc`` on a real registry and on layouts: what is freed, and what users keep."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import SEARCHED, RegistryServer, serve
from tests.integration.test_registry_builds import SERVICES, build, okplug, skopeo
from tests.unit.test_gitrefs import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BIG = 200_000
EVERYTHING = ("--keep-last", "0", "--keep-days", "0")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with two commits of one image, old and main, each with a big file of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "okplug.toml").touch()
    for name, text in SERVICES.items():
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    for branch in ("old", "main"):
        (folder / "text").write_text(branch[0] * BIG)
        git(folder, "add", *SERVICES, "okplug.toml")
        git(folder, "commit", "-q", "-m", "change")
        git(folder, "branch", "-f", "old", "main") if branch == "old" else None
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry that deletes."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as running:
        yield running


def build_both(folder: Path, registry: str) -> dict[str, str]:
    """Build both commits, and return their keys by the branch."""
    keys = {}
    for branch in ("old", "main"):
        git(folder, "checkout", "-q", branch)
        (image,) = build(folder, "cindy", registry).values()
        keys[branch] = image["key"]
    return keys


def gc(folder: Path, registry: str, *arguments: str, user: str = "cindy") -> str:
    """Collect garbage and return what is printed."""
    done = okplug(folder, user, "gc", "--registry", registry, *EVERYTHING, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def stored(folder: Path) -> int:
    """Return how many bytes a folder takes, what is there twice by links counted once."""
    files = {
        path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()
    }
    return sum(files.values())


def collect(server: RegistryServer) -> None:
    """Have the registry free what has no tag, as its administrator would: old images of users too."""
    program = shutil.which("docker-registry", path=SEARCHED)
    assert program is not None
    config = server.folder / "config.yml"
    command = [program, "garbage-collect", "--delete-untagged", str(config)]
    subprocess.run(command, check=True, capture_output=True)


def test_an_old_image_goes_from_a_registry(small: Path, server: RegistryServer) -> None:
    keys = build_both(small, server.host)
    told = gc(small, server.host, "--dry-run")
    assert told.splitlines()[0] == "keys are kept of the checkout"
    assert f"  {server.host}/okteto/front:{keys['old']}\n" in told
    assert told.splitlines()[-1].startswith("would remove 1 of 2 tags, which frees 20")
    removed = gc(small, server.host, "--force")
    assert removed == told.replace("would remove", "removed")
    repository = f"docker://{server.host}/okteto/front"
    assert keys["old"] not in skopeo("list-tags", "--tls-verify=false", repository)
    assert keys["main"] in skopeo("list-tags", "--tls-verify=false", repository)
    before = stored(server.folder / "data")
    collect(server)
    assert before - stored(server.folder / "data") > BIG
    assert {i["verdict"] for i in build(small, "david", server.host).values()} == {"reuse"}


def test_a_user_keeps_what_their_own_tag_finds(small: Path, server: RegistryServer) -> None:
    git(small, "checkout", "-q", "old")
    build(small, "david", server.host)
    build_both(small, server.host)
    assert "removed 1 of 2 tags" in gc(small, server.host, "--force")
    collect(server)
    for user, text in (("david", "o"), ("cindy", "m")):
        name = f"docker://{server.host}/{user}/front:okteto"
        target = small.parent / f"copy-{user}"
        skopeo("copy", "--src-tls-verify=false", name, f"dir:{target}")
        assert text * 100 in "".join(
            path.read_text("utf-8", "replace") for path in target.iterdir()
        )


def test_what_a_branch_computes_stays(small: Path, server: RegistryServer) -> None:
    build_both(small, server.host)
    assert "nothing to remove: 2 tags kept" in gc(
        small, server.host, "--force", "--keep-refs", "old"
    )
    git(small, "checkout", "-q", "old")
    assert {i["verdict"] for i in build(small, "cindy", server.host).values()} == {"reuse"}


def test_what_was_removed_is_built_again(small: Path, server: RegistryServer) -> None:
    build_both(small, server.host)
    gc(small, server.host, "--force")
    git(small, "checkout", "-q", "old")
    assert {i["verdict"] for i in build(small, "cindy", server.host).values()} == {"build"}
    assert {i["verdict"] for i in build(small, "david", server.host).values()} == {"reuse"}


def test_all_tags_of_one_image(small: Path, server: RegistryServer) -> None:
    build_both(small, server.host)
    git(small, "checkout", "-q", "--orphan", "empty")
    (small / "okteto.yaml").write_text("build: {front: {context: ., target: other}}\n")
    (small / "Dockerfile").write_text("FROM scratch AS other\nLABEL a=b\n")
    assert "removed 2 of 2 tags" in gc(small, server.host, "--force")
    assert "nothing to remove: 0 tags kept" in gc(small, server.host, "--force")


def test_a_registry_that_deletes_nothing(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder, deletes=False) as server:
        build_both(small, server.host)
        done = okplug(small, "cindy", "gc", "--registry", server.host, *EVERYTHING, "--force")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "removed 0 of 2 tags, which frees 0 B"
        assert done.stderr.startswith(f"error: {server.host} deletes nothing: ")
        assert "hint: allow it there (in the distribution registry: storage.delete" in done.stderr
        assert done.stderr.count("\n") == 2
        assert "would remove 1 of 2 tags" in gc(small, server.host, "--dry-run")


def test_an_old_image_goes_from_layouts(small: Path, tmp_path: Path) -> None:
    registry = f"layout:{tmp_path}/layouts"
    keys = build_both(small, registry)
    told = gc(small, registry, "--dry-run")
    assert f"  localhost/okteto/front:{keys['old']}\n" in told
    assert gc(small, registry, "--force") == told.replace("would remove", "removed")
    assert keys["old"] not in gc(small, registry, "--dry-run")
    assert {i["verdict"] for i in build(small, "david", registry).values()} == {"reuse"}
    git(small, "checkout", "-q", "old")
    assert {i["verdict"] for i in build(small, "david", registry).values()} == {"build"}

"""What edits are made of: each returns what changes a scene."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.matrix.model import Change, Scene


def all_of(*changes: Change) -> Change:
    """One after the other."""

    def change(scene: Scene) -> None:
        for each in changes:
            each(scene)

    return change


def write(path: str, content: str | bytes) -> Change:
    """Write a file; the time of its last change is now."""
    return lambda scene: scene.workspace.write({path: content})


def replace(path: str, old: str, new: str) -> Change:
    """Replace a text that stands once in a file."""

    def change(scene: Scene) -> None:
        text = (scene.root / path).read_text()
        assert text.count(old) == 1, f"{old!r} is in {path} {text.count(old)} times"
        (scene.root / path).write_text(text.replace(old, new))

    return change


def rename(old: str, new: str) -> Change:
    """Rename or move a file or folder."""

    def change(scene: Scene) -> None:
        target = scene.root / new
        target.parent.mkdir(parents=True, exist_ok=True)
        (scene.root / old).rename(target)

    return change


def remove(path: str) -> Change:
    """Remove a file."""
    return lambda scene: (scene.root / path).unlink()


def make_folder(path: str) -> Change:
    """Make an empty folder."""
    return lambda scene: (scene.root / path).mkdir(parents=True)


def link(path: str, target: str) -> Change:
    """Make a symbolic link, in place of what is there."""

    def change(scene: Scene) -> None:
        place = scene.root / path
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    return change


def chmod(path: str, mode: int) -> Change:
    """Change the mode bits."""
    return lambda scene: (scene.root / path).chmod(mode)


def set_time(path: str) -> Change:
    """Say that a file was last changed long ago."""
    return lambda scene: os.utime(scene.root / path, (1, 1))


def write_in_place(path: str, content: str) -> Change:
    """Write a file and put the time of its last change back."""

    def change(scene: Scene) -> None:
        place = scene.root / path
        before = place.stat()
        assert len(content) == before.st_size
        place.write_text(content)
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def set_variable(name: str, value: str) -> Change:
    """Set an environment variable."""
    return lambda scene: scene.environ.update({name: value})


def give(*options: str) -> Change:
    """Give options on the command line, in place of those before."""
    return lambda scene: scene.options.__setitem__(slice(None), options)


def own_everything(scene: Scene) -> None:
    """Give all files to somebody else, as far as the user of the tests may."""
    user = 12345 if os.geteuid() == 0 else -1
    group = 12345 if os.geteuid() == 0 else max(os.getgroups(), default=-1)
    for folder, _, names in os.walk(scene.root):
        for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118  # many paths
            os.lchown(path, user, group)


def check_out_again(name: str) -> Change:
    """Copy the workspace, without what okplug remembers of it, and go on in the copy."""

    def change(scene: Scene) -> None:
        there = scene.root.parent / name
        ignore = shutil.ignore_patterns(".okplug")
        shutil.copytree(scene.root, there, symlinks=True, ignore=ignore)
        scene.workspace.root = there

    return change


def git(*commands: str, folder: str = ".") -> Change:
    """Run git in a folder of the workspace, with each of some command lines."""

    def change(scene: Scene) -> None:
        for command in commands:
            run_git(scene, folder, *command.split())

    return change


def run_git(scene: Scene, folder: str, *arguments: str) -> None:
    """Run git, untouched by the configuration of who runs the tests."""
    settings = {
        "user.name": "cindy",
        "user.email": "cindy@example.com",
        "protocol.file.allow": "always",
        "init.defaultBranch": "main",
        "commit.gpgSign": "false",
        "core.autocrlf": "false",
    }
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": os.devnull}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(
        [
            *(
                "git",
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ),
            *arguments,
        ],
        cwd=scene.root / folder,
        env={**environ, **own},
        check=True,
        capture_output=True,
    )

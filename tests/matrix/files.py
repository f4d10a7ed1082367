"""Edits of the files that an image is made of."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

from tests.matrix.changes import (
    all_of,
    chmod,
    git,
    link,
    make_folder,
    own_everything,
    remove,
    rename,
    run_git,
    set_time,
    write,
    write_in_place,
)
from tests.matrix.model import NEW, SAME, Edit

if TYPE_CHECKING:
    from tests.matrix.model import Scene

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "src/é.txt") for form in ("NFC", "NFD"))
LONG = "src/" + "x" * 254
ODD = os.fsdecode(b"src/\xff\xfe")


def write_privately(scene: Scene) -> None:
    """Write a file again that nobody else may read."""
    previous = os.umask(0o077)
    try:
        (scene.root / "src/main.py").unlink()
        (scene.root / "src/main.py").write_text("print(1)\n")
    finally:
        os.umask(previous)


def write_anew(scene: Scene) -> None:
    """Put a new file in the place of an old one, as editors do."""
    (scene.root / "src/new").write_text("print(1)\n")
    (scene.root / "src/new").rename(scene.root / "src/main.py")


def link_hard(scene: Scene) -> None:
    """Make two equal files one."""
    (scene.root / "src/twin.py").unlink()
    (scene.root / "src/twin.py").hardlink_to(scene.root / "src/main.py")


def replace_by_folder(scene: Scene) -> None:
    """Have a folder where a file was."""
    (scene.root / "src/part/one.py").unlink()
    (scene.root / "src/part/one.py").mkdir()


FILES = (
    Edit("content of a file", write("src/main.py", "print(2)\n"), NEW),
    Edit(
        "content of a file, its size and time as before",
        write_in_place("src/main.py", "print(2)\n"),
        NEW,
    ),
    Edit("a new file", write("src/new.py", ""), NEW),
    Edit("a file removed", remove("src/part/one.py"), NEW),
    Edit("a file renamed", rename("src/main.py", "src/start.py"), NEW),
    Edit("a file moved to another folder", rename("src/main.py", "src/part/main.py"), NEW),
    Edit("the case of a name", rename("src/main.py", "src/Main.py"), NEW),
    Edit(
        "another Unicode form of a name",
        rename(COMPOSED, DECOMPOSED),
        NEW,
        files={COMPOSED: "accent\n"},
    ),
    Edit(
        "content of a file with a non-ASCII name",
        write(COMPOSED, "2\n"),
        NEW,
        files={COMPOSED: "1\n"},
    ),
    Edit(
        "the last of 255 bytes of a name",
        rename(f"{LONG}a", f"{LONG}b"),
        NEW,
        files={f"{LONG}a": "long\n"},
    ),
    Edit("a name that is not UTF-8", rename(ODD, f"{ODD}x"), NEW, files={ODD: "odd\n"}),
    Edit("a blank in a name", rename("src/main.py", "src/ma in.py"), NEW),
    Edit(
        "a byte in the middle of a large file, its size and time as before",
        write_in_place("src/large", "x" * 100_000 + "y" + "x" * 99_999),
        NEW,
        files={"src/large": "x" * 200_000},
    ),
    Edit("a file written anew with what it held", write_anew, SAME),
    Edit(
        "two files of one size exchanged",
        all_of(
            rename("src/a", "src/c"),
            rename("src/b", "src/a"),
            rename("src/c", "src/b"),
        ),
        NEW,
        files={"src/a": "1\n", "src/b": "2\n"},
    ),
    Edit("the executable bit", chmod("src/main.py", 0o755), NEW),
    Edit("mode bits but the executable one", chmod("src/main.py", 0o600), SAME),
    Edit("the executable bit of the group", chmod("src/main.py", 0o654), SAME),
    Edit("the set-user-id bit", chmod("src/main.py", 0o4644), SAME),
    Edit("mode bits of a folder", chmod("src/part", 0o700), SAME),
    Edit("a file written again with another umask", write_privately, SAME),
    Edit("owner and group of all files", own_everything, SAME),
    Edit("the time of a file's last change", set_time("src/main.py"), SAME),
    Edit("an empty folder", make_folder("src/empty"), NEW),
    Edit("a folder in place of a file", replace_by_folder, NEW),
    Edit(
        "the target of a link",
        link("src/link", "part"),
        NEW,
        before=link("src/link", "main.py"),
    ),
    Edit(
        "a link in place of an equal file",
        link("src/twin.py", "main.py"),
        NEW,
        files={"src/twin.py": "print(1)\n"},
    ),
    Edit(
        "a hard link in place of an equal file",
        link_hard,
        SAME,
        files={"src/twin.py": "print(1)\n"},
    ),
    Edit(
        "content behind a link that is copied",
        write("data/one", "2\n"),
        NEW,
        files={"Dockerfile": "FROM scratch\nCOPY one /\n", "data/one": "1\n"},
        before=link("one", "data/one"),
    ),
    Edit(
        "content behind a link in a folder that is copied",
        write("data/one", "2\n"),
        SAME,
        files={"data/one": "1\n"},
        before=link("src/one", "../data/one"),
    ),
    Edit(
        "a link on the way to a file that is copied",
        link("now", "two"),
        NEW,
        files={
            "Dockerfile": "FROM scratch\nCOPY now/file /\n",
            "one/file": "1\n",
            "two/file": "2\n",
        },
        before=link("now", "one"),
    ),
    Edit(
        "the context reached through a link",
        all_of(link("now", "ctx"), write("okteto.yaml", "build: {app: now}\n")),
        SAME,
        files={"okteto.yaml": "build: {app: ctx}\n", "ctx/Dockerfile": "FROM scratch\nCOPY . /\n"},
    ),
    Edit("a README that is not copied", write("README.md", "read this\n"), SAME),
    Edit(
        "a file outside the context",
        write("other/file", "2\n"),
        SAME,
        files={"okteto.yaml": "build: {app: ctx}\n", "ctx/Dockerfile": "FROM scratch\nCOPY . /\n"},
        before=write("other/file", "1\n"),
    ),
    Edit(
        "content, and then what it was before",
        all_of(write("src/main.py", "print(2)\n"), write("src/main.py", "print(1)\n")),
        SAME,
    ),
)

COMMITTED = git("init -q", "add -A", "commit -qm first")


def with_module(scene: Scene) -> None:
    """Have a submodule in a folder that is copied; its history goes on without it."""
    origin = scene.root.parent / "module"
    origin.mkdir()
    (origin / "file").write_text("1\n")
    run_git(scene, str(origin), "init", "-q")
    run_git(scene, str(origin), "add", "-A")
    run_git(scene, str(origin), "commit", "-qm", "first")
    COMMITTED(scene)
    run_git(scene, ".", "submodule", "--quiet", "add", str(origin), "src/module")
    run_git(scene, ".", "commit", "-qm", "module")
    (origin / "file").write_text("2\n")
    run_git(scene, str(origin), "commit", "-qam", "second")


def clone_shallowly(scene: Scene) -> None:
    """Go on in a clone that has no history."""
    there = scene.root.parent / "clone"
    run_git(scene, ".", "clone", "-q", "--depth=1", f"file://{scene.root}", str(there))
    scene.workspace.root = there


#: no git file gets into an image
WITHOUT_GIT = {".dockerignore": "**/.git\n"}
ALL_COPIED = {"Dockerfile": "FROM scratch\nCOPY . /all\n"}
GIT = (
    Edit("a repository made of the folder", git("init -q"), SAME),
    Edit(
        "an edit, staged", git("add -A"), SAME, before=all_of(COMMITTED, write("src/main.py", "2"))
    ),
    Edit(
        "an edit, committed",
        git("commit -qam second"),
        SAME,
        before=all_of(COMMITTED, write("src/main.py", "2")),
    ),
    Edit("an edit that is not committed", write("src/main.py", "2"), NEW, before=COMMITTED),
    Edit(
        "another branch, and back",
        all_of(
            git("checkout -qb other"),
            write("src/main.py", "2"),
            git("commit -qam second", "checkout -q main"),
        ),
        SAME,
        before=COMMITTED,
    ),
    Edit("history packed", git("gc -q"), SAME, before=COMMITTED),
    Edit("no git any more", rename(".git", "../removed"), SAME, before=COMMITTED),
    Edit(
        "a shallow clone",
        clone_shallowly,
        SAME,
        before=all_of(write(".gitignore", ".okplug\n"), COMMITTED),
    ),
    Edit(
        "a file that git ignores and the image reads",
        write("src/made.py", "2\n"),
        NEW,
        files={".gitignore": "made.py\n", "src/made.py": "1\n"},
        before=COMMITTED,
    ),
    Edit(
        "a file that git begins to ignore",
        write(".gitignore", "main.py\n"),
        SAME,
        before=COMMITTED,
    ),
    Edit(
        "a file of a submodule",
        write("src/module/file", "3\n"),
        NEW,
        files=WITHOUT_GIT,
        before=with_module,
    ),
    Edit(
        "a submodule at another commit",
        git("submodule --quiet update --remote"),
        NEW,
        files=WITHOUT_GIT,
        before=with_module,
    ),
    Edit(
        "a commit in a submodule that changes no file",
        git("commit -q --allow-empty -m empty", folder="src/module"),
        SAME,
        files=WITHOUT_GIT,
        before=with_module,
    ),
    Edit(
        "a file of a nested repository",
        write("src/part/one.py", "2\n"),
        NEW,
        files=WITHOUT_GIT,
        before=git("init -q", folder="src/part"),
    ),
    Edit(
        "a commit in a nested repository, .git ignored",
        git("add -A", "commit -qm first", folder="src/part"),
        SAME,
        files=WITHOUT_GIT,
        before=git("init -q", folder="src/part"),
    ),
    Edit(
        "a commit where .git is copied",
        git("commit -qm empty --allow-empty"),
        NEW,
        files=ALL_COPIED,
        before=COMMITTED,
    ),
)

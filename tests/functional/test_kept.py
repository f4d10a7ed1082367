"""What a run keeps for the next one never shows: each command prints what a first run would.

Nothing may be read again where nothing changed, and everything where something did.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from okplug import folderstats, notes
from okplug.graph import ImageGraph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug.testing import Workspace
    from tests.functional.keeping import Kept

FILES = {
    "okplug.toml": "",
    ".env": "ROOT=from the root\n",
    "base/okteto.yaml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY a /a\n",
    "base/a": "a",
    "api/okteto.yaml": """
        build:
          api:
            context: .
            args: {VERSION: "${VERSION:-1}", ROOT: "${ROOT}", OWN: "${OWN:-none}"}
            depends_on: [base]
            contexts: {extra: ../extra}
        """,
    "api/Dockerfile": """
        ARG OKTETO_BUILD_BASE_IMAGE
        FROM ${OKTETO_BUILD_BASE_IMAGE} AS base
        FROM scratch
        ARG VERSION
        ARG ROOT
        ARG OWN
        COPY --from=base /a /a
        COPY src /src
        COPY --from=extra . /extra
        LABEL version=$VERSION root=$ROOT own=$OWN
        """,
    "api/src/main.py": "print()",
    "extra/x": "x",
    "web/compose.yaml": """
        include: [other.yaml]
        services:
          web:
            build: {context: ., dockerfile: web.Dockerfile}
        """,
    "web/other.yaml": "services: {other: {build: {context: other}}}\n",
    "web/web.Dockerfile": "FROM scratch\nCOPY . /web\n",
    "web/page": "page",
    "web/other/Dockerfile": "FROM scratch\nCOPY * /other/\n",
    "web/other/y": "y",
}


@pytest.fixture
def kept(kept: Kept) -> Kept:
    kept.workspace.write(FILES)
    return kept


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_copy(path: Path) -> None:
    shutil.copytree(path, path.with_name("copy"))
    shutil.rmtree(path)
    path.with_name("copy").rename(path)


def add_manifest(folder: Path) -> None:
    folder.mkdir()
    (folder / "okteto.yaml").write_text("build: {new: ../base}\n")


def link(path: Path, target: str) -> None:
    shutil.move(path, path.with_name("elsewhere"))
    path.symlink_to(target)


EDITS: dict[str, Callable[[Path], object]] = {
    "a file": lambda root: (root / "api/src/main.py").write_text("other"),
    "a file of a dependency": lambda root: (root / "base/a").write_text("other"),
    "a file of a named context": lambda root: (root / "extra/x").write_text("other"),
    "a file that nobody reads": lambda root: (root / "api/README").write_text("read"),
    "a file of no context": lambda root: (root / "README").write_text("read"),
    "a new file": lambda root: (root / "web/new").write_text("new"),
    "a manifest": lambda root: replace(root / "api/okteto.yaml", ":-1}", ":-2}"),
    "a comment in a manifest": lambda root: replace(root / "api/okteto.yaml", "build:", "build: #"),
    "a manifest that is wrong": lambda root: (root / "api/okteto.yaml").write_text("build: ["),
    "a manifest gone": lambda root: (root / "web/compose.yaml").unlink(),
    "a new manifest": lambda root: add_manifest(root / "new"),
    "a manifest of another name": lambda root: (root / "base/okteto.yaml").rename(
        root / "base/okteto.yml"
    ),
    "a Dockerfile": lambda root: replace(root / "base/Dockerfile", "/a\n", "/b\n"),
    "a Dockerfile gone": lambda root: (root / "base/Dockerfile").unlink(),
    "a Dockerfile beside": lambda root: (root / "web/Dockerfile").write_text("FROM scratch\n"),
    "an ignore file": lambda root: (root / "web/.dockerignore").write_text("page\n"),
    "an ignore file of a Dockerfile": lambda root: (
        root / "web/web.Dockerfile.dockerignore"
    ).write_text("page\n"),
    "an ignore file of a named context": lambda root: (root / "extra/.dockerignore").write_text(
        "x"
    ),
    "an override": lambda root: (root / "web/compose.override.yaml").write_text(
        "services: {web: {build: {args: {A: b}}}}\n"
    ),
    "an included file": lambda root: replace(root / "web/other.yaml", "other:", "another:"),
    "variables of a folder": lambda root: (root / "api/.env").write_text("OWN=secret\n"),
    "variables of the root": lambda root: (root / ".env").write_text("ROOT=other\n"),
    "names": lambda root: (root / "okplug.toml").write_text('names = "x-{name}"\n'),
    "a table of images": lambda root: (root / "okplug.toml").write_text(
        '[images.":*"]\nargs = {A = "b"}\n[images."api:*"]\nlabels = {A = "b"}\n'
    ),
    "what is left out": lambda root: (root / "okplug.toml").write_text('exclude = ["web"]\n'),
    "a plugin that adds to keys": lambda root: (root / "api/okplugfile.py").write_text(
        "from okplug import hookimpl\n"
        "@hookimpl\n"
        "def okplug_key_inputs(image, config):\n"
        "    return {'x': (config.root / 'extra' / 'x').read_text()}\n"
    ),
    "a plugin that changes the graph": lambda root: (root / "okplugfile.py").write_text(
        "from okplug import hookimpl\n"
        "@hookimpl\n"
        "def okplug_graph_modify(graph, config):\n"
        "    graph.remove_image('web:other')\n"
    ),
    "a context that is a link": lambda root: link(root / "extra", "base"),
    "a context gone": lambda root: shutil.move(root / "extra", root / "gone"),
    "a folder of the same content": lambda root: replace_by_copy(root / "base"),
}
#: edits after which nothing is read again
NOT_READ = {"a file of no context"}
#: edits after which the keys are what they were
SAME = NOT_READ | {
    "a comment in a manifest",
    "a file that nobody reads",
    "a folder of the same content",
    "a manifest of another name",
    "names",
}


@pytest.mark.parametrize("words", [("hash", "--json"), ("plan", "--json"), ("plan", "api")])
def test_nothing_is_read_twice(kept: Kept, words: tuple[str, ...]) -> None:
    first = kept.run(*words)
    assert "manifests" in kept.read
    assert kept.run(*words) == first
    assert kept.read == []


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_counts_as_in_a_first_run(kept: Kept, edit: str) -> None:
    before = kept.run()
    kept.run("build", "base")
    EDITS[edit](kept.root)
    after = kept.run()
    assert (kept.read == []) is (edit in NOT_READ)
    assert after == kept.fresh()
    assert kept.run() == after
    if after[0] == "0" and "plugin" not in edit:
        assert kept.read == []
    assert (after == before) is (edit in SAME)


READ_ALONE = {
    "a line of a Dockerfile": ("base/Dockerfile", "FROM scratch\nCOPY a /c\n"),
    "what a Dockerfile begins with": (
        "web/web.Dockerfile",
        "FROM okteto.dev/base:okteto\nCOPY . /web\n",
    ),
    "an argument": ("base/okteto.yaml", "build: {base: {context: ., args: {A: b}}}\n"),
    "a dependency": ("base/okteto.yaml", "build: {base: {context: ., depends_on: [other]}}\n"),
    "what nobody inherits": ("api/Dockerfile", "FROM scratch\nENV A=b\nCOPY src /src\n"),
    "a Dockerfile in a manifest": (
        "base/okteto.yaml",
        "build:\n  base:\n    context: .\n    dockerfile_inline: |\n      FROM scratch\n",
    ),
}
READ_WITH_ALL = {
    "what others inherit": ("base/Dockerfile", "FROM scratch\nENV A=b\nCOPY a /a\n"),
    "another image": ("base/okteto.yaml", "build: {base: ., more: .}\n"),
    "a compose file": ("web/compose.yaml", "services: {web: {build: .}}\n"),
    "what a compose file includes": ("web/other.yaml", "services: {more: {build: other}}\n"),
    "a compose file that includes nothing any more": (
        "web/compose.yaml",
        "services: {web: {build: {context: ., dockerfile: web.Dockerfile}}}\n",
    ),
    "a Dockerfile in what a compose file includes": (
        "web/other.yaml",
        "services: {other: {build: {context: other, dockerfile_inline: 'FROM scratch'}}}\n",
    ),
    "what others call an image": (
        "base/okteto.yaml",
        "build: {base: {context: ., image: 'okteto.dev/other:1'}}\n",
    ),
    "a manifest with a warning": ("base/okteto.yaml", "build: {Base: .}\n"),
}


@pytest.mark.parametrize("name", [*READ_ALONE, *READ_WITH_ALL])
def test_what_one_file_holds_is_read_alone(kept: Kept, name: str) -> None:
    kept.run()
    path, text = {**READ_ALONE, **READ_WITH_ALL}[name]
    (kept.root / path).write_text(text)
    after = kept.run()
    assert ("manifests" in kept.read) is (name in READ_WITH_ALL)
    assert after == kept.fresh()
    assert kept.run() == after
    if after[0] == "0":
        assert kept.read == []


def test_a_warning_is_given_until_its_reason_is_gone(kept: Kept) -> None:
    kept.workspace.write({"more/okteto.yaml": "build: {More: ../base}\n"})
    assert "the image 'More' is called 'more'" in kept.run()[2]
    kept.workspace.write({"web/web.Dockerfile": "FROM scratch\nCOPY . /other\n"})
    assert "the image 'More' is called 'more'" in kept.run()[2]
    kept.workspace.write({"more/okteto.yaml": "build: {more: ../base}\n"})
    after = kept.run()
    assert after == kept.fresh()
    assert kept.run() == after


def test_an_included_file_that_holds_a_dockerfile_is_no_dockerfile(kept: Kept) -> None:
    inline = "services: {other: {build: {context: other, dockerfile_inline: 'FROM scratch'}}}\n"
    kept.workspace.write({"web/other.yaml": inline})
    kept.run()
    kept.workspace.write({"web/other.yaml": inline.replace("scratch", "scratch\\nCOPY y /")})
    assert kept.run() == kept.fresh()


def test_keys_of_other_images_stay_when_a_file_is_read_alone(kept: Kept) -> None:
    kept.run()
    (kept.root / "api/Dockerfile").write_text("FROM scratch\nCOPY src /sources\n")
    assert kept.run("hash", "--json", "web") == kept.fresh("hash", "--json", "web")
    kept.run()
    assert kept.read == ["key"]


@pytest.mark.parametrize(
    ("environ", "is_read"),
    [
        ({"VERSION": "2"}, True),
        ({"ROOT": "of the process"}, True),
        ({"OWN": "mine"}, True),
        ({"OTHER": "x", "SHLVL": "3"}, False),
        ({"SOURCE_DATE_EPOCH": "1700000000"}, True),
        ({"OKPLUG_PLATFORM": "linux/arm64"}, True),
        ({"OKPLUG_JOBS": "3"}, False),
        ({"OKTETO_NAMESPACE": "other"}, True),
    ],
)
def test_only_variables_that_are_read_count(
    kept: Kept, environ: dict[str, str], *, is_read: bool
) -> None:
    kept.run()
    after = kept.run(**environ)
    assert bool(kept.read) is is_read
    assert after == kept.fresh(**environ)
    kept.run(**environ)
    assert kept.read == []
    assert kept.run() == kept.fresh()


@pytest.mark.parametrize(
    "words",
    [
        ("hash", "--build-arg", "VERSION=3"),
        ("hash", "--platform", "linux/arm64"),
        ("hash", "-f", "api/okteto.yaml"),
        ("hash", "-o", "namespace=other"),
        ("hash", "-p", "no:okteto"),
        ("hash", "api"),
        ("plan", "-k", "web"),
        ("hash", "nothing"),
    ],
)
def test_other_words_count_as_in_a_first_run(kept: Kept, words: tuple[str, ...]) -> None:
    before = kept.run()
    assert kept.run(*words) == kept.fresh(*words)
    assert kept.run() == before


def test_one_image_after_all_and_all_after_one(kept: Kept) -> None:
    """Keys of images that are not asked for are kept as well."""
    kept.run("hash", "api")
    every = kept.run()
    assert "key" in kept.read
    kept.run("hash", "api")
    assert kept.read == []
    (kept.root / "base/a").write_text("other")
    kept.run("hash", "base")
    assert kept.read == ["key"]
    assert kept.run() != every
    assert kept.read == ["key"]


def test_values_of_env_files_are_masked_though_nothing_is_read(kept: Kept) -> None:
    """And they are in no file that others can read."""
    kept.workspace.write({"api/.env": "OWN=hunter2hunter2\n"})
    kept.run()
    for path in (kept.root / ".okplug").iterdir():
        if b"hunter2hunter2" in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0
    assert b"hunter2hunter2" not in (kept.root / ".okplug/keys").read_bytes()
    replace(kept.root / "api/Dockerfile", "COPY src", "COPY hunter2hunter2")
    first = kept.run("build", "api")
    again = kept.run("build", "api")
    assert first[0] == again[0] != "0"
    assert "hunter2hunter2" not in "".join((*first, *again))


def test_warnings_are_given_again(kept: Kept) -> None:
    kept.workspace.write({"okplug.toml": '[images."nobody:*"]\nargs = {A = "b"}\n'})
    first = kept.run()
    assert "nobody" in first[2]
    assert kept.run() == first
    assert kept.read == []


def test_what_is_fresh_is_not_kept(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written twice within one tick of the clock can keep its stat."""
    for module in (folderstats, notes):
        monkeypatch.setattr(module, "GRANULARITY", 10**12)
    for _ in range(2):
        kept.run()
        assert "manifests" in kept.read
        assert "key" in kept.read


@pytest.mark.parametrize("name", ["collection", "keys", "index"])
def test_damaged_and_foreign_files_do_no_harm(kept: Kept, name: str) -> None:
    before = kept.run()
    path = kept.root / ".okplug" / name
    content = path.read_bytes()
    for data in (b"", b"nothing of okplug's", content[:-1], content[: len(content) // 2]):
        path.write_bytes(data)
        assert kept.run() == before
    replace_by_folder(path)
    assert kept.run() == before


def test_a_workspace_that_moves_is_read_anew(kept: Kept) -> None:
    before = kept.run("hash")
    moved = kept.root.rename(kept.root.with_name("moved"))
    kept.workspace.root = kept.root = moved
    assert kept.run("hash") == before
    assert "manifests" in kept.read
    kept.run("hash")
    assert kept.read == []


def test_a_folder_that_cannot_be_written_keeps_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("okplug.valuefile.replace_file", refuse)
    before = kept.run()
    assert kept.run() == before
    assert "manifests" in kept.read


def test_a_recalled_graph_is_like_the_one_that_was_read(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build takes everything of it, but for what the embedded builder cannot do."""
    replace(kept.root / "api/okteto.yaml", "contexts: {extra: ../extra}", "")
    replace(kept.root / "api/Dockerfile", "COPY --from=extra . /extra", "")
    kept.run("plan")
    restored: list[ImageGraph] = []
    restore = ImageGraph.restored.__func__  # type: ignore[attr-defined]  # a class method's own

    def watch(cls: type[ImageGraph], *args: object) -> ImageGraph:
        graph: ImageGraph = restore(cls, *args)
        restored.append(graph)
        return graph

    monkeypatch.setattr(ImageGraph, "restored", classmethod(watch))
    assert kept.run("build")[0] == "0"
    (graph,) = restored
    assert graph.order() == ("base:base", "api:api", "web:other", "web:web")
    assert graph.dependencies("api:api") == ("base:base",)
    assert graph.dependants("base:base") == ("api:api",)
    assert [cause.kind for cause in graph.causes("base:base", "api:api")] == [
        "FROM",
        "depends_on",
    ]
    assert graph.generations() == (("base:base", "web:other", "web:web"), ("api:api",))
    assert graph.node("api:api").image is graph.image("api:api")


#: has processes do even the smallest piece of work, and tells how many there were
FORKING = """
import os, sys
from okplug import contextahead, contextreading, folderstats
from okplug.cli import main

contextahead._MANY = folderstats._MANY = contextreading._MANY = 1
fork, started = os.fork, []

def counted():
    process = fork()
    started.append(process)
    return process

os.fork = counted
code = main(sys.argv[1:])
print(len(started), file=sys.stderr)
sys.exit(code)
"""


def test_processes_see_what_one_sees(workspace: Workspace) -> None:
    """Runs with one thread, as users have them, after each kind of edit."""
    workspace.write(FILES)

    def run(*words: str) -> tuple[str, int]:
        process = subprocess.run(
            [sys.executable, "-W", "error", "-c", FORKING, *words],
            cwd=workspace.root,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "HOME": str(workspace.home),
                **workspace.environ,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return process.stdout, int(process.stderr.splitlines()[-1])

    time.sleep(2 * folderstats.GRANULARITY / 1e9)  # what is fresh is read by each run
    first, started = run("hash")
    assert started > 0  # files were read
    again, started = run("hash")
    assert (again, started > 0) == (first, True)  # stats were taken
    for edit in ("a file", "a new file", "a Dockerfile", "an ignore file", "a new manifest"):
        EDITS[edit](workspace.root)
        found, _ = run("hash")
        shutil.rmtree(workspace.root / ".okplug")
        assert found == workspace.run("hash").stdout

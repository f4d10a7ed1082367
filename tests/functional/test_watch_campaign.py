"""Any edits, one after the other: a watch comes to the keys that a run from nothing has."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.functional.test_watch_events import FILES, WAITING, Watching, watching

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Workspace

NAMES = ("src", "main", "a", "b.log", "data", "deep", ".dockerignore", "Dockerfile", "okteto.yaml")
TEXTS = (
    *("one\n", "two\n", "*\n!src\n", "**/*.log\ndeep\n!deep/a\n", "src\n"),
    *("FROM scratch\nCOPY . /\n", "FROM scratch\nCOPY src data* /\n", "FROM scratch\n"),
    *("build: {base: .}\n", "build: {api: ., more: {context: src, dockerfile: a}}\n", "build: {\n"),
)
EDITS = 100


def any_edit(root: Path, rng: random.Random) -> str:
    """Change something below *root*, and return what."""
    top = root / rng.choice(("base", "api", "new"))
    path = top.joinpath(
        *(rng.choice(NAMES[:6]) for _ in range(rng.randrange(3))), rng.choice(NAMES)
    )
    other = top.joinpath(rng.choice(NAMES))
    with suppress(OSError, shutil.Error):
        match rng.randrange(6):
            case 0 | 1 | 2:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(rng.choice(TEXTS))
            case 3:
                path.rename(other)
            case 4:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(rng.choice((other, other.name, "..")))
            case _ if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            case _:
                path.unlink()
    return f"{path.relative_to(root)}, {other.relative_to(root)}"


def begin_anew(workspace: Workspace) -> None:
    """Have all as it was at first."""
    for name in ("base", "api", "new"):
        shutil.rmtree(workspace.root / name, ignore_errors=True)
    workspace.write(FILES)


def keys_of(text: str) -> dict[str, str]:
    """Return the keys in a document."""
    return {image["address"]: image["key"] for image in json.loads(text)["images"]}


def told(watch: Watching) -> dict[str, str]:
    """Wait for the next document."""
    lines = watch.until("^}$")
    return keys_of("\n".join(lines[lines.index("{") :]))


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(8))
def test_a_watch_comes_to_the_keys_of_a_run_from_nothing(workspace: Workspace, seed: int) -> None:
    workspace.write(FILES)
    rng = random.Random(seed)
    done: list[str] = []
    with watching(workspace, "plan", "--json") as watch:
        seen = told(watch)
        watch.until(WAITING)
        for _ in range(EDITS):
            done.append(any_edit(workspace.root, rng))
            outcome = workspace.run("plan", "--json")
            if not outcome.stdout:  # an error, which may be told, or be the one of before
                done.append("begin anew")
                begin_anew(workspace)
                outcome = workspace.run("plan", "--json").assert_ok()
            expected = keys_of(outcome.stdout)
            while seen != expected:
                try:
                    seen = told(watch)
                except AssertionError as error:
                    error.add_note(f"seed {seed}, edits {done}")
                    raise
        assert watch.process.poll() is None

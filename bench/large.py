#!/usr/bin/env python3
"""A large monorepo: the context index and ``okplug plan`` against ``git status``, in turn.

    bench/large.py GENERATOR [--images 1000] [--files 100] [--runs 5] [--cold] [--only PART ...]
                   [--place FOLDER]

GENERATOR is a script that takes OUT --images N --files N --git and writes the monorepo; with
--place it is kept for other runs, which saves the time to write it. The parts:

    check    the context index alone (bench/index_worker.py), a whole process
    plan     ``okplug plan``, a whole process
    hash     all files read for both digests, against reading them one after the other
    start    ``okplug --version`` against ``python -c pass``, and a plan of ten images
    growth   plans of a tenth of the images and of all of them

With --cold, the page cache is dropped before every run, which needs root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Timing, play, print_head, print_row, timed, transfer, wait_for_calm, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PARTS = ("check", "plan", "hash", "start", "growth")
_WORKER = Path(__file__).with_name("index_worker.py")
_GIT = "git status"


@dataclass(frozen=True)
class Monorepo:
    """What the generator wrote.

    :param home: of the user who runs okplug; the context index of ``check`` lies there.
    :param file: one file of one image.
    :param dockerfile: the Dockerfile of one image.
    """

    folder: Path
    home: Path
    file: Path
    dockerfile: Path

    @classmethod
    def make(cls, generator: Path, place: Path, images: int, files: int) -> Monorepo:
        """Have a monorepo written if there is none yet."""
        folder = place / f"monorepo-{images}-{files}"
        if not folder.exists():
            size = ["--images", str(images), "--files", str(files)]
            command = [sys.executable, str(generator), str(folder), *size, "--git"]
            subprocess.run(command, check=True)
        home = place / "home"
        home.mkdir(exist_ok=True)
        # Found now: to search for them later would fill a page cache that is to be cold.
        dockerfiles = list(folder.glob("*/*/Dockerfile"))
        (home / "contexts").write_text("\n".join(str(path.parent) for path in dockerfiles))
        return cls(folder, home, min(folder.glob("*/*/src/**/*.py")), min(dockerfiles))

    def run(self, *command: str) -> Timing:
        """Time a process in it."""
        environment = {**os.environ, "HOME": str(self.home), "GIT_OPTIONAL_LOCKS": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return timed(command, self.folder, environment)

    def git(self) -> Timing:
        """Time the baseline."""
        return self.run("git", "status", "--porcelain")

    def plan(self, *arguments: str) -> Timing:
        """Time a plan."""
        return self.run(sys.executable, "-m", "okplug", "plan", *arguments)

    def work(self, mode: str) -> Timing:
        """Time the worker; what it says it took is its *transfer*."""
        said = self.home / "said"
        script = f'exec "$0" "$1" {mode} . "$2" <"$3" >"$4"'
        index = str(self.home / "index")
        worker = (sys.executable, str(_WORKER), index, str(self.home / "contexts"), str(said))
        timing = self.run("sh", "-c", script, *worker)
        word, _, seconds = said.read_text().partition(" ")
        return Timing(timing.seconds, timing.memory, float(seconds) if word == "seconds" else 0.0)

    def forget(self) -> None:
        """Remove what okplug knows."""
        shutil.rmtree(self.folder / ".okplug", ignore_errors=True)
        (self.home / "index").unlink(missing_ok=True)


def edit(path: Path) -> None:
    """Change a file."""
    with path.open("a") as stream:
        stream.write("#\n")


def preparation(options: argparse.Namespace) -> Callable[[], object]:
    """Return what comes before each process that is timed."""
    return drop_page_cache if options.cold else partial(wait_for_calm, 5.0)


def drop_page_cache() -> None:
    """Have the kernel forget what it read."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


def against_git(
    repository: Monorepo,
    ours: Callable[[], Timing],
    options: argparse.Namespace,
    name: str,
    edited_files: Mapping[str, Path],
) -> None:
    """Print rows for nothing known, nothing changed, and one of some files changed.

    :param edited_files: what it is called -> the file.
    """

    def forgotten() -> Timing:
        repository.forget()
        return ours()

    def edited(path: Path) -> Timing:
        edit(path)
        return ours()

    rows: Sequence[tuple[str, Callable[[], Timing], int]] = (
        ("nothing known", forgotten, min(options.runs, 3)),
        ("nothing changed", ours, options.runs),
        *(
            (f"one {what} changed", partial(edited, path), options.runs)
            for what, path in edited_files.items()
        ),
    )
    for label, run, runs in rows:
        if label == "nothing changed":
            settle(repository, ours)
        rounds = play({_GIT: repository.git, "okplug": run}, runs, preparation(options))
        print_row(f"{name}: {label}", rounds, _GIT, "okplug", whole)


def checking(repository: Monorepo, options: argparse.Namespace) -> None:
    """Print rows for the context index alone."""
    check = partial(repository.work, "check")
    against_git(repository, check, options, "check", {"file": repository.file})


def planning(repository: Monorepo, options: argparse.Namespace) -> None:
    """Print rows for plans."""
    files = {"file": repository.file, "Dockerfile": repository.dockerfile}
    against_git(repository, repository.plan, options, "plan", files)
    comparing(repository, options)


def comparing(repository: Monorepo, options: argparse.Namespace) -> None:
    """Print a row for what the changes of a branch rebuild."""
    edit(repository.file)
    settle(repository, repository.plan)
    contestants = {
        "git diff": partial(repository.run, "git", "diff", "--stat", "HEAD"),
        "okplug": partial(repository.plan, "--diff", "HEAD"),
    }
    rounds = play(contestants, options.runs, preparation(options))
    print_row("plan --diff", rounds, "git diff", "okplug", whole)


def settle(repository: Monorepo, ours: Callable[[], Timing]) -> None:
    """Let files grow old enough for their stats to be relied on, and have that known."""
    subprocess.run(["sleep", "2.5"], check=True)
    for _ in range(2):
        ours()
    repository.git()


def hashing(repository: Monorepo, options: argparse.Namespace) -> None:
    """Print a row for reading everything."""
    contestants = {
        "reading": partial(repository.work, "read"),
        "okplug": partial(repository.work, "hash"),
    }
    rounds = play(contestants, options.runs, preparation(options))
    print_row("both digests", rounds, "reading", "okplug", transfer)


def starting(generator: Path, place: Path, runs: int) -> None:
    """Print rows for short commands."""
    repository = Monorepo.make(generator, place, 10, 100)
    settle(repository, repository.plan)
    calm = partial(wait_for_calm, 5.0)
    nothing = partial(repository.run, sys.executable, "-c", "pass")
    version = partial(repository.run, sys.executable, "-m", "okplug", "--version")
    rounds = play({"python -c pass": nothing, "okplug": version}, runs, calm)
    print_row("--version / python -c pass", rounds, "python -c pass", "okplug", whole)
    rounds = play({_GIT: repository.git, "okplug": repository.plan}, runs, calm)
    print_row("plan of 10 images", rounds, _GIT, "okplug", whole)


def growing(small: Monorepo, large: Monorepo, runs: int) -> None:
    """Print how plans grow with the monorepo."""
    calm = partial(wait_for_calm, 5.0)
    for label, forget in (("nothing known", True), ("nothing changed", False)):
        contestants = {}
        for name, repository in (("a tenth", small), ("okplug", large)):
            if not forget:
                settle(repository, repository.plan)
            contestants[name] = partial(planned, repository, forget=forget)
        rounds = play(contestants, runs, calm)
        print_row(f"ten times as many: {label}", rounds, "a tenth", "okplug", whole)


def planned(repository: Monorepo, *, forget: bool) -> Timing:
    """Time a plan, of a workspace that okplug does not know if need be."""
    if forget:
        repository.forget()
    return repository.plan()


def main() -> None:
    """Write the monorepo and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=["check", "plan", "hash", "start"]
    )
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = (options.place or Path(folder)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        repository = Monorepo.make(options.generator, place, options.images, options.files)
        cache = "cold" if options.cold else "warm"
        print(f"{options.images} images, {options.files} files each, {cache} page cache\n")
        print_head("baseline")
        if "check" in options.only:
            checking(repository, options)
        if "plan" in options.only:
            planning(repository, options)
        if "hash" in options.only:
            hashing(repository, options)
        if "start" in options.only:
            starting(options.generator, place, options.runs * 3)
        if "growth" in options.only:
            small = Monorepo.make(options.generator, place, options.images // 10, options.files)
            growing(small, repository, options.runs)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Time okplug on a BuildKit daemon against buildctl and buildx, in turn, in one run.

    bench/buildkit.py --addr ADDRESS --registry HOST:PORT [--runs 5] [--patience 0] COMMAND

COMMAND is one of

    nochange   a build of which the daemon has every step, by a running okplug and by a new process
    transfer   the context: 10,000 small files and 1 GiB, the daemon with nothing and with all of it
    download   the files of an image of 0.5 GiB, as an archive and as a folder
    graph      100 images, against one buildctl after the other and ``buildx bake``

The registry is spoken to without TLS. ``transfer`` and ``graph`` have the daemon forget all that
it has, so it should be one that does nothing else; give it ``gc = false``. ``buildctl`` comes from
the PATH, and so does a static ``busybox``. On a machine that others use, ``--patience SECONDS``
waits that long before each run for them to have less to do. The tables give medians over the runs,
of the seconds, of the ratios round by round, and of the peak memory of whole processes.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Timing, play, print_head, print_row, transfer, whole
from monorepo import compare_graphs
from sides import Site, build_by_buildctl, build_by_okplug, running_okplug, with_transfer

if TYPE_CHECKING:
    from collections.abc import Callable

_MIB = 1 << 20
_SMALL_FILES = 10_000


def write_files(folder: Path, sizes: list[int]) -> None:
    """Write files of random bytes, a hundred to a folder."""
    rng = random.Random(7)  # noqa: S311  # the same files every time
    for index, size in enumerate(sizes):
        path = folder / "src" / f"p{index // 100:03d}" / f"f{index:05d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, _MIB):
                file.write(rng.randbytes(min(_MIB, size - start)))


def write_image(folder: Path, sizes: list[int], *instructions: str) -> Path:
    """Write a workspace of one image."""
    folder.mkdir()
    write_files(folder, sizes)
    (folder / "Dockerfile").write_text("\n".join((*instructions, "")))
    (folder / "okteto.yaml").write_text("build:\n  app:\n    context: .\n")
    (folder / "okplug.toml").touch()
    (folder / ".dockerignore").write_text(".okplug\nokteto.yaml\nokplug.toml\n")
    return folder


def compare_rebuilds(site: Site, options: argparse.Namespace) -> None:
    """Build again with nothing changed."""
    folder = write_image(
        site.folder / "nochange",
        [4000] * 200,
        *(f"FROM {site.base}", "WORKDIR /app", "COPY src src", "RUN ls src > list"),
        *("RUN wc -l list > count", "LABEL app=bench"),
    )
    output = f"type=image,name={site.registry}/theirs/app:1,push=true"
    with running_okplug(site, folder) as build:
        rounds = play(
            {
                "buildctl": lambda: build_by_buildctl(site, folder, output),
                "running": build,
                "new": lambda: build_by_okplug(site, folder),
            },
            options.runs,
            site.settle,
        )
    print_head("buildctl")
    print_row("no change, running okplug", rounds, "buildctl", "running", whole)
    print_row("no change, new process", rounds, "buildctl", "new", whole)


def compare_transfers(site: Site, options: argparse.Namespace) -> None:
    """Send contexts of many files and of large ones."""
    print_head("buildctl")
    for label, sizes in (
        ("10,000 files", [4000] * _SMALL_FILES),
        ("1 GiB", [256 * _MIB] * 4),
    ):
        name = label.replace(" ", "-")
        instructions = f"FROM {site.base}", "RUN --mount=type=bind,target=/context true"
        folder = write_image(site.folder / name, sizes, *instructions)
        _compare_transfer(site, label, folder, options.runs)
        shutil.rmtree(folder)


def _compare_transfer(site: Site, label: str, folder: Path, runs: int) -> None:
    output = f"type=image,name={site.registry}/theirs/app:1,push=true"

    def forget() -> None:
        shutil.rmtree(folder / ".okplug", ignore_errors=True)
        shutil.rmtree(site.folder / "home", ignore_errors=True)
        site.prune()

    contestants: dict[str, Callable[[], Timing]] = {
        "buildctl": lambda: with_transfer(site, build_by_buildctl(site, folder, output)),
        "okplug": lambda: with_transfer(site, build_by_okplug(site, folder)),
    }
    for state, prepare in (("cold", forget), ("warm", site.settle)):
        rounds = play(contestants, runs, prepare)
        label_of_state = f"{label}, {state}"
        print_row(f"{label_of_state}: the context", rounds, "buildctl", "okplug", transfer)
        print_row(f"{label_of_state}: the process", rounds, "buildctl", "okplug", whole)


def compare_downloads(site: Site, options: argparse.Namespace) -> None:
    """Get the files of an image that the daemon has."""
    sizes = [128 * _MIB] * 4 + [4000] * 1000
    folder = write_image(site.folder / "download", sizes, f"FROM {site.base}", "COPY src /src")
    build_by_okplug(site, folder, "-o", "smart_builds=true")
    print_head("buildctl")
    for kind in ("tar", "local"):
        rounds = play(
            {
                "buildctl": partial(_download, site, folder, kind, build_by_buildctl),
                "okplug": partial(_download, site, folder, kind, _reuse_by_okplug),
            },
            options.runs,
            site.settle,
        )
        print_row(f"0.5 GiB, type={kind}", rounds, "buildctl", "okplug", whole)


def _reuse_by_okplug(site: Site, folder: Path, output: str) -> Timing:
    return build_by_okplug(site, folder, "-o", "smart_builds=true", "--output", output)


def _download(
    site: Site, folder: Path, kind: str, build: Callable[[Site, Path, str], Timing]
) -> Timing:
    """Have a place written that is not there before and not there afterwards."""
    place = site.folder / f"downloaded.{kind}"
    timing = build(site, folder, f"type={kind},dest={place}")
    if kind == "local":
        shutil.rmtree(place)
    else:
        place.unlink()
    return timing


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--addr", required=True, help="of the daemon")
    parser.add_argument("--registry", required=True, help="host and port, without TLS")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--patience", type=float, default=0, help="seconds")
    commands = parser.add_subparsers(required=True)
    for name, function in (
        ("nochange", compare_rebuilds),
        ("transfer", compare_transfers),
        ("download", compare_downloads),
    ):
        commands.add_parser(name).set_defaults(function=function)
    graph = commands.add_parser("graph")
    graph.set_defaults(function=compare_graphs)
    graph.add_argument("generator", type=Path, help="the script that writes the monorepo")
    graph.add_argument("--buildx", default="buildx", help="the program")
    graph.add_argument("--images", type=int, default=100)
    graph.add_argument("--levels", type=int, default=5)
    graph.add_argument("--sleep", type=float, default=0.5, help="seconds in each image, on average")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(options.addr, options.registry, Path(folder), options.patience)
        site.push_base()
        options.function(site, options)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Time the look-ups of ``okplug build`` where nothing changed, on a registry that is some way off.

    bench/registry.py [--images 1000] [--runs 5] [--latency 0 20 100]

A ``docker-registry`` of its own is behind a proxy that holds each request back for so many
milliseconds. All images are built once; then ``okplug build`` runs again and again, and the proxy
counts what is asked: of each image its key and the user's own tag. The ideal is one round in which
all connections are busy, ceil(requests / connections) x latency. What okplug takes where the
registry is a folder is given as the baseline, since all of it but the look-ups is the same.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import timed

from okplug_registry.registry import CONCURRENCY
from tests.integration.fronts import Answer, Request, front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.fronts import Forward, Front


class Far:
    """A rule that holds every request back.

    :param seconds: how long.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, _request: Request, forward: Forward) -> Answer | None:
        """Wait, and pass the request on."""
        if self.seconds:
            time.sleep(self.seconds)
        return forward()


def write_monorepo(folder: Path, images: int) -> None:
    """Write images that have nothing to do with each other."""
    (folder / "okplug.toml").write_text("", encoding="utf-8")
    for number in range(images):
        place = folder / f"team-{number // 50:02}" / f"svc-{number:04}"
        place.mkdir(parents=True)
        manifest = f"build: {{svc-{number:04}: {{context: .}}}}\n"
        (place / "okteto.yaml").write_text(manifest, encoding="utf-8")
        (place / "Dockerfile").write_text("FROM scratch\nCOPY main /main\n", encoding="utf-8")
        (place / "main").write_text(f"{number}\n", encoding="utf-8")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run a registry and yield its host."""
    program = shutil.which("docker-registry", path=f"{os.environ['PATH']}:.tox/bin:/usr/sbin")
    if program is None:
        sys.exit("docker-registry is not there; tests/run gets it")
    host = "127.0.0.1:5997"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": host},
    }
    (folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log) as one,
    ):
        time.sleep(1)
        try:
            yield host
        finally:
            one.terminate()


def measure(
    command: list[str], folder: Path, environment: dict[str, str], runs: int, store: Front | None
) -> tuple[float, set[tuple[int, int]]]:
    """Return the median of the seconds, and how many requests and writes there were in a run."""
    seconds, counts = [], set()
    for _ in range(runs + 1):
        if store:
            store.asked.clear()
        seconds.append(timed(command, folder, environment).seconds)
        if store:
            counts.add((len(store.asked), len(store.writes())))
    return statistics.median(seconds[1:]), counts


def compare(top: Path, options: argparse.Namespace) -> None:
    """Build once, and print a line for each latency."""
    folder, home = top / "monorepo", top / "home"
    for each in (folder, home):
        each.mkdir()
    write_monorepo(folder, options.images)
    environment = {**os.environ, "HOME": str(home), "USER": "cindy"}
    command = [sys.executable, "-m", "okplug", "build", "-q", "--builder", "embedded"]
    timed(command, folder, environment)
    near, _ = measure(command, folder, environment, options.runs, None)
    print(f"a folder: {near:.2f} s\n")
    print("| latency, ms | okplug build, s | look-ups, s | ideal, s | ratio | requests | writes |")
    print("|---|---|---|---|---|---|---|")
    rule = Far()
    with registry(top) as host, front(host, rule) as store:
        timed([*command, "--registry", host], folder, environment)
        command += ["--registry", store.host]
        timed(command, folder, environment)
        for latency in options.latency:
            rule.seconds = latency / 1000
            seconds, counts = measure(command, folder, environment, options.runs, store)
            ((requests, writes),) = counts
            ideal = math.ceil(requests / CONCURRENCY) * rule.seconds
            ratio = f"{(seconds - near) / ideal:.2f}" if ideal else "-"
            print(
                f"| {latency} | {seconds:.2f} | {seconds - near:.2f} | {ideal:.2f} | {ratio} "
                f"| {requests} | {writes} |",
                flush=True,
            )


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 20, 100], metavar="MS")
    with tempfile.TemporaryDirectory() as top:
        compare(Path(top), parser.parse_args())


if __name__ == "__main__":
    main()

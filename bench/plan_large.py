#!/usr/bin/env python3
"""Time ``okplug plan`` on a synthetic monorepo against ``git status``, in turn, in one run.

    bench/plan_large.py GENERATOR [--images 1000] [--files 100] [--runs 5] [--cold]

GENERATOR is a script that takes OUT --images N --files N --git and writes the monorepo. The table
gives medians over the runs: seconds and peak memory of whole processes, and the median of the
ratios pair by pair. ``first`` has neither context index nor run history, ``warm`` has both and
nothing changed, ``one file`` has one file changed. With --cold, the page cache is dropped before
every run, which needs root.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """One whole process: wall seconds and peak resident memory in MiB."""

    seconds: float
    memory: float


def timed(command: list[str], cwd: Path, environment: dict[str, str]) -> Timing:
    """Run a command to its end and measure it."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}")
    return Timing(seconds, usage.ru_maxrss / 1024)


def drop_page_cache() -> None:
    """Have the kernel forget what it read."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


def compare(workspace: Path, home: Path, mode: str, options: argparse.Namespace) -> None:
    """Run git status and okplug plan in turn and print a line of the table."""
    environment = {**os.environ, "HOME": str(home), "GIT_OPTIONAL_LOCKS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    plan = [sys.executable, "-m", "okplug", "plan"]
    pairs = []
    for number in range(options.runs + 1):
        if mode == "first":
            shutil.rmtree(workspace / ".okplug", ignore_errors=True)
        if mode == "one file":
            source = workspace / "team-00" / "svc-00000" / "Dockerfile"
            source.write_text(source.read_text() + f"LABEL run={number}\n")
        timings = []
        for command in (["git", "status", "--porcelain"], plan):
            if options.cold:
                drop_page_cache()
            timings.append(timed(command, workspace, environment))
        pairs.append((timings[0], timings[1]))
    counted = pairs[1:]
    git = statistics.median(one.seconds for one, _ in counted)
    ours = statistics.median(one.seconds for _, one in counted)
    ratio = statistics.median(two.seconds / one.seconds for one, two in counted)
    memory = statistics.median(two.memory for _, two in counted)
    print(f"| {mode} | {git:.2f} | {ours:.2f} | {ratio:.2f} | {memory:.0f} |", flush=True)


def main() -> None:
    """Write the monorepo and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        workspace, home = Path(folder, "monorepo"), Path(folder, "home")
        size = ["--images", str(options.images), "--files", str(options.files)]
        generate = [sys.executable, str(options.generator), str(workspace), *size, "--git"]
        subprocess.run(generate, check=True)
        cache = "cold" if options.cold else "warm"
        print(f"{options.images} images, {options.files} files each, {cache} page cache\n")
        print("| run | git status, s | okplug plan, s | ratio | peak memory, MiB |")
        print("|---|---|---|---|---|")
        for mode in ("first", "warm", "one file"):
            compare(workspace, home, mode, options)


if __name__ == "__main__":
    main()

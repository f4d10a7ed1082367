#!/usr/bin/env python3
"""Build again and again in one process: okplug as a program that keeps running has it.

The arguments are those of okplug. Each line on standard input starts a build, whose seconds go to
standard output, with the most memory in MiB that the process has used so far.
"""

from __future__ import annotations

import contextlib
import gc
import io
import resource
import sys
import time

from okplug.cli import main


def build() -> str:
    """Build once, and say how it went."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
        started = time.perf_counter()
        code = main(sys.argv[1:])
        seconds = time.perf_counter() - started
    if code:
        sys.exit(f"{printed.getvalue()}\nokplug ended with {code}")
    return f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}"


if __name__ == "__main__":
    gc.set_threshold(250_000)  # as the command does
    for _ in sys.stdin:
        print(build(), flush=True)

#!/usr/bin/env python3
"""One process of ``bench/large.py``: what okplug does with the files of all images, and no more.

    bench/index_worker.py check WORKSPACE INDEX < CONTEXTS
    bench/index_worker.py read|hash WORKSPACE < CONTEXTS

``check`` takes a snapshot of each context, as a run does that knows INDEX, and saves what is new.
``read`` lists all files and then reads them one after the other; ``hash`` has okplug read them for
both digests. Both print the seconds that this took, without the listing.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from okplug.contextstart import begin_index

if TYPE_CHECKING:
    from pathlib import Path

_BUFFER = 1 << 20


def contexts_given() -> list[Path]:
    """Return what standard input names."""
    from pathlib import Path

    return [Path(line) for line in sys.stdin.read().splitlines()]


def check(workspace: str, path: str) -> None:
    """Print one digest of each context."""
    index = begin_index(workspace, path, with_files=True)
    contexts = contexts_given()
    index.take((context, None, ()) for context in contexts)
    for context in contexts:
        print(index.snapshot(context, None).digest)
    index.save()
    index.close()


def files_below(contexts: list[Path]) -> list[tuple[bytes, int, int]]:
    """Return path, mode and size of each file."""
    found = []
    for context in contexts:
        for folder, _, names in os.walk(os.fsencode(context)):
            for name in names:
                path = folder + b"/" + name
                stat = os.lstat(path)
                found.append((path, stat.st_mode, stat.st_size))
    return found


def read(files: list[tuple[bytes, int, int]]) -> None:
    """Read files and do nothing with them."""
    for path, _, _ in files:
        handle = os.open(path, os.O_RDONLY)
        while os.read(handle, _BUFFER):
            pass
        os.close(handle)


def main(mode: str, workspace: str, index: str = "") -> None:
    """Do what is asked for."""
    if mode == "check":
        check(workspace, index)
        return
    from okplug.contextreading import read_contents

    files = files_below(contexts_given())
    started = time.perf_counter()
    if mode == "read":
        read(files)
    else:
        assert all(read_contents(files))
    print(f"seconds {time.perf_counter() - started}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Find the entry points of installed distributions without importing ``importlib.metadata``.

What is read is ``*.dist-info/entry_points.txt`` as PyPA's entry points specification has it; the
import alone would make every start slower by more than all this takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A name that a distribution offers in a group.

    :param value: ``package.module`` or ``package.module:attribute``.
    """

    name: str
    value: str
    distribution: str
    version: str


def find_entry_points(group: str, folders: Iterable[str]) -> tuple[EntryPoint, ...]:
    """Return a group's entry points, sorted by name.

    :param folders: where distributions are, as in ``sys.path``; the first of a name counts.
    """
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for folder in dict.fromkeys(folders):
        for info in _metadata_folders(folder):
            distribution, version = _name_and_version(info.name)
            if distribution.lower() not in found:
                found[distribution.lower()] = tuple(_read(info, group, distribution, version))
    points = {point for points in found.values() for point in points}
    return tuple(sorted(points, key=lambda point: (point.name, point.distribution)))


def _metadata_folders(folder: str) -> list[Path]:
    """Return the metadata folders in a folder, none if it is an archive or not there."""
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208  # a Path for each of many is dear
    except OSError:
        return []
    metadata = (name for name in names if name.endswith((".dist-info", ".egg-info")))
    return [Path(folder, name) for name in sorted(metadata)]


def _name_and_version(folder: str) -> tuple[str, str]:
    name, _, rest = folder.rpartition(".")[0].partition("-")
    return name.replace("_", "-"), rest.partition("-")[0]


def _read(info: Path, group: str, distribution: str, version: str) -> Iterator[EntryPoint]:
    try:
        lines = (info / "entry_points.txt").read_text(encoding="utf-8").splitlines()
    except OSError:  # most distributions have none, and an .egg-info may be a file
        return
    section = ""
    for line in (line.strip() for line in lines):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield EntryPoint(name.strip(), value.partition("[")[0].strip(), distribution, version)

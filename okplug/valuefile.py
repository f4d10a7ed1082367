"""Values of okplug's own kinds in a file: a head, and parts that are read when somebody asks.

A pickle can name anything that Python can import. Here it can name okplug's own values, and paths;
whatever else it names makes the file worthless, as damage does.
"""

from __future__ import annotations

import io
import itertools
import pickle
import struct
import sys
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, cast

import xxhash

from okplug.atomicfile import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    #: head and places of the parts
    _First = tuple[object, dict[str, tuple[int, int]]]

_MAGIC: Final = b"okplug values 1\n"
_CHECKSUM_SIZE: Final = 16
_SIZE: Final = struct.Struct("<Q")
_PATHS: Final = frozenset({"PosixPath", "WindowsPath"})


class ValueFile:
    """A file that was opened.

    :ivar head: its first value.
    """

    def __init__(self, head: object, parts: Mapping[str, tuple[int, int]], data: bytes) -> None:
        self.head = head
        self._parts = parts
        self._data = data

    def part(self, name: str) -> object:
        """Return a part.

        :raises KeyError: if there is none of that name.
        """
        return _load(self.packed(name))

    def packed(self, name: str) -> bytes:
        """Return a part as it is written.

        :raises KeyError: if there is none of that name.
        """
        start, end = self._parts[name]
        return self._data[start:end]


def write_values(
    path: Path,
    head: object,
    parts: Mapping[str, object],
    packed: Mapping[str, bytes] | None = None,
) -> None:
    """Replace a file by one that only its user can read.

    :param packed: further parts, as another file has them.
    :raises OSError: if it cannot be written.
    """
    packed = {**(packed or {}), **{name: _dump(value) for name, value in parts.items()}}
    ends = list(itertools.accumulate(map(len, packed.values()), initial=0))
    first = _dump((head, dict(zip(packed, itertools.pairwise(ends), strict=True))))
    body = b"".join((_SIZE.pack(len(first)), first, *packed.values()))
    data = b"".join((_MAGIC, xxhash.xxh3_128_digest(body), body))
    replace_file(path, data, durable=False)


def open_values(path: Path) -> ValueFile | None:
    """Return a file that was written, None if it is not there, damaged or of another kind."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _CHECKSUM_SIZE
    if data[:start] != _MAGIC + xxhash.xxh3_128_digest(memoryview(data)[start:]):
        return None
    (size,) = _SIZE.unpack_from(data, start)
    start += _SIZE.size
    try:
        first = cast("_First", _load(data[start : start + size]))
    except (pickle.UnpicklingError, AttributeError, ImportError, TypeError):
        return None  # another version's kinds
    head, places = first
    base = start + size
    return ValueFile(head, {n: (base + a, base + b) for n, (a, b) in places.items()}, data)


def _dump(value: object) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()


def _load(data: bytes) -> object:
    return _Unpickler(io.BytesIO(data)).load()


class _Pickler(pickle.Pickler):
    """Has dataclasses made by their constructors, which is quicker than to set field by field."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401  # or what stands for none
        """Return how a value is made again."""
        kind = type(value)
        if is_dataclass(kind):
            return kind, tuple(getattr(value, field.name) for field in fields(kind))
        if isinstance(value, PurePath):
            return kind, (str(value),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Makes values of okplug's dataclasses and of what Python makes without a name."""

    def find_class(self, module: str, name: str) -> type:
        """Return a class that a pickle may have instances of.

        :raises UnpicklingError: if it may not.
        """
        if module == "pathlib" and name in _PATHS:
            import pathlib

            found: type = getattr(pathlib, name)
            return found
        if module.startswith("okplug."):
            __import__(module)
            found = getattr(sys.modules[module], name)
            if is_dataclass(found) and isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")

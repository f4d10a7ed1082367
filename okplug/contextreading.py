"""The contents of many files at once, by processes: the system calls cost, not the digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from okplug.contextcontent import read_content
from okplug.contextrows import CONTENT_SIZE
from okplug.errors import OkplugError
from okplug.forking import Forked, divided

if TYPE_CHECKING:
    from collections.abc import Sequence

    #: path, mode, size
    File = tuple[bytes, int, int]

#: files and bytes for which processes pay
_MANY: Final = 1000
_LARGE: Final = 64 << 20
_FAILED: Final = bytes(CONTENT_SIZE)


def read_contents(files: Sequence[File]) -> list[bytes]:
    """Return what ``read_content`` says of regular files, ``b""`` where it is still to be asked.

    That may be because processes do not pay or cannot be had, or because a file cannot be read.
    """
    if len(files) < _MANY and sum(size for _, _, size in files) < _LARGE:
        return [b""] * len(files)
    shares = divided(files)
    found: list[bytes] = []
    for outcome, share in zip(Forked(_read, shares).results(), shares, strict=True):
        data = outcome or bytes(CONTENT_SIZE * len(share))
        parts = (data[at : at + CONTENT_SIZE] for at in range(0, len(data), CONTENT_SIZE))
        found += [b"" if part == _FAILED else part for part in parts]
    return found


def _read(files: Sequence[File]) -> bytes:
    return b"".join(map(_content, files))


def _content(file: File) -> bytes:
    try:
        return read_content(*file)
    except OkplugError:
        return _FAILED

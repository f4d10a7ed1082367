"""The files that an image reads: what is hashed, and what is sent.

A ``ContextSnapshot`` is the one selection of files that feeds the key and the builder. Its digests
are made of relative path, kind, executable bit, link target and content, nothing else; owner, times
and the other mode bits never count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContextFile:
    """One entry of a context.

    :param relpath: POSIX path below the context; bytes that are not UTF-8 stand as surrogate
        escapes.
    :param kind: ``file``, ``link`` or ``directory``.
    :param executable: the owner may execute the file; builders give it mode 0755, else 0644. A
        directory is 0755.
    :param target: what a link points to, as it stands in the link.
    :param size: bytes of a file.
    :param fingerprint: xxh3-128 of a file's content, 32 hex digits.
    :param sha256: of a file's content, 64 hex digits.
    """

    relpath: str
    kind: str
    executable: bool = False
    target: str = ""
    size: int = 0
    fingerprint: str = ""
    sha256: str = ""


class ContextSnapshot(Protocol):
    """The files of a context that one image reads, as they were when they were hashed.

    ``digest`` is 32 hex digits of xxh3-128 and ``proof`` 64 hex digits of sha256, each over all
    entries.
    """

    @property
    def root(self) -> Path:
        """The absolute path of the context."""

    @property
    def files(self) -> tuple[ContextFile, ...]:
        """The entries, sorted by *relpath* as bytes; the folders above an entry are there too."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """The patterns of ``.dockerignore`` that left entries out.

        Of two snapshots with the same root and patterns, each is part of what the other could read.
        """

    @property
    def digest(self) -> str:
        """Xxh3-128 over the entries."""

    @property
    def proof(self) -> str:
        """Sha256 over the entries, with the sha256 of the files."""

    def open(self, relpath: str) -> BinaryIO:
        """Open a file of the snapshot; reading to its end checks size and fingerprint.

        :raises ContextChangedError: at the end of the stream, or at once, if the file is not what
            was hashed.
        """

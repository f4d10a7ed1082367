"""Which images the command line means.

    services/api:api     the image of that address; // may stand before it
    services/api         the images of that folder
    services/api:        the same
    services::           the images of that folder and of all below it; :: is all
    :api                 the image of the root's manifest
    api                  the image of that name, if there is but one
    services/*:*, web*   patterns of addresses, folders or names
    ./x, ../x, .         folders and addresses from where the user is
    -services/old::      not these; --exclude services/old:: is the same

Without any, these are all images at and below the folder that the user is in.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.keyword import compile_keyword
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from okplug.graph import ImageGraph

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Selection:
    """Addresses.

    :param asked: what the user named.
    :param needed: that, and all that it is built from.
    """

    asked: frozenset[str]
    needed: frozenset[str]


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what commands select images by."""
    parser.add_argument(
        "selection",
        nargs="*",
        metavar="SELECTION",
        help="an address (services/api:api), a folder (services/api), all below it (services::), "
        "a name or a pattern; -SELECTION leaves images out",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="SELECTION",
        help="leave these images out",
    )
    parser.add_argument(
        "-k",
        dest="keyword",
        default="",
        metavar="EXPRESSION",
        help="only images whose address contains the words, as in 'api and not test'",
    )


def select(
    graph: ImageGraph,
    texts: Sequence[str],
    *,
    keyword: str = "",
    cwd: str = "",
) -> Selection:
    """Return the images that the texts select.

    :param texts: as the module says, those to leave out with a ``-`` before them.
    :param keyword: an expression of words, ``and``, ``or``, ``not`` and parentheses.
    :param cwd: POSIX path of the user's folder below the root, ``""`` for the root.
    :raises UsageError: if a text means nothing, or a name several images.
    """
    known = _Known.of(graph)
    wanted = [text for text in texts if not text.startswith("-")]
    asked = {address for text in wanted for address in known.match(text, cwd)}
    if not wanted:
        asked = set(known.below(cwd))
    for text in texts:
        if text.startswith("-"):
            asked.difference_update(known.match(text[1:], cwd))
    if keyword:
        asked = set(filter(compile_keyword(keyword), asked))
    return Selection(frozenset(asked), graph.closure(asked))


def user_folder(root: Path, cwd: Path) -> str:
    """Return the user's folder below the root, ``""`` when it is elsewhere."""
    return cwd.relative_to(root).as_posix().strip(".") if cwd.is_relative_to(root) else ""


@dataclass(frozen=True, slots=True)
class _Known:
    """All images: address, folder and name."""

    images: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, graph: ImageGraph) -> _Known:
        return cls(tuple((i.address, i.folder, i.name) for i in graph.images()))

    def below(self, top: str) -> list[str]:
        prefix = f"{top}/" if top else ""
        return [
            address
            for address, folder, _ in self.images
            if folder == top or folder.startswith(prefix)
        ]

    def match(self, text: str, cwd: str) -> list[str]:
        """Return the addresses that a text means, at least one."""
        spec = _from_root(text, cwd)
        found = self._find(spec)
        if not found:
            known = {part for image in self.images for part in image if part}
            raise UsageError(
                f"{text!r} selects no image{did_you_mean(spec, known)}",
                hint="okplug list shows all addresses",
            )
        return found

    def _find(self, spec: str) -> list[str]:
        if spec.endswith("::"):
            return self.below(spec[:-2].rstrip("/"))
        folder, colon, name = spec.rpartition(":")
        if colon:
            return [a for a, f, n in self.images if _fits(f, folder) and _fits(n, name or "*")]
        in_folder = [a for a, f, _ in self.images if f and _fits(f, spec.rstrip("/"))]
        return in_folder or self._named(spec)

    def _named(self, spec: str) -> list[str]:
        found = [address for address, _, name in self.images if _fits(name, spec)]
        if len(found) > 1 and not _GLOB & set(spec):
            raise UsageError(
                f"{spec!r} may be any of {', '.join(found)}",
                hint="write the address of the one that is meant, or a pattern for all of them",
            )
        return found


def _fits(value: str, pattern: str) -> bool:
    return value == pattern or (bool(_GLOB & set(pattern)) and fnmatchcase(value, pattern))


def _from_root(text: str, cwd: str) -> str:
    """Make a text that counts from the user's folder one that counts from the root."""
    folder, colon, rest = text.partition(":")
    if folder in {".", ".."} or folder.startswith(("./", "../")):
        path = posixpath.normpath(posixpath.join("/", cwd, folder)).strip("/")
        return f"{path}{colon}{rest}" if colon or path else ":*"
    return text.removeprefix("//")

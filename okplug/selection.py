"""Which images the command line means.

    services/api:api     the image of that address; // may stand before it
    services/api         the images of that folder; so do services/api/ and services/api:
    services::           the images of that folder and of all below it; :: is all
    :api                 the image of the root's manifest
    api                  the image of that name, if there is but one; My_Api is my-api
    services/*:*, web*   patterns of addresses, folders or names
    ./x, ../x, .         folders and addresses from where the user is
    -services/old::      not these; --exclude services/old:: is the same

A command line takes a word for one to leave out if it has a colon or a slash and does not begin
like an option; ``--exclude`` takes any.

Without any, these are all images at and below the folder that the user is in.

In a pattern, ``*``, ``?`` and ``[...]`` stand for characters other than a slash, and ``**`` stands
for any folders. A word without a colon is a folder if one of that name has images, else a name.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.keyword import compile_keyword
from okplug.manifest.imagenames import sanitise_wanted
from okplug.patterns import compile_pattern, is_pattern
from okplug.suggestions import did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from okplug.graph import ImageGraph

_SHOWN = 8


class UnknownSelectionError(UsageError):
    """A word that selects no image.

    :ivar text: the word.
    """

    def __init__(self, text: str, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.text = text


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
        help="leave these images out, as -SELECTION does where it does not begin like an option",
    )
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="only the images of this manifest or compose file",
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
    among: Collection[str] | None = None,
) -> Selection:
    """Return the images that the texts select.

    What is left out may still be needed by what is not.

    :param texts: as the module says, those to leave out with a ``-`` before them, in any order.
    :param keyword: an expression of words, ``and``, ``or``, ``not`` and parentheses.
    :param cwd: POSIX path of the user's folder below the root, ``""`` for the root.
    :param among: the addresses that there are to select; without a text it is all of them.
    :raises UsageError: if a text means nothing, or a name several images.
    """
    known = _Known.of(graph, among)
    wanted = [text for text in texts if not text.startswith("-")]
    asked = {address for text in wanted for address in known.match(text, cwd)}
    if not wanted:
        asked = set(known.below(cwd if among is None else ""))
    for text in texts:
        if text.startswith("-"):
            asked.difference_update(known.match(text[1:], cwd))
    if keyword:
        asked = set(filter(compile_keyword(keyword), asked))
    return Selection(frozenset(asked), graph.closure(asked))


def matching(graph: ImageGraph, text: str, cwd: str) -> tuple[str, ...]:
    """Return the addresses of the images that one text means, at least one.

    :param cwd: as for ``select``.
    :raises UsageError: if it means nothing, or is the name of several images.
    """
    return tuple(_Known.of(graph, None).match(text, cwd))


def user_folder(root: Path, cwd: Path) -> str:
    """Return the user's folder below the root, ``""`` when it is elsewhere."""
    if cwd == root or not cwd.is_relative_to(root):
        return ""
    return cwd.relative_to(root).as_posix()


@dataclass(frozen=True, slots=True)
class _Known:
    """All images: address, folder and name."""

    images: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, graph: ImageGraph, among: Collection[str] | None) -> _Known:
        images = [each for each in graph.images() if among is None or each.address in among]
        return cls(tuple((i.address, i.folder, i.name) for i in images))

    def match(self, text: str, cwd: str) -> list[str]:
        """Return the addresses that a text means, at least one."""
        spec = _from_root(text, cwd)
        found = self._find(spec) or self._find(sanitise_wanted(spec))
        if not found:
            known = {part for image in self.images for part in image if part}
            raise UnknownSelectionError(
                text,
                f"{text!r} selects no image{did_you_mean(spec.rstrip(':'), known)}",
                hint="okplug list shows all addresses",
            )
        return found

    def below(self, top: str) -> list[str]:
        """Return the addresses at and below a folder, or below those that a pattern fits."""
        if not top:
            return [address for address, _, _ in self.images]
        fits, inside = _test(top), _test(f"{top}/**")
        return [a for a, folder, _ in self.images if fits(folder) or inside(folder)]

    def _find(self, spec: str) -> list[str]:
        exact = [address for address, _, _ in self.images if address == spec]
        if exact:
            return exact
        if spec.endswith("::"):
            return self.below(spec[:-2].rstrip("/"))
        folder, colon, name = spec.rpartition(":")
        if not spec:
            return []
        if not colon:
            return self._inside(spec.rstrip("/")) or self._named(spec)
        if not name:
            return self._inside(folder.rstrip("/"))
        in_folder, of_name = _test(folder), _test(name)
        return [a for a, f, n in self.images if in_folder(f) and of_name(n)]

    def _inside(self, folder: str) -> list[str]:
        fits = _test(folder)
        return [address for address, other, _ in self.images if fits(other)]

    def _named(self, spec: str) -> list[str]:
        fits = _test(spec)
        found = [address for address, _, name in self.images if fits(name)]
        if len(found) > 1 and not is_pattern(spec):
            shown = [*found[:_SHOWN], *(["..."] if len(found) > _SHOWN else [])]
            raise UsageError(
                f"{spec!r} may be any of {', '.join(shown)}",
                hint="write the address of the one that is meant, or a pattern for all of them",
            )
        return found


def _test(pattern: str) -> Callable[[str], bool]:
    return compile_pattern(pattern) if is_pattern(pattern) else pattern.__eq__


def _from_root(text: str, cwd: str) -> str:
    """Make a text that counts from the user's folder one that counts from the root.

    :raises UsageError: if it leads out of the workspace.
    """
    folder, colon, rest = text.partition(":")
    if folder not in {".", ".."} and not folder.startswith(("./", "../")):
        return text.removeprefix("//")
    path = posixpath.normpath(posixpath.join(cwd, folder))
    if path == ".." or path.startswith("../"):
        raise UsageError(
            f"{text!r} is outside of the workspace",
            hint="okplug -C DIR works on the workspace of another folder",
        )
    path = "" if path == "." else path
    return f"{path}{colon or ':'}{rest}"

"""What a call asks for of a tree: include and exclude patterns, and paths to be followed."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from okplug.dockerfile import Matcher
from okplug_buildkit.sync.entries import decode, parent
from okplug_buildkit.sync.followpaths import follow_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from okplug_buildkit.sync.entries import Entry, Tree

#: the file that the daemon reads itself, before it knows what to ask for
_IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call says that it wants.

    :param directory: the name of the tree.
    :param includes: patterns, of which one has to match; none if all is wanted.
    :param excludes: patterns as in ``.dockerignore``.
    :param follow: paths whose links are followed; they count as includes.
    """

    directory: str
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()

    @classmethod
    def read(cls, metadata: Callable[[str], Sequence[str]]) -> Wanted:
        """Read the metadata of a call.

        :param metadata: returns all values of a key.
        """
        return cls(
            next(iter(_values(metadata, "dir-name")), ""),
            _values(metadata, "include-patterns"),
            _values(metadata, "exclude-patterns"),
            _values(metadata, "followpaths"),
        )

    def select(self, tree: Tree, *, narrow: bool = False) -> Sequence[Entry]:
        """Return what is to be sent of a tree, in its order.

        :param narrow: only what is asked for, even of a tree that may be sent as a whole.
        :raises ManifestError: if a pattern is malformed.
        """
        if tree.is_whole and not narrow and set(self.follow) != {_IGNORE_FILE}:
            includes = None
        else:
            includes = self._includes(tree)
        if includes is None and not self.excludes:
            return tree.entries()
        chosen = Filter(includes, self.excludes)
        return chosen.select(tree.entries(chosen.skips))

    def _includes(self, tree: Tree) -> Sequence[str] | None:
        followed = follow_paths(tree, self.follow) if self.follow else None
        return [*self.includes, *(followed or ())] or None


class Filter:
    """Chooses among the entries of one tree, each folder before what is in it.

    :param includes: None if all is wanted.
    :raises ManifestError: if a pattern is malformed.
    """

    def __init__(self, includes: Sequence[str] | None, excludes: Sequence[str]) -> None:
        self._includes = None if includes is None else Matcher(includes)
        self._excludes = Matcher(excludes)
        self._verdicts: dict[bytes, _Verdict] = {b"": _Verdict(is_included=includes is None)}

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries that are wanted, and the folders above them."""
        chosen: list[Entry] = []
        waiting: list[Entry] = []  # the folders above, as far as they are not among the chosen
        for entry in entries:
            while waiting and not entry.path.startswith(waiting[-1].path + b"/"):
                waiting.pop()
            if self._wants(entry):
                chosen += waiting
                waiting.clear()
                chosen.append(entry)
            elif stat.S_ISDIR(entry.mode):
                waiting.append(entry)
        return chosen

    def skips(self, path: bytes) -> bool:
        """Tell of a folder that nothing in it can be wanted."""
        verdict = self._judge_folder(path)
        relpath = decode(path)
        if verdict.is_excluded and self._excludes.can_skip_directory(relpath):
            return True
        if self._includes is None or verdict.is_included:
            return False
        return not self._includes.may_match_below(relpath)

    def _wants(self, entry: Entry) -> bool:
        if stat.S_ISDIR(entry.mode):
            verdict = self._judge_folder(entry.path)
            return verdict.is_included and not verdict.is_excluded
        above = self._verdicts[parent(entry.path)]
        relpath = decode(entry.path)
        if self._includes is not None and not self._includes.leaves_out(relpath, above.included):
            return False
        return not self._excludes.leaves_out(relpath, above.excluded)

    def _judge_folder(self, path: bytes) -> _Verdict:
        verdict = self._verdicts.get(path)
        if verdict is None:
            above = self._verdicts[parent(path)]
            is_included, included = True, above.included
            if self._includes is not None:
                is_included, included = self._includes.enter(decode(path), above.included)
            is_excluded, excluded = self._excludes.enter(decode(path), above.excluded)
            verdict = _Verdict(is_included, included, is_excluded, excluded)
            self._verdicts[path] = verdict
        return verdict


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the patterns say of a folder, with what counts for all below it."""

    is_included: bool
    included: tuple[bool, ...] = ()
    is_excluded: bool = False
    excluded: tuple[bool, ...] = ()


def _values(metadata: Callable[[str], Sequence[str]], key: str) -> tuple[str, ...]:
    """Return the values of a key, which are escaped if another key says so."""
    values = metadata(key)
    if "1" not in metadata(f"{key}-encoded"):
        return tuple(values)
    return tuple(unquote_plus(value, errors="surrogateescape") for value in values)

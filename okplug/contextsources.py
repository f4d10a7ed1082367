"""The sources of COPY, ADD and bind mounts, and how they lead through the folders of a context.

A ``Source`` becomes a ``Way``, which is followed component by component; where a way ends, a
``Tree`` begins: a folder that is copied with what lies below it.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from okplug.dockerfile.globs import compile_glob, crosses_folders, is_glob
from okplug.dockerfile.ignore import Matcher, Pattern, Results
from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from okplug.dockerfile.model import ContextRead

#: the number of links after which BuildKit gives up, too; a loop of links ends here
MAX_LINKS = 255


def decode(relpath: bytes) -> str:
    """Return a path as patterns take it: what is not UTF-8 as surrogate escapes."""
    return relpath.decode("utf-8", "surrogateescape")


def encode(relpath: str) -> bytes:
    """Return the bytes of a path."""
    return relpath.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a source: a name, or a pattern with a *test* for names."""

    text: bytes
    test: Callable[[str], object] | None = None

    def matches(self, name: bytes) -> bool:
        """Tell whether the component names an entry of a folder."""
        return name == self.text if self.test is None else bool(self.test(decode(name)))


@dataclass(frozen=True, slots=True)
class Search:
    """Wildcards of a source that may name what lies in the folders that they seem to name.

    :param test: tells whether they match a path below the folder where they begin.
    :param start: what each such path begins with.
    """

    test: Callable[[str], object]
    start: str

    def may_match_below(self, folder: tuple[str, ...]) -> bool:
        """Tell whether a path below *folder* can match; where there are wildcards, it may."""
        return "/".join((*folder, "")).startswith(self.start)


@dataclass(eq=False, slots=True)
class Source:
    """One source of one instruction.

    :param read: number of the instruction among those asked about.
    :param pattern: number of the source within the instruction.
    :param components: of the whole source.
    :param pivot: how many components *include* stands for.
    :param include: what paths below the folder before the pivot must match: with ``--parents`` the
        pattern, else wildcards that do not stay within a component.
    :param excludes: patterns of ``--exclude``.
    :param is_malformed: it can match nothing.
    :param wild: how many components there are from the first wildcard on, or behind the pivot.
    :ivar base: the folder that these are looked for in, None if it is not there.
    :ivar is_matched: something was selected because of it.
    """

    read: int
    pattern: int
    components: tuple[Component, ...] = ()
    pivot: int = 0
    include: Pattern | Search | None = None
    excludes: Matcher | None = None
    is_malformed: bool = False
    wild: int = 0
    base: bytes | None = None
    is_matched: bool = False

    @property
    def is_wild(self) -> bool:
        """It holds a wildcard, so that it may match nothing."""
        return any(component.test is not None for component in self.components)

    def way(self) -> Way:
        """Return the way from the root of the context."""
        return Way(self, self.components, self.pivot, self.wild)


def read_sources(reads: Sequence[ContextRead] | None) -> Iterator[Source]:
    """Return the sources of all instructions; None stands for the whole context.

    :raises ManifestError: if a pattern of ``--exclude`` is malformed.
    """
    if reads is None:
        yield Source(0, 0)
        return
    for number, read in enumerate(reads):
        excludes = Matcher(read.excludes) if read.excludes and not read.is_mount else None
        for position, pattern in enumerate(read.patterns):
            try:
                source = _read_source(read, pattern)
            except ManifestError:
                source = Source(number, position, is_malformed=True)
            yield replace(source, read=number, pattern=position, excludes=excludes)


def _read_source(read: ContextRead, pattern: str) -> Source:
    if read.is_mount:
        return Source(0, 0, tuple(Component(name) for name in split(encode(pattern))))
    if not read.parents:
        components = _components(pattern)
        wild = _wild(components)
        rest = components[len(components) - wild :]
        if not any(crosses_folders(decode(component.text)) for component in rest):
            return Source(0, 0, components, wild=wild)
        text = decode(b"/".join([component.text for component in rest]))
        search = Search(compile_glob(text), re.split(r"[*?\[\\]", text, maxsplit=1)[0])
        return Source(0, 0, components, wild, search, wild=wild)
    base, pivot, below = pattern.partition("/./")
    if not pivot:
        base, below = "", pattern
    rest = _components(below)
    text = posixpath.normpath("/" + below).lstrip("/")
    include = Pattern.parse(text) if rest else None
    above = _components(base)
    return Source(0, 0, above + rest, len(rest), include, wild=_wild(above) + len(rest))


def _wild(components: Sequence[Component]) -> int:
    plain = itertools.takewhile(lambda component: not is_glob(decode(component.text)), components)
    return len(components) - sum(1 for _ in plain)


def split(path: bytes, folder: bytes = b"") -> tuple[bytes, ...]:
    """Return the components of a path in a context, below *folder* unless it is absolute.

    ``..`` is resolved by name and stops at the root, as BuildKit does both.
    """
    clean = posixpath.normpath(posixpath.join(b"/", folder, path)).strip(b"/")
    return tuple(clean.split(b"/")) if clean else ()


def _components(pattern: str) -> tuple[Component, ...]:
    return tuple(_component(name) for name in split(b"/" + encode(pattern)))


def _component(name: bytes) -> Component:
    text = decode(name)
    return Component(name, compile_glob(text)) if is_glob(text) else Component(name)


@dataclass(frozen=True, slots=True)
class Way:
    """What is still to be walked of a source.

    :param rest: the components that are left.
    :param pivot: how many are left where the source's pattern takes over, 0 behind it.
    :param wild: how many, at the end, are no names; 0 on the way to where a link at the end leads.
    :param links: how many links were followed.
    """

    source: Source
    rest: tuple[Component, ...]
    pivot: int = 0
    wild: int = 0
    links: int = field(default=0, compare=False)

    @property
    def is_end(self) -> bool:
        """What has been reached is what is copied, unless a pattern decides."""
        return not self.rest and (self.source.include is None or not self.wild)

    @property
    def is_pivot(self) -> bool:
        """What has been reached is where the pattern takes over."""
        return bool(self.pivot) and len(self.rest) == self.pivot

    @property
    def may_follow(self) -> bool:
        """A link that has been reached leads on; no wildcards and no pattern pass through one."""
        left = len(self.rest)
        return left == self.source.pivot or left >= self.wild

    @property
    def is_in_pattern(self) -> bool:
        """The pattern decides about what has been reached."""
        return self.source.include is not None and bool(self.wild) and not self.pivot

    def step(self) -> Way:
        """Return the way behind the next component."""
        pivot = 0 if len(self.rest) == self.pivot else self.pivot
        return replace(self, rest=self.rest[1:], pivot=pivot)

    def tree(self, start: int) -> Tree | None:
        """Return the tree that begins at the folder that has been reached, if one does."""
        if self.is_end:
            return Tree(self.source, start, None, self.source.excludes)
        if self.is_pivot:
            return Tree(self.source, start, self.source.include, self.source.excludes)
        return None

    def detour(self, link: bytes, target: bytes) -> Iterator[Way]:
        """Return the way, from the root again, that a link sends this one on."""
        if self.links < MAX_LINKS:
            names = split(target, posixpath.dirname(link))
            yield Way(
                self.source,
                (*map(Component, names), *self.rest),
                self.pivot,
                min(self.wild, len(self.rest)),
                self.links + 1,
            )


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that a source copies, on the way down.

    :param start: where paths relative to that folder begin in those relative to the context.
    :param include: only what it matches is copied; None once it has matched above.
    :param excludes: what they match is not copied.
    :param excluded: what the exclude patterns said of the folders above.
    """

    source: Source
    start: int
    include: Pattern | Search | None = None
    excludes: Matcher | None = None
    excluded: Results = ()

    @property
    def is_plain(self) -> bool:
        """All below is copied."""
        return self.include is None and self.excludes is None

    def enter(self, relpath: str) -> tuple[bool, Tree]:
        """Tell whether an entry is copied, with the tree as it goes on below the entry."""
        if self.is_plain:
            return True, self
        below = relpath[self.start :]
        if isinstance(self.include, Search):
            if not self.include.test(below):
                return False, self
            return True, Tree(self.source, len(relpath) + 1, None, self.excludes)
        include = None if self.include is None or self.include.test(below) else self.include
        is_excluded, excluded = False, self.excluded
        if self.excludes is not None:
            is_excluded, excluded = self.excludes.enter(below, self.excluded)
        tree = Tree(self.source, self.start, include, self.excludes, excluded)
        return include is None and not is_excluded, tree

    def end(self, relpath: str) -> Iterator[Way]:
        """Return the way behind an entry that the pattern names, for it to lead on as a link.

        With ``--parents`` the link is copied as what it is, but BuildKit wants its target there.
        """
        if self.include is not None and self.include.test(relpath[self.start :]):
            yield Way(self.source, ())

    def may_go_on(self, relpath: str) -> bool:
        """Tell whether something below a folder may be copied though the folder is not."""
        below = relpath[self.start :]
        if self.include is not None:
            return self.include.may_match_below(tuple(below.split("/")))
        return self.excludes is None or not self.excludes.can_skip_directory(below)

"""YAML as nodes that know their place, composed from the parser's events.

Scalars keep the text that is written: ``1.20`` is "1.20" and ``on`` is "on". Tags are not
resolved. libyaml parses where PyYAML has it, else PyYAML's own parser does.

PyYAML's composer is not used: it recurses, in C, and a deeply nested file ends the process. Depth
and number of nodes are bounded here, aliases counted as often as they are used, so that whoever
decodes the nodes may recurse and copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import yaml

from okplug.errors import Location, ManifestError

if TYPE_CHECKING:
    from pathlib import Path

MAX_DEPTH: Final = 100
MAX_NODES: Final = 100_000

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NESTING = "exceeded maximum nesting depth"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_STANDARD_TAG = "tag:yaml.org,2002:"
#: what YAML 1.1 does not take as it is, section 5.1 of its specification
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: words of the parser's messages, and the usual remedy
_HINTS = (
    ("mapping values are not allowed", "quote a text that holds a colon; check the indentation"),
    ("could not find expected ':'", "check the indentation; a key ends with a colon"),
    ("did not find expected", "check the indentation, and that brackets and quotes are closed"),
    ("expected <block end>", "check the indentation, and that brackets and quotes are closed"),
    ("cannot start any token", "quote a text that begins with this character"),
    ("unexpected end of stream", "close the quote"),
)


@dataclass(slots=True)
class ScalarNode:
    """A text as it is written, quotes and escapes gone.

    :param is_plain: written without quotes and without a tag.
    :param shift: columns from the beginning of the node to the text's first character, -1 where
        line breaks or escapes make that no help for the characters after it.
    :param tag: one that is not YAML's own, ``""`` for none.
    :param first_line: the line of the file that the text's first line is, if each of its lines is
        one of the file; else 0.
    """

    path: Path
    line: int
    column: int
    text: str
    is_plain: bool
    shift: int
    tag: str = ""
    first_line: int = 0

    kind = "a string"

    @property
    def is_null(self) -> bool:
        """Nothing is written, or a word that means it."""
        return self.is_plain and self.text in _NULLS

    @property
    def location(self) -> Location:
        """Where the node begins."""
        return Location(self.path, self.line, self.column)

    def location_at(self, offset: int) -> Location:
        """Return the place of a character of the text, or of the node if that is not known."""
        if self.shift < 0:
            return self.location
        return Location(self.path, self.line, self.column + self.shift + offset)


@dataclass(slots=True)
class SequenceNode:
    """A list."""

    path: Path
    line: int
    column: int
    items: tuple[Node, ...]
    tag: str = ""

    kind = "a list"

    @property
    def location(self) -> Location:
        """Where the node begins."""
        return Location(self.path, self.line, self.column)


@dataclass(slots=True)
class MappingNode:
    """A map, with its keys as they are written: ``<<`` and repetitions are still there."""

    path: Path
    line: int
    column: int
    pairs: tuple[tuple[Node, Node], ...]
    tag: str = ""

    kind = "a map"

    @property
    def location(self) -> Location:
        """Where the node begins."""
        return Location(self.path, self.line, self.column)


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def compose(data: bytes, path: Path) -> Node | None:
    """Return the root of the document in *data*, None if there is nothing but comments.

    :param path: where *data* comes from, for locations.
    :raises ManifestError: if this is not one document of YAML in UTF-8, or exceeds the bounds.
    """
    data = data.removeprefix(_BYTE_ORDER_MARK)
    _check_encoding(data, path)
    try:
        return _compose(data, path, _LOADER)
    except yaml.YAMLError as error:
        if _NESTING in str(error):
            # libyaml looks ahead, and gives up at a depth of its own before the bound is reached
            return _compose(data, path, yaml.SafeLoader)
        raise _syntax_error(error, data, path) from error


def _compose(
    data: bytes, path: Path, loader: type[yaml.SafeLoader | yaml.CSafeLoader]
) -> Node | None:
    composer = _Composer(path)
    for event in yaml.parse(data, Loader=loader):
        composer.take(event)
    return composer.root


def _check_encoding(data: bytes, path: Path) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        place = Location(
            path,
            data.count(b"\n", 0, error.start) + 1,
            len(data[start : error.start].decode()) + 1,
        )
        raise ManifestError(
            "the file is not UTF-8", location=place, hint="save it in the encoding UTF-8"
        ) from error


def _syntax_error(error: yaml.YAMLError, data: bytes, path: Path) -> ManifestError:
    """Say in one line what the parser found, and where."""
    text = data.decode()
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable_error(text, path)
    marked = cast("yaml.MarkedYAMLError", error)
    mark = marked.problem_mark or marked.context_mark
    place = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
    problem = str(marked.problem or "it cannot be read").replace("\\t", "tab")
    if mark and _character_at(text, mark) == "\t":
        return ManifestError(
            "a tab cannot indent YAML or begin a value", location=place, hint="use spaces"
        )
    hint = next((hint for words, hint in _HINTS if words in problem), "")
    begun = marked.context_mark
    is_above = begun is not None and mark is not None and begun.line < mark.line
    since = f" {marked.context}, begun in line {begun.line + 1}" if begun and is_above else ""
    return ManifestError(f"this is not YAML: {problem}{since}", location=place, hint=hint)


def _character_at(text: str, mark: yaml.Mark) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    return line[mark.column : mark.column + 1]


def _unprintable_error(text: str, path: Path) -> ManifestError:
    """Find the character that the reader refuses; its own position counts bytes."""
    match = _UNPRINTABLE.search(text)
    if match is None:
        return ManifestError("this is not YAML", location=Location(path))
    line = text.count("\n", 0, match.start()) + 1
    column = match.start() - text.rfind("\n", 0, match.start())
    return ManifestError(
        f"the control character U+{ord(match[0]):04X} cannot stand in YAML",
        location=Location(path, line, column),
        hint='remove it, or write it as an escape such as "\\x07" in double quotes',
    )


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been reached.

    :param size: the number of nodes before it.
    """

    event: yaml.CollectionStartEvent
    size: int
    items: list[Node] = field(default_factory=list)


class _Composer:
    """Make nodes of events, with a stack of its own in place of recursion."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._documents = 0
        self._size = 0
        self._root: list[Node] = []
        self._items = self._root
        self._open: list[_Open] = []
        #: name -> the node and the number of nodes below it, None until its end is reached
        self._anchors: dict[str, tuple[Node, int] | None] = {}

    @property
    def root(self) -> Node | None:
        return self._root[0] if self._root else None

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._error(event, "a second document begins here", "keep one document per file")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count(event, 1)
        line, column = _place(event)
        node = ScalarNode(
            self._path,
            line,
            column,
            event.value,
            event.implicit[0],
            _shift(event),
            _foreign_tag(event.tag),
            _first_line(event, line),
        )
        if event.anchor:
            self._anchors[event.anchor] = (node, 1)
        self._items.append(node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise self._error(
                event, f"nothing before this place is called &{name}", f"write &{name} at its value"
            )
        anchored = self._anchors[name]
        if anchored is None:
            raise self._error(event, f"&{name} holds itself", f"do not use *{name} inside &{name}")
        node, size = anchored
        self._count(event, size)
        self._items.append(node)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) == MAX_DEPTH:
            raise self._error(
                event,
                f"this lies more than {MAX_DEPTH} levels deep",
                "no manifest needs that many lists and maps in one another",
            )
        self._open.append(_Open(event, self._size))
        self._items = self._open[-1].items
        self._count(event, 1)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self) -> None:
        opened = self._open.pop()
        node = self._collection(opened)
        anchor = opened.event.anchor
        if anchor:
            self._anchors[anchor] = (node, self._size - opened.size)
        self._items = self._open[-1].items if self._open else self._root
        self._items.append(node)

    def _collection(self, opened: _Open) -> Node:
        line, column = _place(opened.event)
        tag = _foreign_tag(opened.event.tag)
        if isinstance(opened.event, yaml.SequenceStartEvent):
            return SequenceNode(self._path, line, column, tuple(opened.items), tag)
        one_by_one = iter(opened.items)
        pairs = tuple(zip(one_by_one, one_by_one, strict=True))
        return MappingNode(self._path, line, column, pairs, tag)

    def _count(self, event: yaml.Event, size: int) -> None:
        self._size += size
        if self._size > MAX_NODES:
            raise self._error(
                event,
                f"the file comes to more than {MAX_NODES:,} values",
                "an alias counts as often as it is used; split the file",
            )

    def _error(self, event: yaml.Event, message: str, hint: str) -> ManifestError:
        return ManifestError(message, location=Location(self._path, *_place(event)), hint=hint)


def _place(event: yaml.Event) -> tuple[int, int]:
    """Return line and column, counted from 1."""
    mark = event.start_mark
    assert mark is not None  # only events that are made by hand have none
    return mark.line + 1, mark.column + 1


def _shift(event: yaml.ScalarEvent) -> int:
    """Return how far behind the node's beginning its text begins, see ``ScalarNode``."""
    begin, end = event.start_mark, event.end_mark
    if begin is None or end is None or begin.line != end.line:
        return -1
    # what is longer than its text holds an anchor, a tag or escapes
    quotes = 2 if event.style in ("'", '"') else 0
    return quotes // 2 if end.column - begin.column == len(event.value) + quotes else -1


def _first_line(event: yaml.ScalarEvent, line: int) -> int:
    """Return the line at which a text begins, see ``ScalarNode``; a literal follows its ``|``."""
    if event.style == "|":
        return line + 1
    return 0 if "\n" in event.value else line


def _foreign_tag(tag: str | None) -> str:
    return "" if tag is None or tag == "!" or tag.startswith(_STANDARD_TAG) else tag

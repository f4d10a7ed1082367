"""What differs between two records of a key, in words: the answer to "why is this built again?"."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.hiding import HIDDEN, align
from okplug.keys import SCHEME, KeyItem, KeyRecord
from okplug.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: what people call the kinds of items, for those that differ from the kind's own name
_WORDS = {
    "arg": "build argument",
    "context": "named context",
    "file": "",
    "host": "extra host",
    "plugin": "plugin input",
    "source-date-epoch": "SOURCE_DATE_EPOCH",
    "ssh": "ssh id",
}
_LONGEST_VALUE = 60
_EXECUTABLE = "executable"
_LEAD = 15  # characters before a difference
#: how the key of a dependency stands in arguments and instructions
_KEY = re.compile(r"image:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Change:
    """One item that differs.

    :param how: ``added``, ``removed`` or ``changed``.
    :param subject: what differs: a path, an address, the name of an argument, a line.
    :param detail: old and new value where they say something, else ``""``.
    :param repeats_dependency: nothing differs but the keys of dependencies, which say so
        themselves.
    """

    kind: str
    how: str
    subject: str
    detail: str = ""
    repeats_dependency: bool = False

    @property
    def words(self) -> str:
        """What people call the kind, ``""`` for a file."""
        return _WORDS.get(self.kind, self.kind)

    def __str__(self) -> str:
        text = " ".join(part for part in (self.words, self.subject, self.how) if part)
        return f"{text}: {self.detail}" if self.detail else text


def record_to_json(record: KeyRecord, files: Iterable[KeyItem] = ()) -> bytes:
    """Write a record, and the items of its files if they are given, for the run history."""
    items = [
        [item.kind, item.name, item.value, item.proof, item.subject]
        for item in (*record.items, *files)
    ]
    document = {"scheme": SCHEME, "key": record.key, "root": record.root, "items": items}
    return json.dumps(document, separators=(",", ":")).encode()


def record_from_json(data: bytes) -> KeyRecord | None:
    """Read what ``record_to_json`` wrote; None if another scheme or another program wrote it."""
    try:
        document = json.loads(data)
        if document["scheme"] != SCHEME:
            return None
        items = tuple(KeyItem(*map(str, item)) for item in document["items"])
        return KeyRecord(str(document["key"]), str(document["root"]), items)
    except (ValueError, TypeError, KeyError):
        return None


def changes(old: KeyRecord, new: KeyRecord) -> tuple[Change, ...]:
    """Return what differs, files first, each item once.

    The item that stands for all files is left out where the files themselves are in both records.
    """
    old, new = align(old, new)
    found = [*_instruction_changes(old, new), *_named_changes(old, new)]
    if any(change.kind == "dependency" for change in found):
        found = [change for change in found if not change.repeats_dependency]
    if any(change.kind == "file" for change in found):
        found = [change for change in found if change.kind != "files"]
    return tuple(sorted(found, key=lambda change: (change.kind != "file", change.kind)))


def changed_dependencies(found: Iterable[Change]) -> tuple[str, ...]:
    """Return the addresses of the dependencies that changed, none if anything else did, too."""
    places = [(change.kind, change.how, change.subject) for change in found]
    if any(place[:2] != ("dependency", "changed") for place in places):
        return ()
    return tuple(subject for _, _, subject in places)


def _named_changes(old: KeyRecord, new: KeyRecord) -> Iterator[Change]:
    before = _by_name(old)
    after = _by_name(new)
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place), after.get(place)
        if was is None or now is None:
            yield Change(place[0], "added" if was is None else "removed", place[1])
        elif was.value != now.value:
            repeats = _without_keys(was.value) == _without_keys(now.value)
            yield Change(place[0], "changed", place[1], _detail(was, now), repeats)


def _by_name(record: KeyRecord) -> dict[tuple[str, str], KeyItem]:
    """Index the items; a dependency is known by its address, which is no part of the key."""
    return {
        (item.kind, item.subject if item.kind == "dependency" else item.name): item
        for item in record.items
        if item.kind != "instruction"
    }


def _detail(was: KeyItem, now: KeyItem) -> str:
    if was.kind in ("dependency", "files"):
        return ""
    if was.kind == "file":
        return _file_detail(was.value, now.value)
    return _pair(was.value, now.value)


def _file_detail(was: str, now: str) -> str:
    """Say what changed of a file; its value is ``kind [executable] fingerprint or target``."""
    was_kind, _, was_rest = was.partition(" ")
    now_kind, _, now_rest = now.partition(" ")
    if was_kind != now_kind:
        return f"{was_kind} -> {now_kind}"
    if was_kind == "link":
        return f"{was_rest} -> {now_rest}"
    was_mode, now_mode = (_EXECUTABLE in rest for rest in (was_rest, now_rest))
    if was_mode == now_mode:
        return ""
    mode = "now executable" if now_mode else "no longer executable"
    is_same = was_rest.split()[-1:] == now_rest.split()[-1:]
    return mode if is_same else f"content, {mode}"


def _instruction_changes(old: KeyRecord, new: KeyRecord) -> Iterator[Change]:
    before = [item for item in old.items if item.kind == "instruction"]
    after = [item for item in new.items if item.kind == "instruction"]
    for is_same, olds, news in _aligned(before, after, lambda item: item.value):
        if is_same:
            continue
        # of what differs, a RUN is best told as another RUN
        for _, was, now in _aligned(olds, news, lambda item: item.value.partition(" ")[0]):
            yield from _replaced(was, now)


def _aligned(
    before: Sequence[KeyItem], after: Sequence[KeyItem], look: Callable[[KeyItem], str]
) -> Iterator[tuple[bool, Sequence[KeyItem], Sequence[KeyItem]]]:
    """Yield pieces of both that stand for each other, and whether they look the same."""
    import difflib  # most keys differ in files alone

    matcher = difflib.SequenceMatcher(
        a=[look(item) for item in before], b=[look(item) for item in after], autojunk=False
    )
    for how, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        yield how == "equal", before[a_start:a_end], after[b_start:b_end]


def _replaced(before: Sequence[KeyItem], after: Sequence[KeyItem]) -> Iterator[Change]:
    for was, now in zip(before, after, strict=False):
        detail = _pair(was.value, now.value)
        repeats = _without_keys(was.value) == _without_keys(now.value)
        yield Change("instruction", "changed", now.subject, detail, repeats)
    for was in before[len(after) :]:
        yield Change("instruction", "removed", was.subject, _short(was.value))
    for now in after[len(before) :]:
        yield Change("instruction", "added", now.subject, _short(now.value))


def _without_keys(value: str) -> str:
    return _KEY.sub("image:", value)


def _pair(was: str, now: str) -> str:
    """Return two values; of long ones that begin alike what stands around the first difference."""
    if was.startswith(HIDDEN) or now.startswith(HIDDEN):
        return f"{_short(was)} -> {_short(now)}"
    old, new = " ".join(was.split()), " ".join(now.split())
    pairs = enumerate(zip(old, new, strict=False))
    alike = next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = alike - _LEAD if alike > _LONGEST_VALUE // 2 else 0
    dots = "..." if start else ""
    return f"{dots}{_short(old[start:])} -> {dots}{_short(new[start:])}"


def _short(value: str) -> str:
    if value.startswith(HIDDEN):
        return MASK
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 3]}..."

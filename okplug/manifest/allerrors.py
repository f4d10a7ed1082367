"""All that is wrong with a manifest, where a run stops at the first error.

What an error is about is taken out of the document, which is then read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from okplug.errors import Location, ManifestError
from okplug.manifest.decode import Field
from okplug.manifest.folders import manifest_folder
from okplug.manifest.yamlnodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from okplug.manifest.yamlnodes import Node

Sections: TypeAlias = dict[str, Field]

#: how many errors are found in one manifest
MOST: Final = 100
_FILES: Final = ("context", "dockerfile")


def find_errors(
    path: Path, sections: Sections, read: Callable[[Sections], object]
) -> list[ManifestError]:
    """Return the errors of a manifest, each once, sorted by their places.

    :param path: of the manifest.
    :param sections: what it holds; some of it is taken out.
    :param read: reads the document.
    """
    found: dict[str, ManifestError] = {}
    document = _Document(path, sections)
    while len(found) < MOST:
        try:
            read(document.sections)
        except ManifestError as error:
            found.setdefault(str(error), error)
            if not document.take_out(error):
                break
        else:
            break
    return sorted(found.values(), key=lambda error: error.location or Location(path))


@dataclass(frozen=True, slots=True)
class _Part:
    """An entry of a map or an item of a list.

    :param path: the keys that lead to it, its own last; an item has the empty one.
    """

    parent: Node
    index: int
    place: tuple[int, int]
    path: tuple[str, ...]


class _Document:
    """A manifest that loses what is wrong with it."""

    def __init__(self, path: Path, sections: Sections) -> None:
        self._path = path
        self.sections = sections
        self._settled: set[int] = set()

    def take_out(self, error: ManifestError) -> bool:
        """Take out what an error is about, and tell whether something was.

        An error of another file is about the section that names it.
        """
        place = error.location
        build = self.sections.get("build")
        if place is None or place.path != self._path or not place.line:
            return self.sections.pop("deploy", None) is not None
        section = self._section_at((place.line, place.column))
        if section != "build" or build is None:
            return self.sections.pop(section, None) is not None
        part = _part_at(build.value, (place.line, place.column))
        if part is None:
            return False
        if len(part.path) == 1 and error.message.startswith("build: "):
            return False  # it is about all of the section
        return self._take_out_part(build.value, part)

    def _section_at(self, place: tuple[int, int]) -> str:
        starts = {name: (field.key.line, field.key.column) for name, field in self.sections.items()}
        before = [name for name, start in starts.items() if start <= place]
        return max(before, key=starts.__getitem__, default="")

    def _take_out_part(self, build: Node, part: _Part) -> bool:
        entry = _entry(build, part.path[0])
        is_of_files = len(part.path) == 1 or (len(part.path) == 2 and part.path[1] in _FILES)  # noqa: PLR2004 - an image and its key
        if is_of_files and isinstance(entry, MappingNode) and id(entry) not in self._settled:
            self._settled.add(id(entry))
            self._settle(entry)
        else:
            _remove(part)
        return True

    def _settle(self, entry: MappingNode) -> None:
        """Name a context and a Dockerfile that are there, so that other keys are read."""
        kept = [pair for pair in entry.pairs if _text(pair[0]) not in _FILES]
        values = {"context": str(manifest_folder(self._path))}
        if not any(_text(key) == "dockerfile_inline" for key, _ in kept):
            values["dockerfile"] = str(self._path)
        entry.pairs = (*kept, *((self._scalar(k), self._scalar(v)) for k, v in values.items()))

    def _scalar(self, text: str) -> ScalarNode:
        return ScalarNode(self._path, 0, 0, text, is_plain=False, shift=-1)


def _part_at(root: Node, place: tuple[int, int]) -> _Part | None:
    """Return the part that begins last at or before a place, the innermost if there are several."""
    before = [part for part in _parts(root) if part.place <= place]
    return max(before, key=lambda part: (part.place, len(part.path)), default=None)


def _parts(root: Node, path: tuple[str, ...] = ()) -> Iterator[_Part]:
    if isinstance(root, MappingNode):
        for index, (key, value) in enumerate(root.pairs):
            inner = (*path, _text(key))
            yield _Part(root, index, (key.line, key.column), inner)
            yield from _parts(value, inner)
    elif isinstance(root, SequenceNode):
        for index, item in enumerate(root.items):
            inner = (*path, "")
            yield _Part(root, index, (item.line, item.column), inner)
            yield from _parts(item, inner)


def _remove(part: _Part) -> None:
    parent, index = part.parent, part.index
    if isinstance(parent, MappingNode):
        parent.pairs = (*parent.pairs[:index], *parent.pairs[index + 1 :])
    elif isinstance(parent, SequenceNode):
        parent.items = (*parent.items[:index], *parent.items[index + 1 :])


def _entry(build: Node, name: str) -> Node | None:
    pairs = build.pairs if isinstance(build, MappingNode) else ()
    return next((value for key, value in pairs if _text(key) == name), None)


def _text(node: Node) -> str:
    return node.text if isinstance(node, ScalarNode) else ""

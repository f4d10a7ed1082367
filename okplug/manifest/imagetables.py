"""What the settings file says of images: ``[images."services/*:*"]`` with the keys of an entry.

It is for manifests that other programs read as well, which refuse keys that they do not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from okplug.errors import Location, ManifestError
from okplug.manifest.decode import Field, fields
from okplug.manifest.entryfields import known_fields
from okplug.manifest.yamlnodes import MappingNode, Node, ScalarNode, SequenceNode
from okplug.patterns import address_test
from okplug.stash import StashKey
from okplug.tomlfile import line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from okplug.config import Config
    from okplug.manifest.model import Image
    from okplug.tomlfile import Table

_TABLES = StashKey[tuple["Table", tuple["ImageTable", ...]]]()


@dataclass(frozen=True, slots=True)
class ImageTable:
    """The keys that images of some addresses have.

    :param subject: what it is, for messages.
    :param fits: tells of folder and name of an image whether the table is for it.
    """

    subject: str
    location: Location
    fields: Mapping[str, Field]
    fits: Callable[[str, str], bool]


def image_tables(config: Config) -> tuple[ImageTable, ...]:
    """Return the tables of a run's settings file, read once, in their order.

    :raises ManifestError: if one is no table, or has a key that means nothing.
    """
    if config.image_table is None:
        return ()
    if _TABLES not in config.stash or config.stash[_TABLES][0] is not config.image_table:
        # other checkouts of a workspace have files of their own
        config.stash[_TABLES] = (config.image_table, read_tables(config.image_table))
    return config.stash[_TABLES][1]


def read_tables(table: Table) -> tuple[ImageTable, ...]:
    """Return the tables in ``images``.

    :raises ManifestError: if one is no table, or has a key that means nothing.
    """
    found = []
    for pattern, value in table.content.items():
        subject = f'{table.name}."{pattern}"'
        place = _Place(table, f"{table.name}.{pattern}", line_of(table.text, table.name, pattern))
        if not isinstance(value, dict):
            raise ManifestError(
                f"{subject}: expected a table",
                location=place.location,
                hint=f'write [{table.name}."ADDRESS"], and its keys below',
            )
        known = known_fields(fields(place.node(value), subject), subject)
        found.append(ImageTable(subject, place.location, known, address_test(pattern)))
    return tuple(found)


def idle_tables(tables: Iterable[ImageTable], images: Iterable[Image]) -> list[str]:
    """Return a warning for each table that is for no image."""
    images = tuple(images)
    return [
        f"{table.location}: {table.subject} is for no image of the workspace"
        for table in tables
        if not any(table.fits(image.folder, image.name) for image in images)
    ]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands; the TOML reader has no positions.

    :param name: of the table, as ``line_of`` takes it.
    :param line: 0 if it cannot be told.
    """

    table: Table
    name: str
    line: int

    @property
    def location(self) -> Location:
        return Location(self.table.path, self.line)

    def node(self, value: object) -> Node:
        """Return what a manifest would have in place of a value."""
        path, line = self.table.path, self.line
        if isinstance(value, dict):
            return MappingNode(path, line, 0, tuple(self._entries(value)))
        if isinstance(value, list):
            return SequenceNode(path, line, 0, tuple(self.node(item) for item in value))
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return ScalarNode(path, line, 0, text, is_plain=not isinstance(value, str), shift=-1)

    def _entries(self, value: dict[str, Any]) -> Iterable[tuple[Node, Node]]:
        for key, item in value.items():
            line = line_of(self.table.text, self.name, key) or self.line
            below = _Place(self.table, f"{self.name}.{key}", line)
            yield (
                ScalarNode(self.table.path, line, 0, key, is_plain=False, shift=-1),
                below.node(item),
            )

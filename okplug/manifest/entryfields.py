"""The keys of an entry, wherever they are written: in the manifest, and in the settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from okplug.errors import ManifestError
from okplug.manifest.decode import Field, check_keys, fields, is_null
from okplug.manifest.entrykeys import ALIASES, EXCLUSIVE, KEYS
from okplug.manifest.yamlnodes import ScalarNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug.errors import Location


class Given(NamedTuple):
    """A place where a key is written.

    :param owner: of the key, such as ``build.api``.
    """

    owner: str
    field: Field


class EntryFields:
    """The places of each key of one entry; those that are null count as not written.

    :param owner: the entry, such as ``build.api``.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._given: dict[str, list[Given]] = {}

    def add(self, owner: str, found: Mapping[str, Field]) -> None:
        """Take what is written in one place, after what is known from those that count more.

        :raises ManifestError: if keys are there that exclude each other.
        """
        written = {key: field for key, field in found.items() if not is_null(field.value)}
        for one, other in EXCLUSIVE:
            if one in self._given or other in self._given:
                written.pop(one, None)
                written.pop(other, None)
            elif one in written and other in written:
                raise ManifestError(
                    f"{one} and {other} of {owner} exclude each other",
                    location=written[other].key.location,
                    hint="keep one of the two",
                )
        for key, field in written.items():
            self._given.setdefault(key, []).append(Given(owner, field))

    def all(self, key: str) -> Sequence[Given]:
        """Return the places of a key, the most important first."""
        return self._given.get(key, ())

    def first(self, key: str) -> Sequence[Given]:
        """Return the one place of a key that counts, nothing if it is nowhere."""
        return self.all(key)[:1]

    def subject(self, key: str) -> str:
        """Return what a key is where it counts, for messages."""
        owners = [given.owner for given in self.first(key)]
        return f"{owners[0] if owners else self._owner}.{key}"

    def places(self) -> dict[str, Location]:
        """Return where each key is written that counts."""
        return {key: given[0].field.key.location for key, given in self._given.items()}


def entry_fields(owner: str, entry: Field) -> dict[str, Field]:
    """Return the fields of an entry; the short form, one text, is a context.

    :param owner: what it is, such as ``build.api``.
    :raises ManifestError: if there is nothing, or a key means nothing.
    """
    node = entry.value
    if is_null(node):
        raise ManifestError(
            f"{owner}: there is nothing below the name",
            location=entry.key.location,
            hint=f"write the folder of its context, such as {entry.key.text}: .",
        )
    if isinstance(node, ScalarNode):
        return {"context": Field(entry.key, node)}
    return known_fields(fields(node, owner, "a map or a folder"), owner)


def known_fields(found: Mapping[str, Field], owner: str) -> dict[str, Field]:
    """Return fields under the names that okplug has for their keys.

    :raises ManifestError: if a key means nothing, or two mean the same.
    """
    known: dict[str, Field] = {}
    for key, field in found.items():
        name = ALIASES.get(key, key)
        if name in known:
            raise ManifestError(
                f"{known[name].key.text} and {key} of {owner} mean the same",
                location=field.key.location,
                hint="keep one of the two",
            )
        known[name] = field
    check_keys(known, KEYS, owner)
    return known

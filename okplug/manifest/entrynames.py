"""The names of the images of one manifest: sanitised, and each given once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug.errors import ManifestError
from okplug.manifest.imagenames import sanitise

if TYPE_CHECKING:
    from okplug.manifest.yamlnodes import ScalarNode

_NAME = re.compile(r"\w[\w.-]*")


class EntryNames:
    """Gives the keys of one manifest their names.

    :ivar warnings: names that are not as they are written.
    """

    def __init__(self) -> None:
        self._seen: dict[str, ScalarNode] = {}
        self.warnings: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._seen

    def add(self, key: ScalarNode) -> str:
        """Return the name that an image with this key gets.

        :raises ManifestError: if it can be no name, or another key has it.
        """
        name = sanitise(key.text)
        if not _NAME.fullmatch(name):
            raise ManifestError(
                f"{key.text!r} cannot be the name of an image",
                location=key.location,
                hint="a name has letters, digits, '-' and '.', and begins with one of the former",
            )
        if name != key.text:
            self.warnings.append(f"{key.location}: the image {key.text!r} is called {name!r}")
        other = self._seen.setdefault(name, key)
        if other is not key:
            raise ManifestError(
                f"the images {other.text!r} and {key.text!r} are both called {name!r}; "
                f"the other one is in line {other.line}, column {other.column}",
                location=key.location,
                hint="rename one; names are lower case, with - for blanks and _",
            )
        return name

"""A file of YAML with a map at its top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from okplug.errors import Location, ManifestError
from okplug.manifest.decode import fields, is_null
from okplug.manifest.yamlnodes import compose
from okplug.notes import note_file

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.manifest.decode import Field


def read_bytes(path: Path) -> bytes:
    """Return the content of a manifest.

    :raises ManifestError: if it cannot be read.
    """
    note_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(
            f"the manifest cannot be read: {error.strerror}", location=Location(path)
        ) from error


def read_sections(data: bytes, path: Path) -> dict[str, Field]:
    """Return the entries of the map in *data*, none if nothing is written.

    :param path: where it comes from, for locations.
    :raises ManifestError: if this is no YAML, or no map.
    """
    node = compose(data, path)
    return {} if node is None or is_null(node) else fields(node, "the manifest")

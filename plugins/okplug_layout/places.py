"""Where things are below a registry's folder.

    registry.example.com+5000/okteto/api/   one OCI image layout per repository
    .blobs/sha256/                          the pool: a hard link to each blob of any layout
    .locks/                                 one file per repository, locked while its index changes
    .incoming/                              files that are not complete yet

A host cannot begin with a dot, so hosts and the folders with dots do not meet. Layouts of
``a/b`` and ``a/b/c`` are one in another, which the specification allows; a component that is called
like a part of a layout gets a ``+``, which no component can have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from okplug import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Reference

_PARTS_OF_A_LAYOUT = frozenset({"blobs", "index.json", "oci-layout"})
_HOST = re.compile(r"[A-Za-z0-9\[][^/+\0]*")
_COMPONENT = re.compile(r"[a-z0-9][a-z0-9._-]*")


class Places:
    """The paths of one registry.

    :param root: absolute folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / ".incoming"
        self.pool = root / ".blobs" / "sha256"

    def layout(self, reference: Reference) -> Path:
        """Return the folder of the reference's repository.

        :raises RegistryError: if the repository's name could lead elsewhere.
        """
        components = reference.repository.split("/")
        if not _HOST.fullmatch(reference.registry) or not all(
            map(_COMPONENT.fullmatch, components)
        ):
            raise RegistryError(
                f"{reference.registry}/{reference.repository} is no name of a repository",
                hint="look at the settings namespace, global_namespace and names",
            )
        names = (name + "+" if name in _PARTS_OF_A_LAYOUT else name for name in components)
        return self.root.joinpath(_host_folder(reference), *names)

    def index(self, reference: Reference) -> Path:
        """Return the repository's ``index.json``."""
        return self.layout(reference) / "index.json"

    def blobs(self, reference: Reference) -> Path:
        """Return the folder of the repository's blobs."""
        return self.layout(reference) / "blobs" / "sha256"

    def blob(self, reference: Reference, digest: str) -> Path:
        """Return where the repository has a blob, whose digest must be a sha256."""
        return self.blobs(reference) / digest.removeprefix("sha256:")

    def pooled(self, digest: str) -> Path:
        """Return where the pool has a blob, whose digest must be a sha256."""
        return self.pool / digest.removeprefix("sha256:")

    def lock(self, reference: Reference) -> Path:
        """Return the file to lock while the repository's index changes."""
        name = reference.repository.replace("/", "+")
        return self.root / ".locks" / _host_folder(reference) / name


def _host_folder(reference: Reference) -> str:
    return reference.registry.replace(":", "+")

"""One row of the matrix of edits: what is edited, and what that must do to the key and the image."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from okplug.backends import Registry
    from okplug.testing import Workspace

SAME = "same"
NEW = "new"
#: the builder says that it cannot build such images
REFUSED = "refused"

#: how a Dockerfile begins whose commands are run
SHELL = "FROM localhost/elsewhere/shell:1\n"

#: what is there before an edit, unless the edit brings files of its own
PLAIN: Mapping[str, str] = {
    "okteto.yaml": "build: {app: .}\n",
    "Dockerfile": "FROM scratch\nCOPY src /src\n",
    ".dockerignore": "*.log\n",
    "README.md": "read me\n",
    "src/main.py": "print(1)\n",
    "src/part/one.py": "one = 1\n",
}


@dataclass
class Scene:
    """The workspace that an edit is tried on.

    :param registry: keeps the images; what is pushed there is what the builders find.
    :param options: of every command, after the edit's.
    :param image: the name of the one that is looked at.
    :param server: the address of one that the edit has started.
    :param undo: is left when the edit has been tried.
    """

    workspace: Workspace
    registry: Registry
    options: list[str] = field(default_factory=list)
    image: str = "app"
    server: str | None = None
    undo: ExitStack = field(default_factory=ExitStack)

    @property
    def root(self) -> Path:
        """The root of the workspace; an edit may change it."""
        return self.workspace.root

    @property
    def environ(self) -> dict[str, str]:
        """All that commands see of the environment."""
        return self.workspace.environ


if TYPE_CHECKING:
    Change = Callable[[Scene], object]


@dataclass(frozen=True)
class Edit:
    """One edit of the matrix.

    :param name: for people; it completes "what happens to the key after an edit of ...".
    :param change: what is done.
    :param key: ``same`` or ``new``.
    :param embedded: the image of the embedded builder, ``same``, ``new`` or ``refused``; by default
        what the key is.
    :param buildkit: the same of BuildKit.
    :param why: the reason where key and image differ.
    :param files: path -> content of what is there before, beside and in place of ``PLAIN``.
    :param before: makes what files cannot say.
    """

    name: str
    change: Change
    key: str
    embedded: str = ""
    buildkit: str = ""
    why: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    before: Change = lambda _: None

    @property
    def image(self) -> dict[str, str]:
        """Builder -> what becomes of the image."""
        return {"embedded": self.embedded or self.key, "buildkit": self.buildkit or self.key}

    @property
    def is_of_buildkit(self) -> bool:
        """The embedded builder cannot show what a BuildKit does."""
        return self.image["embedded"] != self.image["buildkit"]

    @property
    def is_rebuild(self) -> bool:
        """The key is new though some builder gives the same image."""
        return self.key == NEW and SAME in self.image.values()

    @property
    def is_trusted(self) -> bool:
        """The key is the same though some builder gives another image."""
        return self.key == SAME and NEW in self.image.values()

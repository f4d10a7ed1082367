"""The file system of an image while it is built: a tree in memory.

Paths are tuples of names. Links are followed within the tree, as if it were the root of a system:
none leads out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug_embedded.contents import Content

Path: TypeAlias = tuple[str, ...]

DIRECTORY = "directory"
FILE = "file"
LINK = "link"

_MOST_LINKS = 255


class FileSystemError(Exception):
    """What was asked cannot be done in this tree; the text says why, without a place."""


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group by number."""

    uid: int = 0
    gid: int = 0


ROOT = Owner()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a directory, a link, or what else a base image holds.

    :param kind: ``file``, ``directory``, ``link``, ``fifo``, ``character device``, ``block
        device``.
    :param mode: the permission bits.
    :param target: of a link.
    :param device: major and minor number of a device.
    :param attributes: extended attributes, as PAX headers have them.
    """

    kind: str
    mode: int
    owner: Owner = ROOT
    content: Content | None = None
    target: str = ""
    device: tuple[int, int] = (0, 0)
    attributes: tuple[tuple[str, str], ...] = ()


class Node:
    """An entry with what lies in it, if it is a directory."""

    __slots__ = ("children", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.children: dict[str, Node] = {}

    @property
    def is_directory(self) -> bool:
        """It is a directory, not a link to one."""
        return self.entry.kind == DIRECTORY


class FileSystem:
    """A tree. ``changed`` are the paths that were written since it was last emptied."""

    def __init__(self) -> None:
        self.root = Node(Entry(DIRECTORY, 0o755))
        self.changed: set[Path] = set()

    def copy(self) -> FileSystem:
        """Return an equal tree with no changes."""
        twin = FileSystem()
        twin.root = Node(self.root.entry)
        todo = [(self.root, twin.root)]
        while todo:
            node, other = todo.pop()
            for name, child in node.children.items():
                other.children[name] = Node(child.entry)
                todo.append((child, other.children[name]))
        return twin

    def get(self, path: Path) -> Node | None:
        """Return what is at a path, no link followed, None if nothing is."""
        node: Node | None = self.root
        for name in path:
            node = node.children.get(name) if node else None
        return node

    def resolve(self, path: str, *, follow_last: bool = True) -> Path:
        """Return the path with links followed; names that do not exist stay as they are.

        :raises FileSystemError: if links go in a circle.
        """
        todo = path.split("/")[::-1]
        done: list[str] = []
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del done[-1:]
                continue
            node = self.get((*done, name))
            if node is None or node.entry.kind != LINK or not (any(todo) or follow_last):
                done.append(name)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise FileSystemError(f"/{path.strip('/')} has too many links in it")
            if node.entry.target.startswith("/"):
                done.clear()
            todo.extend(node.entry.target.split("/")[::-1])
        return tuple(done)

    def put(self, path: Path, entry: Entry) -> None:
        """Write an entry whose directory is there; a directory keeps what lies in it.

        :raises FileSystemError: if its directory is not there or is none.
        """
        if not path:
            self.root.entry = entry
            self.changed.add(path)
            return
        above = self.get(path[:-1])
        if above is None or not above.is_directory:
            raise FileSystemError(f"{shown(path[:-1])} is no directory")
        node = above.children.get(path[-1])
        if node is not None and node.is_directory and entry.kind == DIRECTORY:
            node.entry = entry
        else:
            above.children[path[-1]] = Node(entry)
        self.changed.add(path)

    def make_directories(self, path: Path, owner: Owner = ROOT) -> None:
        """Make a directory and those above it, where they are missing.

        :raises FileSystemError: if something else is in the way.
        """
        for length in range(1, len(path) + 1):
            node = self.get(path[:length])
            if node is None:
                self.put(path[:length], Entry(DIRECTORY, 0o755, owner))
            elif not node.is_directory:
                raise FileSystemError(f"{shown(path[:length])} is no directory")

    def remove(self, path: Path) -> None:
        """Take away what is at a path, if anything is, with all that lies in it."""
        above = self.get(path[:-1])
        if above is not None:
            above.children.pop(path[-1], None)

    def below(self, path: Path) -> Iterator[tuple[Path, Node]]:
        """Yield what lies in a directory with its path from there, each after what it lies in."""
        node = self.get(path)
        todo: list[tuple[Path, Node]] = [((), node)] if node else []
        while todo:
            relative, node = todo.pop()
            if relative:
                yield relative, node
            names = sorted(node.children, key=_as_bytes, reverse=True)
            todo.extend(((*relative, name), node.children[name]) for name in names)


def shown(path: Path) -> str:
    """Return a path as people write it."""
    return "/" + "/".join(path)


def _as_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")

"""The file system of an image while it is built: a tree in memory.

Paths are tuples of names. Links are followed within the tree, as if it were the root of a system:
none leads out of it. A copy of a tree costs nothing; what is written to one of the two does not
show in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from okplug_embedded.failures import InstructionError

if TYPE_CHECKING:
    from okplug_embedded.contents import Content

Path: TypeAlias = tuple[str, ...]

DIRECTORY = "directory"
FILE = "file"
LINK = "link"

_MOST_LINKS = 255


class Owner(NamedTuple):
    """User and group by number."""

    uid: int = 0
    gid: int = 0


ROOT = Owner()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a directory, a link, or what else a base image holds.

    :param kind: ``file``, ``directory``, ``link``, or a kind that is only passed over: ``named
        pipe`` and ``device``.
    :param mode: the permission bits, with those for set-user-id, set-group-id and sticky.
    :param content: of a file.
    :param target: of a link.
    :param attributes: extended attributes, as PAX headers have them, sorted.
    :param inode: names with the same one are hard links to one file; None for a file of one name.
    """

    kind: str
    mode: int
    owner: Owner = ROOT
    content: Content | None = None
    target: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    inode: object = None


#: a directory that nobody described
PLAIN_DIRECTORY = Entry(DIRECTORY, 0o755)


class Node:
    """An entry with what lies in it, if it is a directory; only ``FileSystem`` changes it.

    :param holder: the tree that may change the node.
    """

    __slots__ = ("children", "entry", "holder")

    def __init__(self, entry: Entry, holder: object, children: dict[str, Node]) -> None:
        self.entry = entry
        self.holder = holder
        self.children = children

    @property
    def is_directory(self) -> bool:
        """It is a directory, not a link to one."""
        return self.entry.kind == DIRECTORY

    def names(self) -> list[str]:
        """Return the names in a directory, sorted by their bytes."""
        return sorted(self.children, key=as_bytes)


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written to a tree.

    :param entries: path and entry, sorted, each after the directory that it lies in.
    :param emptied: directories that took the place of others, whose files are gone.
    """

    entries: tuple[tuple[Path, Entry], ...] = ()
    emptied: frozenset[Path] = frozenset()


class FileSystem:
    """A tree; it remembers what was written to it until ``take_changes``."""

    def __init__(self) -> None:
        self._holder = object()
        self._root = Node(PLAIN_DIRECTORY, self._holder, {})
        self._changed: set[Path] = set()
        self._replaced: set[Path] = set()

    def copy(self) -> FileSystem:
        """Return an equal tree with no changes."""
        twin = FileSystem()
        twin._root = self._root
        self._holder = object()
        return twin

    def get(self, path: Path) -> Node | None:
        """Return what is at a path, no link followed, None if nothing is."""
        node: Node | None = self._root
        for name in path:
            node = node.children.get(name) if node else None
        return node

    def resolve(self, path: str, root: Path = ()) -> Path:
        """Return the path with links followed; names that do not exist stay as they are.

        :param root: of *path* and of the links; ``..`` does not leave it.
        :raises InstructionError: if links go in a circle.
        """
        todo = path.split("/")[::-1]
        done = list(root)
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del done[max(len(done) - 1, len(root)) :]
                continue
            node = self.get((*done, name))
            if node is None or node.entry.kind != LINK:
                done.append(name)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise InstructionError(
                    f"/{path.strip('/')} leads over more than {_MOST_LINKS} links",
                    hint="look for a link that leads back to itself",
                )
            if node.entry.target.startswith("/"):
                del done[len(root) :]
            todo.extend(node.entry.target.split("/")[::-1])
        return tuple(done)

    def put(self, path: Path, entry: Entry) -> None:
        """Write an entry whose directory is there.

        A directory that takes the place of a directory keeps what lies in it. Everything else goes
        with all that lies in it.

        :raises InstructionError: if the directory is not there or is none.
        """
        if not path:
            self._writable(()).entry = entry
            return
        above = self.get(path[:-1])
        if above is None or not above.is_directory:
            raise InstructionError(f"{shown(path[:-1])} is no directory")
        above = self._writable(path[:-1])
        there = above.children.get(path[-1])
        if there is not None and there.is_directory and entry.kind == DIRECTORY:
            self._writable(path).entry = entry
        else:
            if there is not None and there.is_directory:
                self._forget_below(path)
            above.children[path[-1]] = Node(entry, self._holder, {})
        self._changed.add(path)

    def make_directories(self, path: Path, entry: Entry = PLAIN_DIRECTORY) -> None:
        """Make a directory and those above it, where they are missing.

        :raises InstructionError: if something else is in the way.
        """
        for length in range(1, len(path) + 1):
            node = self.get(path[:length])
            if node is None:
                self.put(path[:length], entry)
            elif not node.is_directory:
                raise InstructionError(
                    f"{shown(path[:length])} is a {node.entry.kind}, and a directory is needed"
                )

    def remove(self, path: Path) -> None:
        """Take away what is at a path, if anything is, with all that lies in it."""
        if self.get(path) is not None:
            self._forget_below(path)
            del self._writable(path[:-1]).children[path[-1]]

    def empty(self, path: Path) -> None:
        """Take away all that lies in a directory, if there is one."""
        if self.get(path) is not None:
            self._writable(path).children.clear()

    def overlay(self, changes: Changes) -> None:
        """Write what was written to another tree, as a layer on top of this one."""
        for path, entry in changes.entries:
            self.put(path, entry)

    def take_changes(self) -> Changes:
        """Return what was written since the last call."""
        paths = sorted(self._changed, key=sort_key)
        nodes = ((path, self.get(path)) for path in paths)
        entries = tuple((path, node.entry) for path, node in nodes if node is not None)
        emptied = (path for path, entry in entries if entry.kind == DIRECTORY)
        changes = Changes(entries, frozenset(self._replaced.intersection(emptied)))
        self.forget_changes()
        return changes

    def forget_changes(self) -> None:
        """Take all that is there for not written."""
        self._changed.clear()
        self._replaced.clear()

    def _writable(self, path: Path) -> Node:
        """Return an existing node that no other tree shares, as all above it are."""
        self._root = node = self._own(self._root)
        for name in path:
            node.children[name] = child = self._own(node.children[name])
            node = child
        return node

    def _own(self, node: Node) -> Node:
        if node.holder is self._holder:
            return node
        return Node(node.entry, self._holder, dict(node.children))

    def _forget_below(self, path: Path) -> None:
        self._replaced.add(path)
        self._changed = {other for other in self._changed if other[: len(path)] != path}


def shown(path: Path) -> str:
    """Return a path as people write it."""
    return "/" + "/".join(path)


def as_bytes(name: str) -> bytes:
    """Return a name as it stands in archives."""
    return name.encode("utf-8", "surrogateescape")


def sort_key(path: Path) -> list[bytes]:
    """Return what brings paths into one order everywhere, directories before what is in them."""
    return [as_bytes(name) for name in path]

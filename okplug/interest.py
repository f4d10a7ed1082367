"""What a watch waits for: the folders and files that the images of a run are made of."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from okplug.dockerfile.ignore import Matcher
from okplug.environment import NAME as ENV_FILE
from okplug.manifest.discover import PLUGIN_FILE, SKIPPED_FOLDERS, exclusions
from okplug.pluginmanager import OWN
from okplug.settingsfile import PYPROJECT_FILE, SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.contextsnapshot import Snapshot
    from okplug.keyring import Keyring

#: files that count wherever they are, beside those that the setting ``manifests`` names
_NAMES: Final = frozenset({ENV_FILE, PLUGIN_FILE, PYPROJECT_FILE, SETTINGS_FILE})
_SUFFIXES: Final = (".yml", ".yaml")
#: folders that okplug and version control write to; their changes alone are no reason for a run
_SILENT: Final = frozenset({".git", ".hg", ".okplug", ".svn"})
_DRAFT: Final = ".okplug-"
#: hooks by which a plugin can make a key of any file
_READING_HOOKS: Final = frozenset(
    {
        "okplug_collect_manifest",
        "okplug_graph_modify",
        "okplug_key_inputs",
        "okplug_plan_modify",
    }
)


@dataclass(frozen=True, slots=True)
class Context:
    """A folder whose files images read, and the patterns that leave some out."""

    root: str
    matcher: Matcher | None

    def reads(self, path: str) -> bool:
        """Tell whether a path may count, or something below it."""
        if self.matcher is None or path == self.root:
            return True
        parts = path[len(self.root) :].lstrip("/").split("/")
        above: tuple[bool, ...] = ()
        for length in range(1, len(parts)):
            _, above = self.matcher.enter("/".join(parts[:length]), above)
        relpath = "/".join(parts)
        if not self.matcher.leaves_out(relpath, above):
            return True
        return os.path.isdir(path) and not self.matcher.can_skip_directory(relpath)  # noqa: PTH112  # a text


@dataclass(frozen=True, slots=True)
class Interest:
    """What counts; all paths are absolute, and only their last component may be a link.

    :param searched: the folders that may hold a manifest.
    :param names: what is of interest there.
    :param is_open: plugins may read any file there.
    :param files: what is read wherever it is.
    :param contexts: folder -> the contexts for which it was looked at.
    :param folders: all folders in which something may happen.
    """

    searched: frozenset[str]
    names: frozenset[str] = _NAMES
    is_open: bool = False
    files: frozenset[str] = frozenset()
    contexts: dict[str, set[Context]] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    def concerns(self, path: str) -> bool:
        """Tell whether a change of *path* may change a key."""
        if path in self.files or path in self.folders:
            return True
        folder, _, name = path.rpartition("/")
        if folder in self.searched and self._is_found(path, name):
            return True
        return any(context.reads(path) for context in self.contexts.get(folder, ()))

    def _is_found(self, path: str, name: str) -> bool:
        if self.is_open or name in self.names or name.endswith(_SUFFIXES):
            return True
        return name not in SKIPPED_FOLDERS and os.path.isdir(path)  # noqa: PTH112  # a text


def anything_below(root: str, folders: Iterable[str]) -> Interest:
    """Return the interest in whatever happens: nobody knows what counts.

    :param folders: others in which something counted before.
    """
    everywhere = frozenset((*searched_folders(root), *folders))
    return Interest(everywhere, is_open=True, folders=everywhere)


def interest_of(config: Config, collection: Collection, keyring: Keyring) -> Interest:
    """Return what the images that are asked for are made of, and what could add to them.

    :raises ManifestError: if a file of theirs cannot be read.
    """
    root = str(config.root)
    names = config.words("manifests")
    searched = frozenset(searched_folders(root, names, config.words("exclude")))
    contexts = _contexts(_snapshots(collection, keyring))
    ignoring = (f"{context.root}/.dockerignore" for each in contexts.values() for context in each)
    files = frozenset((*_real(_files(collection)), *ignoring))
    folders = {*searched, *contexts, *(path.rpartition("/")[0] for path in files)}
    above = {
        parent
        for folder in folders - searched
        if folder.startswith(f"{root}/")
        for parent in _between(root, folder)
    }
    return Interest(
        searched,
        _NAMES | {name.rpartition("/")[2] for name in names},
        any(
            plugin.origin not in OWN and not _READING_HOOKS.isdisjoint(plugin.hooks)
            for plugin in config.plugins.plugins()
        ),
        files,
        contexts,
        frozenset(folders | above),
    )


def searched_folders(
    root: str, names: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the folders of a workspace that may hold a manifest, itself the first.

    :param names: what manifests are called, as ``find_manifests`` has them.
    :param exclude: the folders to leave out.
    """
    skipped = SKIPPED_FOLDERS - {name.partition("/")[0] for name in names}
    matcher = exclusions(exclude)
    pending = [root]
    while pending:
        folder = pending.pop()
        yield folder
        try:
            with os.scandir(folder) as entries:
                found = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # gone, or nobody's to read
        pending += [
            path
            for path in found
            if path.rpartition("/")[2] not in skipped
            and not (matcher and _prunes(matcher, path[len(root) + 1 :]))
        ]


def is_own(path: str, root: str, outputs: Iterable[str]) -> bool:
    """Tell whether okplug or version control writes a file, so that it must not wake anybody.

    :param outputs: files and folders that were written on somebody's behalf; what is to take such
        a file's place is written beside it first.
    """
    parts = path.removeprefix(f"{root}/").split("/")
    if any(part in _SILENT or part.startswith(_DRAFT) for part in parts):
        return True
    for output in outputs:
        folder, _, name = output.rpartition("/")
        if f"{path}/".startswith(f"{output}/") or path.startswith(f"{folder}/.{name}."):
            return True
    return False


def _prunes(matcher: Matcher, relpath: str) -> bool:
    return matcher.matches(relpath) and matcher.can_skip_directory(relpath)


def _snapshots(collection: Collection, keyring: Keyring) -> Iterator[Snapshot]:
    for address in collection.selection.needed:
        yield keyring.context(address)
        yield from keyring.folders(address).values()


def _contexts(snapshots: Iterable[Snapshot]) -> dict[str, set[Context]]:
    """Return the folders that were looked at, each with the contexts that it was part of."""
    matcher = cache(Matcher)
    context = cache(Context)
    found: dict[str, set[Context]] = {}
    for snapshot in snapshots:
        folders = [os.fsdecode(path) for path in snapshot.visited]
        if folders:
            ignored = matcher(snapshot.ignored) if snapshot.ignored else None
            own = context(folders[0], ignored)
            for folder in folders:
                found.setdefault(folder, set()).add(own)
    return found


def _files(collection: Collection) -> Iterator[Path]:
    for manifest in collection.manifests:
        yield manifest.path
        yield from manifest.claims
    for image in collection.graph.images():
        yield image.location.path
        yield from (place.path for place in image.places.values())
        yield from (argument.location.path for argument in image.args)
        yield image.dockerfile
        yield image.dockerfile.with_name(f"{image.dockerfile.name}.dockerignore")
        yield image.context / ".dockerignore"


def _real(paths: Iterable[Path]) -> Iterator[str]:
    """Yield files by the real paths of their folders, and what they are links to."""
    real = cache(os.path.realpath)
    for path in dict.fromkeys(paths):
        text = os.path.join(real(str(path.parent)), path.name)  # noqa: PTH118  # many
        yield text
        if os.path.islink(text):  # noqa: PTH114  # many
            yield os.path.realpath(text)


def _between(root: str, folder: str) -> Iterator[str]:
    """Yield the folders above *folder* that are below *root*."""
    parent = folder.rpartition("/")[0]
    while len(parent) > len(root):
        yield parent
        parent = parent.rpartition("/")[0]

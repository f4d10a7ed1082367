"""The images that the workspace has with another commit in it, and their keys."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from okplug.bases import Bases
from okplug.checkouts import configured_at
from okplug.collect import collect
from okplug.contextshadow import ShadowIndex
from okplug.environment import NAME, EnvFiles
from okplug.errors import OkplugError, UsageError
from okplug.gitrefs import GitRepository
from okplug.gitshadow import make_shadow
from okplug.keyring import Keyring
from okplug.selection import UnknownSelectionError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from okplug.collect import Collection
    from okplug.config import Config
    from okplug.fingerprint import ContextIndex
    from okplug.gitrefs import Base
    from okplug.gitshadow import Shadow


@dataclass(frozen=True, slots=True)
class OtherCommit:
    """What the command line selects in another commit.

    :param collection: None if there was nothing of it.
    :param keyring: has the keys of its images, None likewise.
    """

    base: Base
    collection: Collection | None = None
    keyring: Keyring | None = None


@contextmanager
def other_commit(
    config: Config, name: str, index: ContextIndex, *, asks_registries: bool
) -> Iterator[OtherCommit]:
    """Give the images of another commit, as this checkout would have them.

    What is not committed is not there, and what git ignores is. Its settings, plugins and manifests
    count; the command line and the environment are the same. Its keys can be had within the block.

    :param name: of the commit, as ``GitRepository.base`` takes it.
    :param index: of this checkout.
    :param asks_registries: find out what names of images from elsewhere stand for where that
        counts; else names are all that is known of them, and keys serve to compare.
    :raises UsageError: if there is no such commit, or its images cannot be read.
    """
    repository = GitRepository(config.root, config.environ)
    base = repository.base(name)
    with tempfile.TemporaryDirectory(prefix="okplug-") as folder, ExitStack() as stack:
        # called like the checkout, for an image may have its folder's name
        place = Path(folder).resolve() / repository.top.name
        shadow = make_shadow(repository, base.commit, place, config.environ)
        root = place / repository.prefix
        try:
            files = _env_files(config, root)
            environ = _environ(config, files, shadow)
            here = replace(config, environ=environ, options=_options(config, shadow))
            there = stack.enter_context(
                configured_at(here, root, env_files=files, links=shadow.links)
            )
            found = _collect(there)
            if found is None:
                other = OtherCommit(base)
            else:
                known = ShadowIndex(place, shadow.links, index)
                other = OtherCommit(base, found, _keyring(there, found, known, asks_registries))
        except OkplugError as error:
            raise _unreadable(base, error, place) from error
        yield other


def _keyring(
    there: Config,
    collection: Collection,
    index: ContextIndex,
    asks_registries: bool,  # noqa: FBT001  # private
) -> Keyring:
    """Return the keys of what is needed, computed, for then errors have their names."""
    if asks_registries:
        tracks_all = there.flag("track_bases")
        bases = Bases(collection.naming, collection.registries, tracks_all=tracks_all)
        keyring = Keyring(there, collection.graph, index, bases.of)
    else:
        keyring = Keyring(there, collection.graph, index)
    needed = collection.selection.needed
    keyring.compute(address for address in collection.graph.order() if address in needed)
    return keyring


def _env_files(config: Config, root: Path) -> EnvFiles | None:
    return EnvFiles(root, config.env_files.process, config.masks) if config.env_files else None


def _environ(config: Config, files: EnvFiles | None, shadow: Shadow) -> dict[str, str]:
    """Return the variables of the run, with those that the root's committed file had."""
    environ = dict(config.environ)
    if files is None or config.env_files is None:
        return environ
    if str(Path(files.there) / NAME) not in shadow.links:
        own = config.env_files.at_root().keys() - config.env_files.process.keys()
        environ = {name: value for name, value in environ.items() if name not in own}
        environ.update(files.at_root())
    return environ


def _options(config: Config, shadow: Shadow) -> argparse.Namespace:
    """Return what the command line says, with paths below the checkout in its shadow."""

    def there(text: str) -> str:
        path = Path(text)
        if not path.is_absolute() or not path.is_relative_to(shadow.checkout):
            return text
        return str(shadow.folder / path.relative_to(shadow.checkout))

    options = copy(config.options)
    options.selection = list(map(there, options.selection))
    options.file = options.file and there(options.file)
    # a secret is the user's own, committed or not
    options.secret = [
        secret._replace(source=str(config.cwd / secret.source))
        if secret.kind != "env" and (config.cwd / secret.source).is_file()
        else secret
        for secret in options.secret
    ]
    return options


def _collect(config: Config) -> Collection | None:
    """Read the workspace; words and a file that are not there select nothing."""
    if config.options.file and not (config.cwd / config.options.file).exists():
        return None
    while True:
        try:
            return collect(config)
        except UnknownSelectionError as error:
            before = config.options
            config.options = options = copy(before)
            unknown = {error.text, f"-{error.text}"}
            options.selection = [word for word in before.selection if word not in unknown]
            options.exclude = [word for word in before.exclude if word not in unknown]
            if (options.selection, options.exclude) == (before.selection, before.exclude):
                raise  # an option names it
            if any(_selects(word) for word in before.selection) and not any(
                map(_selects, options.selection)
            ):
                return None


def _selects(word: str) -> bool:
    return not word.startswith("-")


def _unreadable(base: Base, error: OkplugError, place: Path) -> UsageError:
    def shown(text: str) -> str:
        return text.replace(f"{place}/", "")

    where = f"{shown(str(error.location))}: " if error.location else ""
    return UsageError(
        f"the images of {base} cannot be read: {where}{shown(error.message)}",
        hint=shown(error.hint) or "compare with another commit",
    )

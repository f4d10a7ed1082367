"""Manifests for the Dockerfiles that no manifest has: which, where, and what they say."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from okplug.drafting.contexts import guess_context
from okplug.drafting.links import Guesses
from okplug.drafting.names import name_images, plain_name
from okplug.drafting.search import find_build_files
from okplug.drafting.text import Entry, manifest_text
from okplug.errors import ManifestError, UsageError
from okplug.manifest.discover import find_manifests
from okplug.manifest.folders import manifest_folder
from okplug.manifest.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from okplug.config import Config
    from okplug.drafting.links import Links
    from okplug.drafting.search import BuildFile
    from okplug.manifest.model import Image

MANIFEST: Final = "okteto.yaml"


@dataclass(slots=True)
class Draft:
    """Manifests that are to be written.

    :param texts: absolute path -> content, sorted.
    :param warnings: what was left out or could not be told.
    """

    texts: dict[Path, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def draft_manifests(config: Config, *, is_forced: bool = False) -> Draft:
    """Return the manifests that the workspace lacks; nothing is written.

    Dockerfiles that a manifest or a compose file names need none.

    :param is_forced: write manifests anew that are there, in folders with Dockerfiles.
    :raises UsageError: if one that is there lacks an image and is not to be written anew.
    :raises ManifestError: if one that is there is wrong.
    """
    exclude = config.words("exclude")
    files, warnings = find_build_files(config.root, exclude)
    present = _Present.read(config, exclude)
    if is_forced:
        present.forget({file.folder for file in files})
    described = {image.dockerfile for image in present.images}
    left = [file for file in files if config.root / file.relpath not in described]
    root_name = plain_name(config.root.name)
    names = name_images(
        left,
        {file.folder for file in files if not file.flavour},
        {image.name for image in present.images},
        root_name,
    )
    draft = Draft(warnings=list(warnings))
    _Drafting(present, names, draft, root_name).run()
    return draft


@dataclass(slots=True)
class _Present:
    """What the workspace has already.

    :param manifests: folder -> path of its manifest.
    :param name: what a manifest that is written is called, so that it is found.
    """

    root: Path
    name: str
    manifests: dict[str, Path] = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)
    replaced: set[Path] = field(default_factory=set)

    @classmethod
    def read(cls, config: Config, exclude: Sequence[str]) -> _Present:
        names = config.words("manifests")
        plain = [name for name in names if "/" not in name]
        present = cls(config.root, MANIFEST if MANIFEST in names else next(iter(plain), MANIFEST))
        found = find_manifests(config.root, names, exclude)
        for path in found.manifests:
            manifest = config.plugins.collect_manifest(path, config)
            if manifest:
                present.manifests[present.folder(path)] = path
                present.images += (*manifest.images, *manifest.included)
        return present

    def folder(self, path: Path) -> str:
        """Return the folder below the root that a manifest counts for."""
        relpath = manifest_folder(path).relative_to(self.root).as_posix()
        return "" if relpath == "." else relpath

    def forget(self, folders: set[str]) -> None:
        """Take the okteto manifests of these folders for ones that are not there."""
        for folder in folders & self.manifests.keys():
            path = self.manifests[folder]
            if kind_of(path) == "okteto":
                self.replaced.add(path)
        self.images = [image for image in self.images if image.location.path not in self.replaced]


class _Drafting:
    """Goes from files to texts."""

    def __init__(
        self, present: _Present, names: dict[BuildFile, str], draft: Draft, root_name: str
    ) -> None:
        self._root = present.root
        self._present = present
        self._draft = draft
        self._names = names
        self._addresses = {file: f"{file.folder}:{name}" for file, name in names.items()}
        self._owners = {
            **{image.address: image.name for image in present.images},
            **{self._addresses[file]: name for file, name in names.items()},
        }
        self._guesses = Guesses(
            {name: address for address, name in self._owners.items()},
            {self._addresses[file]: file.dockerfile for file in names},
            root_name,
        )

    def run(self) -> None:
        """Draft everything."""
        links = {file: found for file in self._names if (found := self._links(file))}
        self._drop_what_is_left_out(links)
        self._drop_circles(links)
        entries: dict[str, list[Entry]] = {}
        for file, found in links.items():
            entries.setdefault(file.folder, []).append(self._entry(file, found))
        for folder, images in entries.items():
            path, compose = self._place(folder, images)
            self._draft.texts[path] = manifest_text(images, compose)

    def _links(self, file: BuildFile) -> Links | None:
        try:
            links = self._guesses.links(self._addresses[file], file.dockerfile)
        except ManifestError as error:
            place = error.location or file.dockerfile.path
            self._warn(f"{place}: the image is left out, write its entry by hand: {error.message}")
            return None
        for use, address in links.releases.items():
            self._warn(
                f"{file.dockerfile.path}:{use.line}: {use.reference} is taken for a release, not "
                f"for {address} of the workspace"
            )
        return links

    def _drop_what_is_left_out(self, links: dict[BuildFile, Links]) -> None:
        """Leave out what is built from an image that is left out, and from that one, and so on."""
        gone = {self._addresses[file] for file in self._names if file not in links}
        while lost := [file for file, found in links.items() if gone & found.dependencies.keys()]:
            for file in lost:
                self._warn(
                    f"{file.dockerfile.path}: the image is left out, as is what it is built from"
                )
                del links[file]
                gone.add(self._addresses[file])
        for found in links.values():
            for reference in [text for text, address in found.contexts.items() if address in gone]:
                del found.contexts[reference]

    def _drop_circles(self, links: dict[BuildFile, Links]) -> None:
        """Take no reference for an image of the workspace that is built from the one with it."""
        needs = {self._addresses[file]: set(found.dependencies) for file, found in links.items()}
        for file, found in links.items():
            address = self._addresses[file]
            for reference, wanted in list(found.contexts.items()):
                if _leads_to(needs, wanted, address):
                    del found.contexts[reference]
                    self._warn(
                        f"{file.dockerfile.path}: {reference} is not taken for {wanted}, which is "
                        f"built from {address}"
                    )
                else:
                    needs[address].add(wanted)

    def _entry(self, file: BuildFile, links: Links) -> Entry:
        context, missing = guess_context(self._root, file.folder, links.reads)
        if missing:
            self._warn(
                f"{file.dockerfile.path}: no folder up to the root has {missing}, which it copies"
            )
        return Entry(
            self._names[file],
            posixpath.relpath(f"/{context}", f"/{file.folder}"),
            posixpath.relpath(f"/{file.relpath}", f"/{context}"),
            {name: self._owners[address] for name, address in links.arguments.items()},
            links.contexts,
            [self._wanted(address, file.folder) for address in links.dependencies],
        )

    def _wanted(self, address: str, folder: str) -> str:
        """Return what an entry of ``depends_on`` calls an image."""
        owner, _, name = address.rpartition(":")
        return name if owner == folder else address

    def _place(self, folder: str, images: Sequence[Entry]) -> tuple[Path, str]:
        """Return where a folder's manifest goes, and the compose file that it must not hide."""
        path = self._root / folder / self._present.name
        present = self._present.manifests.get(folder)
        if present is None:
            return path, ""
        if present in self._present.replaced:
            return present, ""
        if kind_of(present) == "compose":
            return path, present.relative_to(path.parent).as_posix()
        names = ", ".join(entry.name for entry in images)
        raise UsageError(
            f"{present} is there, and lacks what would be called {names}",
            hint="add the Dockerfile to it, leave it out with -o exclude=PATTERN, or have the "
            "manifest written anew with --force",
        )

    def _warn(self, message: str) -> None:
        self._draft.warnings.append(message)


def _leads_to(needs: dict[str, set[str]], start: str, goal: str) -> bool:
    """Tell whether *start* is built from *goal*, directly or not, or is *goal*."""
    pending, seen = [start], {start}
    while pending:
        address = pending.pop()
        if address == goal:
            return True
        pending += needs.get(address, set()) - seen
        seen |= needs.get(address, set())
    return False

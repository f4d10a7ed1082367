"""The keys of all images of a run, computed once each, bottom-up, and again where files changed."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

from okplug.errors import ContextChangedError, UsageError
from okplug.hiding import hide
from okplug.keys import KeyInputs, KeyRecord, file_items, key_record
from okplug.keystore import Circumstances, KeyStore
from okplug.namedcontexts import context_folders
from okplug.notes import taking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from okplug.config import Config
    from okplug.contextsnapshot import Snapshot
    from okplug.fingerprint import ContextIndex, Wanted
    from okplug.graph import ImageFromElsewhere, ImageGraph
    from okplug.manifest.model import Image
    from okplug.reference import Reference

    FindBases = Callable[[Image, Iterable[ImageFromElsewhere]], Mapping[str, Reference]]


class Keyring:
    """Keys of the images of one graph; used from several threads.

    :param bases: returns what the names of images from elsewhere stand for now, by digest.
    :param tokens: address -> what tells what manifest and Dockerfile came to from all else; keys of
        other images are not kept.
    """

    def __init__(
        self,
        config: Config,
        graph: ImageGraph,
        index: ContextIndex,
        bases: FindBases = lambda _image, _uses: {},
        tokens: Mapping[str, bytes] | None = None,
    ) -> None:
        self._config = config
        self._index = index
        self._lock = threading.RLock()
        self._find_bases = bases
        self._bases: dict[str, Mapping[str, Reference]] = {}
        self._inputs: dict[str, KeyInputs] = {}
        self._contexts: dict[str, Snapshot] = {}
        self._records: dict[str, KeyRecord] = {}
        self._epoch = _source_date_epoch(config.environ)
        self._store = KeyStore(config, index, tokens, self._epoch) if tokens else None
        # what okplug's own plugins add is made of settings alone
        self._asks_plugins = not config.plugins.are_own("okplug_key_inputs")
        self.graph = graph

    def compute(self, addresses: Iterable[str]) -> dict[str, KeyRecord]:
        """Return the records of images that come after all that they depend on.

        If somebody writes to their files meanwhile, all of it is begun anew, once.

        :raises ManifestError: if a file cannot be read or is no file, link or folder.
        :raises ContextChangedError: if one changes again.
        """
        names = tuple(addresses)
        try:
            return self._compute(names)
        except ContextChangedError:
            self._begin_anew()
            return self._compute(names)

    def _compute(self, addresses: Iterable[str]) -> dict[str, KeyRecord]:
        with self._lock:
            self._index.take(map(self._files, filter(self._is_unknown, addresses)))
        return {address: self.record(address) for address in addresses}

    def _is_unknown(self, address: str) -> bool:
        """Tell whether an image's files must be looked at."""
        if address in self._records or address in self._contexts:
            return False
        return self._store is None or not self._store.has_same_files(address)

    def _begin_anew(self) -> None:
        """Drop what was made of files: images that share a context are to see the same of it."""
        with self._lock:
            self._index.look_again()
            self._contexts.clear()
            self._inputs.clear()
            self._records.clear()

    def record(self, address: str) -> KeyRecord:
        """Return the key of one image with its record."""
        with self._lock:
            if address not in self._records:
                dependencies = {name: self.record(name) for name in self.graph.ingredients(address)}
                made = self._recall(address, dependencies) or self._make(address, dependencies)
                self._records[address] = made
            return self._records[address]

    def _make(self, address: str, dependencies: Mapping[str, KeyRecord]) -> KeyRecord:
        if self._store is None:
            made = key_record(self.inputs(address), dependencies, self.context(address))
            return hide(made, self._config.masks)
        with taking(self._store.notes):
            inputs, context = self.inputs(address), self.context(address)
        made = hide(key_record(inputs, dependencies, context), self._config.masks)
        around = self._circumstances(address, dependencies)
        self._store.add(address, around, (context, *self.folders(address).values()), made)
        return made

    def _recall(self, address: str, dependencies: Mapping[str, KeyRecord]) -> KeyRecord | None:
        """Return the record that an earlier run made, if it would be the same now."""
        if self._store is None:
            return None
        return self._store.recall(address, self._circumstances(address, dependencies))

    def _circumstances(self, address: str, dependencies: Mapping[str, KeyRecord]) -> Circumstances:
        contributed = {}
        if self._asks_plugins:
            image = self.graph.image(address)
            contributed = self._config.plugins.key_inputs(image, self._config)
        bases = {name: base.digest for name, base in self.bases(address).items()}
        return Circumstances.of(dependencies, contributed, bases)

    def save(self) -> None:
        """Keep the keys for the next run."""
        if self._store is not None:
            self._store.save()

    def result(self, address: str, contents: Mapping[str, str]) -> KeyRecord:
        """Return the key that an image has by what its dependencies are, not how they were made.

        The items are left out: nobody compares them, and what is masked may be among them.

        :param contents: address -> digest of the content, of all that the image depends on.
        """
        stands = {name: KeyRecord(digest, digest, ()) for name, digest in contents.items()}
        with self._lock:
            made = key_record(self.inputs(address), stands, self.context(address))
        return KeyRecord(made.key, made.root, ())

    def with_files(self, address: str, record: KeyRecord) -> KeyRecord:
        """Return a record of an image with an item for each of its files."""
        files = file_items(self.context(address))
        return KeyRecord(record.key, record.root, record.items + files)

    def context(self, address: str) -> Snapshot:
        """Return the files that the image reads.

        :raises ManifestError: if one of them cannot be read or is no file, link or folder.
        """
        with self._lock:
            if address not in self._contexts:
                self._contexts[address] = self._index.snapshot(*self._files(address))
            return self._contexts[address]

    def _files(self, address: str) -> Wanted:
        """Return which files the image reads."""
        node = self.graph.node(address)
        reads = None if node.resolution.whole_context else node.resolution.reads
        with taking(self._store.notes) if self._store else nullcontext():
            ignored = self._index.ignored(node.image)
        return node.image.context, reads, ignored

    def inputs(self, address: str) -> KeyInputs:
        """Return what the key of the image is made of, beside dependencies and files."""
        with self._lock:
            if address not in self._inputs:
                node = self.graph.node(address)
                self._inputs[address] = KeyInputs(
                    image=node.image,
                    resolution=node.resolution,
                    syntax=node.dockerfile.syntax,
                    images=node.images,
                    platforms=node.image.platforms or (self._config.text("platform"),),
                    contributed=self._config.plugins.key_inputs(node.image, self._config),
                    source_date_epoch=self._epoch,
                    folders=self.folders(address),
                    bases={name: base.digest for name, base in self.bases(address).items()},
                )
            return self._inputs[address]

    def bases(self, address: str) -> Mapping[str, Reference]:
        """Return what the image's names from elsewhere stand for, by digest, where that counts.

        :raises OkplugError: if it cannot be told.
        """
        with self._lock:
            if address not in self._bases:
                self._bases[address] = self._find_bases(
                    self.graph.image(address), self.graph.elsewhere(address)
                )
            return self._bases[address]

    def folders(self, address: str) -> dict[str, Snapshot]:
        """Return the named contexts of the image that are folders.

        :raises ManifestError: if a file there cannot be read or is no file, link or folder.
        """
        image = self.graph.node(address).image
        return {
            name: self._index.snapshot(folder, None, self._index.ignored_below(folder))
            for name, folder in context_folders(image).items()
        }

    def forget(self, address: str) -> None:
        """Have the image's files read anew, and its key and those of its dependants made again."""
        with self._lock:
            image = self.graph.node(address).image
            for folder in (image.context, *context_folders(image).values()):
                self._index.forget(folder)
            self._contexts.pop(address, None)
            self._inputs.pop(address, None)
            for stale in (address, *self.graph.affected((address,))):
                self._records.pop(stale, None)


def _source_date_epoch(environ: Mapping[str, str]) -> int | None:
    """Read SOURCE_DATE_EPOCH, seconds since 1970, as reproducible-builds.org specifies it."""
    text = environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {text!r}",
            hint="it is a whole number of seconds since 1970-01-01, such as 1700000000",
        )
    return int(text)

"""One entry of a ``build`` section: its keys in all their forms, decoded to an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import (
    DEFAULT_DOCKERFILE,
    Written,
    find_context,
    find_dockerfile,
)
from okplug.manifest.contextentries import read_contexts
from okplug.manifest.decode import scalar
from okplug.manifest.entryfields import EntryFields, entry_fields
from okplug.manifest.entrykeys import KEYS, Form
from okplug.manifest.imagenames import sanitise_wanted
from okplug.manifest.model import Image, InlineDockerfile, Located, Secret
from okplug.manifest.namedvalues import read_annotations, read_arguments, read_labels
from okplug.manifest.networkentries import read_agents, read_hosts, read_network
from okplug.manifest.nodevalues import expanded, texts
from okplug.manifest.secretentries import read_secrets
from okplug.platforms import normalize_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from okplug.errors import Location
    from okplug.manifest.decode import Field
    from okplug.manifest.imagetables import ImageTable
    from okplug.manifest.yamlnodes import Node

_T = TypeVar("_T")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Site:
    """Where a manifest stands, and the variables that its values may use.

    :param folder: POSIX path of the manifest's folder below the workspace, ``""`` for its root.
    :param base: absolute path of that folder, from which relative paths start.
    :param tables: what the settings file says of images, the most important last.
    """

    folder: str
    base: str
    environ: Mapping[str, str]
    tables: Sequence[ImageTable] = ()


def read_image(name: str, entry: Field, site: Site) -> tuple[Image, str]:
    """Decode an entry; return the image and a warning about its Dockerfile, or ``""``.

    What the settings file says of the image counts where the entry says nothing.

    :param name: its name in the graph; the entry's key has it as it is written.
    :raises ManifestError: if the entry is wrong, or its context or Dockerfile is not there.
    """
    reader = _EntryReader(name, entry, site)
    context, dockerfile, inline, warning = reader.build_files()
    places = reader.places()
    image = Image(
        name=name,
        folder=site.folder,
        location=entry.key.location,
        context=Path(context),
        dockerfile=Path(dockerfile),
        inline=inline,
        places=places,
        **{field: read(reader) for key, (field, read) in _READERS.items() if key in places},
    )
    return image, warning


class _EntryReader:
    """Decodes the keys of one entry."""

    def __init__(self, name: str, entry: Field, site: Site) -> None:
        self._entry = entry
        self._site = site
        owner = f"build.{name}"
        self._fields = EntryFields(owner)
        self._fields.add(owner, entry_fields(owner, entry))
        for table in reversed(site.tables):
            if table.fits(site.folder, name):
                self._fields.add(table.subject, table.fields)

    def places(self) -> dict[str, Location]:
        return self._fields.places()

    def _located(self, key: str) -> Located | None:
        """Return the one text of a key with its place, None without it."""
        for owner, field in self._fields.first(key):
            node = scalar(field.value, f"{owner}.{key}")
            return Located(expanded(node, f"{owner}.{key}", self._site.environ), node.location)
        return None

    def _written(self, key: str) -> Located:
        """Return the one text of a key that is there."""
        return self._located(key) or Located("", self._entry.key.location)

    def text(self, key: str) -> str:
        """Return the value of a key that takes one text."""
        return self._written(key).value

    def flag(self, key: str) -> bool:
        located = self._written(key)
        value = _FLAGS.get(located.value.lower())
        if value is None:
            raise ManifestError(
                f"{self._fields.subject(key)}: expected true or false, found {located.value!r}",
                location=located.location,
            )
        return value

    def _items(self, key: str) -> Iterator[Located]:
        for owner, field in self._fields.first(key):
            splits = KEYS[key] is Form.COMMA_TEXTS
            yield from texts(field.value, f"{owner}.{key}", self._site.environ, splits=splits)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the values of a key that takes a text or a list, variables expanded."""
        return tuple(located.value for located in self._items(key))

    def _merged(
        self, key: str, read: Callable[[Node, str, Mapping[str, str]], Mapping[str, _T]]
    ) -> dict[str, _T]:
        """Return what all places of a key say, by name; of a name, what counts most."""
        found: dict[str, _T] = {}
        for owner, field in self._fields.all(key):
            for name, value in read(field.value, owner, self._site.environ).items():
                found.setdefault(name, value)
        return found

    def named(
        self, key: str, read: Callable[[Node, str, Mapping[str, str]], Mapping[str, _T]]
    ) -> tuple[_T, ...]:
        """Return what has names, sorted by them."""
        return tuple(value for _, value in sorted(self._merged(key, read).items()))

    def pairs(
        self, key: str, read: Callable[[Node, str, Mapping[str, str]], Mapping[str, str]]
    ) -> tuple[tuple[str, str], ...]:
        """Return names with values, sorted."""
        return tuple(sorted(self._merged(key, read).items()))

    # ------------------------------------------------------------------------- keys of their own

    def build_files(self) -> tuple[str, str, InlineDockerfile | None, str]:
        """Return the absolute paths of context and Dockerfile, the latter's text if it stands here.

        What comes last is a warning, or ``""``.
        """
        context = find_context(self._path("context", "."), self._site.base)
        for owner, field in self._fields.first("dockerfile_inline"):
            return (context, *_inline(owner, field.value), "")
        dockerfile = self._path("dockerfile", DEFAULT_DOCKERFILE)
        path, warning = find_dockerfile(dockerfile, context, self._site.base)
        return context, path, None, warning

    def _path(self, key: str, default: str) -> Written:
        located = self._located(key)
        if located is None or not located.value:
            return Written(default, self._entry.key.location, is_default=True)
        return Written(located.value, located.location)

    def depends_on(self) -> tuple[Located, ...]:
        """Return what is depended upon, each once, names sanitised as images' names are."""
        unique: dict[str, Located] = {}
        for located in self._items("depends_on"):
            name = sanitise_wanted(located.value)
            unique.setdefault(name, Located(name, located.location))
        return tuple(unique.values())

    def secrets(self) -> tuple[Secret, ...]:
        base = self._site.base
        found = self._merged("secrets", partial(read_secrets, base=base))
        return tuple(found.values())

    def contexts(self) -> tuple[tuple[str, str], ...]:
        base = self._site.base
        return self.pairs("contexts", partial(read_contexts, base=base))

    def hosts(self) -> tuple[tuple[str, str], ...]:
        found = self._merged("extra_hosts", read_hosts)
        return tuple((host, address) for host, several in found.items() for address in several)

    def agents(self) -> tuple[str, ...]:
        for owner, field in self._fields.first("ssh"):
            return read_agents(field.value, owner, self._site.environ, self._site.base)
        return ()

    def network(self) -> str:
        return read_network(self._written("network"), self._fields.subject("network"))

    def platforms(self) -> tuple[str, ...]:
        """Return the platforms under the names that everybody uses, each once.

        :raises ManifestError: if one is none.
        """
        found: dict[str, None] = {}
        for located in self._items("platforms"):
            try:
                found[normalize_platform(located.value)] = None
            except ValueError as error:
                raise ManifestError(
                    f"{self._fields.subject('platforms')}: {error}", location=located.location
                ) from error
        return tuple(found)


#: key -> the field of an image that has its value, and what reads that
_READERS: Final[Mapping[str, tuple[str, Callable[[_EntryReader], Any]]]] = {
    "target": ("target", lambda entry: entry.text("target")),
    "image": ("reference", lambda entry: entry.text("image")),
    "tags": ("tags", lambda entry: entry.texts("tags")),
    "push": ("push", lambda entry: entry.flag("push")),
    "args": ("args", lambda entry: entry.named("args", read_arguments)),
    "secrets": ("secrets", _EntryReader.secrets),
    "depends_on": ("depends_on", _EntryReader.depends_on),
    "cache_from": ("cache_from", lambda entry: entry.texts("cache_from")),
    "export_cache": ("export_cache", lambda entry: entry.texts("export_cache")),
    "platforms": ("platforms", _EntryReader.platforms),
    "labels": ("labels", lambda entry: entry.pairs("labels", read_labels)),
    "annotations": ("annotations", lambda entry: entry.pairs("annotations", read_annotations)),
    "ssh": ("ssh", _EntryReader.agents),
    "network": ("network", _EntryReader.network),
    "extra_hosts": ("extra_hosts", _EntryReader.hosts),
    "contexts": ("named_contexts", _EntryReader.contexts),
}


def _inline(owner: str, node: Node) -> tuple[str, InlineDockerfile]:
    """Return the path that stands for a Dockerfile in messages, and its text."""
    text = scalar(node, f"{owner}.dockerfile_inline", "the text of a Dockerfile")
    if text.first_line:
        return str(text.path), InlineDockerfile(text.text, text.first_line)
    # lines cannot be told where a text is folded or escaped: they count from its beginning
    return f"{text.path} (dockerfile_inline of {owner})", InlineDockerfile(text.text, 1)

"""One entry of a ``build`` section: its keys in all their forms, decoded to an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from okplug.errors import ManifestError
from okplug.manifest.buildfiles import (
    DEFAULT_DOCKERFILE,
    Written,
    find_context,
    find_dockerfile,
)
from okplug.manifest.contextentries import read_contexts
from okplug.manifest.decode import Field, check_keys, fields, is_null, scalar
from okplug.manifest.entrykeys import ALIASES, EXCLUSIVE, KEYS, Form
from okplug.manifest.imagenames import sanitise_wanted
from okplug.manifest.model import Image, InlineDockerfile, Located, Secret
from okplug.manifest.namedvalues import read_annotations, read_arguments, read_labels
from okplug.manifest.networkentries import read_agents, read_hosts, read_network
from okplug.manifest.nodevalues import expanded, texts
from okplug.manifest.secretentries import read_secrets
from okplug.manifest.yamlnodes import Node, ScalarNode
from okplug.platforms import normalize_platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from okplug.errors import Location
    from okplug.manifest.imagetables import ImageTable

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
    image = Image(
        name=name,
        folder=site.folder,
        location=entry.key.location,
        context=Path(context),
        dockerfile=Path(dockerfile),
        inline=inline,
        target=reader.text("target"),
        reference=reader.text("image"),
        tags=reader.texts("tags"),
        push=reader.flag("push", default=True),
        args=reader.named("args", read_arguments),
        secrets=reader.secrets(),
        depends_on=reader.depends_on(),
        cache_from=reader.texts("cache_from"),
        export_cache=reader.texts("export_cache"),
        platforms=reader.platforms(),
        labels=reader.pairs("labels", read_labels),
        annotations=reader.pairs("annotations", read_annotations),
        ssh=reader.agents(),
        network=reader.network(),
        extra_hosts=reader.hosts(),
        named_contexts=reader.contexts(),
        places=reader.places(),
    )
    return image, warning


class _Given(NamedTuple):
    """A place where a key is written.

    :param owner: of the key, such as ``build.api``.
    """

    owner: str
    field: Field


class _EntryReader:
    """The fields of one entry; those that are null count as not written."""

    def __init__(self, name: str, entry: Field, site: Site) -> None:
        self._owner = f"build.{name}"
        self._entry = entry
        self._site = site
        #: the places of each key, the most important first
        self._given: dict[str, list[_Given]] = {}
        self._add(self._owner, entry_fields(self._owner, entry))
        for table in reversed(site.tables):
            if table.fits(site.folder, name):
                self._add(table.subject, table.fields)

    def _add(self, owner: str, found: Mapping[str, Field]) -> None:
        """Take what is written in one place, after what is known from those that count more."""
        written = {key: field for key, field in found.items() if not is_null(field.value)}
        for one, other in EXCLUSIVE:
            if one in self._given or other in self._given:
                written.pop(one, None)
                written.pop(other, None)
            elif one in written and other in written:
                raise ManifestError(
                    f"{one} and {other} of {owner} exclude each other",
                    location=written[other].key.location,
                    hint="keep one of the two",
                )
        for key, field in written.items():
            self._given.setdefault(key, []).append(_Given(owner, field))

    def places(self) -> dict[str, Location]:
        return {key: given[0].field.key.location for key, given in self._given.items()}

    def _subject(self, key: str) -> str:
        """Return what a key is where it counts, for messages."""
        return f"{self._given[key][0].owner if key in self._given else self._owner}.{key}"

    def _located(self, key: str) -> Located | None:
        """Return the one text of a key with its place, None without it."""
        if key not in self._given:
            return None
        owner, field = self._given[key][0]
        node = scalar(field.value, f"{owner}.{key}")
        return Located(expanded(node, f"{owner}.{key}", self._site.environ), node.location)

    def text(self, key: str) -> str:
        """Return the value of a key that takes one text, ``""`` without it."""
        located = self._located(key)
        return located.value if located else ""

    def flag(self, key: str, *, default: bool) -> bool:
        located = self._located(key)
        if located is None:
            return default
        value = _FLAGS.get(located.value.lower())
        if value is None:
            raise ManifestError(
                f"{self._subject(key)}: expected true or false, found {located.value!r}",
                location=located.location,
            )
        return value

    def _items(self, key: str) -> Iterator[Located]:
        if key in self._given:
            owner, field = self._given[key][0]
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
        for owner, field in self._given.get(key, ()):
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
        if "dockerfile_inline" in self._given:
            return (context, *self._inline(), "")
        dockerfile = self._path("dockerfile", DEFAULT_DOCKERFILE)
        path, warning = find_dockerfile(dockerfile, context, self._site.base)
        return context, path, None, warning

    def _path(self, key: str, default: str) -> Written:
        located = self._located(key)
        if located is None or not located.value:
            return Written(default, self._entry.key.location, is_default=True)
        return Written(located.value, located.location)

    def _inline(self) -> tuple[str, InlineDockerfile]:
        owner, field = self._given["dockerfile_inline"][0]
        node = scalar(field.value, f"{owner}.dockerfile_inline", "the text of a Dockerfile")
        if node.first_line:
            return str(node.path), InlineDockerfile(node.text, node.first_line)
        # lines cannot be told where a text is folded or escaped: they count from its beginning
        return f"{node.path} (dockerfile_inline of {owner})", InlineDockerfile(node.text, 1)

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
        if "ssh" not in self._given:
            return ()
        owner, field = self._given["ssh"][0]
        return read_agents(field.value, owner, self._site.environ, self._site.base)

    def network(self) -> str:
        return read_network(self._located("network"), self._subject("network"))

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
                    f"{self._subject('platforms')}: {error}", location=located.location
                ) from error
        return tuple(found)


def entry_fields(owner: str, entry: Field) -> dict[str, Field]:
    """Return the fields of an entry; the short form, one text, is a context.

    :param owner: what it is, such as ``build.api``.
    :raises ManifestError: if there is nothing, or a key means nothing.
    """
    node = entry.value
    if is_null(node):
        raise ManifestError(
            f"{owner}: there is nothing below the name",
            location=entry.key.location,
            hint=f"write the folder of its context, such as {entry.key.text}: .",
        )
    if isinstance(node, ScalarNode):
        return {"context": Field(entry.key, node)}
    return known_fields(fields(node, owner, "a map or a folder"), owner)


def known_fields(found: Mapping[str, Field], owner: str) -> dict[str, Field]:
    """Return fields under the names that okplug has for their keys.

    :raises ManifestError: if a key means nothing, or two mean the same.
    """
    known: dict[str, Field] = {}
    for key, field in found.items():
        name = ALIASES.get(key, key)
        if name in known:
            raise ManifestError(
                f"{known[name].key.text} and {key} of {owner} mean the same",
                location=field.key.location,
                hint="keep one of the two",
            )
        known[name] = field
    check_keys(known, KEYS, owner)
    return known

"""One entry of a ``build`` section: its keys in all their forms, decoded to an image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from okplug.errors import Location, ManifestError
from okplug.manifest.buildfiles import (
    DEFAULT_DOCKERFILE,
    Written,
    absolute,
    find_context,
    find_dockerfile,
)
from okplug.manifest.decode import (
    Field,
    check_keys,
    check_text,
    fields,
    is_null,
    scalar,
    scalars,
)
from okplug.manifest.expand import ExpansionError, expand
from okplug.manifest.imagenames import sanitise_wanted
from okplug.manifest.model import BuildArg, Image, Located, Secret
from okplug.manifest.yamlnodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYS: Final = frozenset(
    {
        "args",
        "cache_from",
        "context",
        "depends_on",
        "dockerfile",
        "export_cache",
        "image",
        "secrets",
        "target",
    }
)
_SECRET_KEYS: Final = frozenset({"env", "file"})
_SECRET_FORMS: Final = "write the path of a file, {file: PATH} or {env: NAME}"  # noqa: S105 - a hint
_ARG_NAME = re.compile(r"[^\s=$]+")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a manifest stands, and the variables that its values may use.

    :param folder: POSIX path of the manifest's folder below the workspace, ``""`` for its root.
    :param base: absolute path of that folder, from which relative paths start.
    """

    folder: str
    base: str
    environ: Mapping[str, str]


def read_image(name: str, entry: Field, site: Site) -> tuple[Image, str]:
    """Decode an entry; return the image and a warning about its Dockerfile, or ``""``.

    :param name: its name in the graph; the entry's key has it as it is written.
    :raises ManifestError: if the entry is wrong, or its context or Dockerfile is not there.
    """
    reader = _EntryReader(f"build.{name}", entry, site)
    context, dockerfile, warning = reader.build_files()
    image = Image(
        name=name,
        folder=site.folder,
        location=entry.key.location,
        context=Path(context),
        dockerfile=Path(dockerfile),
        target=reader.text("target"),
        reference=reader.text("image"),
        args=reader.args(),
        secrets=tuple(reader.secrets()),
        depends_on=reader.depends_on(),
        cache_from=reader.texts("cache_from"),
        export_cache=reader.texts("export_cache"),
        places=reader.places(),
    )
    return image, warning


class _EntryReader:
    """The fields of one entry; those that are null count as not written."""

    def __init__(self, subject: str, entry: Field, site: Site) -> None:
        self._subject = subject
        self._location = entry.key.location
        self._site = site
        found = _entry_fields(subject, entry)
        self._fields = {key: field for key, field in found.items() if not is_null(field.value)}

    def places(self) -> dict[str, Location]:
        return {key: field.key.location for key, field in self._fields.items()}

    def build_files(self) -> tuple[str, str, str]:
        """Return the absolute paths of context and Dockerfile, and a warning or ``""``."""
        context = find_context(self._path("context", "."), self._site.base)
        dockerfile = self._path("dockerfile", DEFAULT_DOCKERFILE)
        return (context, *find_dockerfile(dockerfile, context, self._site.base))

    def _path(self, key: str, default: str) -> Written:
        text = self.text(key)
        if not text:
            return Written(default, self._location, is_default=True)
        return Written(text, self._fields[key].value.location)

    def text(self, key: str) -> str:
        """Return the value of a key that takes one text, ``""`` without it."""
        field = self._fields.get(key)
        if field is None:
            return ""
        subject = f"{self._subject}.{key}"
        return self._expanded(scalar(field.value, subject), subject)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the values of a key that takes a text or a list, variables expanded."""
        return tuple(located.value for located in self._located(key))

    def _located(self, key: str) -> Iterator[Located]:
        field = self._fields.get(key)
        if field is None:
            return
        subject = f"{self._subject}.{key}"
        for node in scalars(field.value, subject):
            value = self._expanded(node, subject)
            if not value:
                raise ManifestError(f"an item of {subject} is empty", location=node.location)
            yield Located(value, node.location)

    def depends_on(self) -> tuple[Located, ...]:
        """Return what is depended upon, each once, names sanitised as images' names are."""
        unique: dict[str, Located] = {}
        for located in self._located("depends_on"):
            name = sanitise_wanted(located.value)
            unique.setdefault(name, Located(name, located.location))
        return tuple(unique.values())

    def args(self) -> tuple[BuildArg, ...]:
        """Return the build arguments sorted by name.

        :raises ManifestError: if a name is no name or is given twice.
        """
        field = self._fields.get("args")
        if field is None:
            return ()
        subject = f"{self._subject}.args"
        if isinstance(field.value, SequenceNode):
            pairs = self._args_of_list(field.value, subject)
        else:
            pairs = self._args_of_map(field.value, subject)
        found: dict[str, BuildArg] = {}
        for arg in pairs:
            if not _ARG_NAME.fullmatch(arg.name):
                raise ManifestError(
                    f"{subject}: {arg.name!r} cannot be the name of an argument",
                    location=arg.location,
                    hint="write NAME=value; variables are expanded in values only",
                )
            if arg.name in found:
                first = found[arg.name].location
                raise ManifestError(
                    f"the argument {arg.name} of {self._subject} is given twice, first in line "
                    f"{first.line}, column {first.column}",
                    location=arg.location,
                    hint="keep one of the two",
                )
            found[arg.name] = arg
        return tuple(found[name] for name in sorted(found))

    def _args_of_list(self, node: SequenceNode, subject: str) -> Iterator[BuildArg]:
        for item in node.items:
            if isinstance(item, MappingNode):
                raise ManifestError(
                    f"an item of {subject}: expected NAME=value, found a map",
                    location=item.location,
                    hint="write - NAME=value, or NAME: value without the dash",
                )
            text = scalar(item, f"an item of {subject}")
            name, equals, value = text.text.partition("=")
            # a bare NAME stands for itself: okteto does not take it from the environment
            if equals:
                value = self._expanded(text, f"{subject}.{name}", start=len(name) + 1)
            else:
                value = name
            yield BuildArg(name, value, text.location)

    def _args_of_map(self, node: Node, subject: str) -> Iterator[BuildArg]:
        for name, field in fields(node, subject, "a map or a list").items():
            value = ""
            if not is_null(field.value):
                text = scalar(field.value, f"{subject}.{name}")
                value = self._expanded(text, f"{subject}.{name}")
            yield BuildArg(name, value, field.key.location)

    def secrets(self) -> Iterator[Secret]:
        """Decode the secrets; that their files are there is for the build to see."""
        field = self._fields.get("secrets")
        if field is None:
            return
        for name, secret in fields(field.value, f"{self._subject}.secrets").items():
            if not name:
                raise ManifestError(
                    f"a secret of {self._subject} has no id", location=secret.key.location
                )
            kind, node = _secret_source(secret, f"{self._subject}.secrets.{name}")
            source = self._expanded(node, f"{self._subject}.secrets.{name}")
            if not source:
                raise ManifestError(
                    f"{self._subject}.secrets.{name} is empty",
                    location=node.location,
                    hint=_SECRET_FORMS,
                )
            if kind == "file":
                source = self._secret_path(source, node)
            yield Secret(name, kind, source, secret.key.location)

    def _secret_path(self, text: str, node: ScalarNode) -> str:
        """Return the absolute path; ``~/`` is the home directory if it is written there."""
        if not node.text.startswith("~/"):
            return absolute(text, self._site.base)
        home = self._site.environ.get("HOME")
        if not home:
            raise ManifestError(
                "the home directory that ~ stands for is not known",
                location=node.location,
                hint="set HOME, or write the path in full",
            )
        return absolute(text.removeprefix("~/"), home)

    def _expanded(self, node: ScalarNode, subject: str, *, start: int = 0) -> str:
        """Expand the text of *node* from index *start* on."""
        text = node.text[start:]
        if "$" not in text:
            return text
        try:
            value = expand(text, self._site.environ)
        except ExpansionError as error:
            raise ManifestError(
                error.message, location=node.location_at(start + error.offset), hint=error.hint
            ) from error
        check_text(value, node, subject)
        return value


def _entry_fields(subject: str, entry: Field) -> dict[str, Field]:
    """Return the fields of an entry; the short form, one text, is a context."""
    node = entry.value
    if is_null(node):
        raise ManifestError(
            f"{subject}: there is nothing below the name",
            location=entry.key.location,
            hint=f"write the folder of its context, such as {entry.key.text}: .",
        )
    if isinstance(node, ScalarNode):
        return {"context": Field(entry.key, node)}
    found = fields(node, subject, "a map or a folder")
    check_keys(found, KEYS, subject)
    return found


def _secret_source(secret: Field, subject: str) -> tuple[str, ScalarNode]:
    """Return the kind of a secret, ``file`` or ``env``, and what says where it is."""
    node = secret.value
    if isinstance(node, ScalarNode) and not node.is_null:
        return "file", scalar(node, subject)
    found = {} if is_null(node) else fields(node, subject, "a path or a map")
    check_keys(found, _SECRET_KEYS, subject)
    given = [(kind, field) for kind, field in found.items() if not is_null(field.value)]
    if len(given) != 1:
        problem = "file and env exclude each other" if given else "expected file or env"
        raise ManifestError(
            f"{subject}: {problem}", location=secret.key.location, hint=_SECRET_FORMS
        )
    kind, field = given[0]
    return kind, scalar(field.value, f"{subject}.{kind}")

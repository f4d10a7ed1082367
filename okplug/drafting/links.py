"""Guess what an image is built from: by the references and the arguments in its Dockerfile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from okplug.dockerfile.model import Inherited
from okplug.drafting.names import plain_name
from okplug.manifest.expand import variable_part
from okplug.naming import is_alias
from okplug.resolving import resolve_on_all
from okplug.standins import stand_in, standing_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from okplug.dockerfile.model import ContextRead, Dockerfile, ImageUse

#: stages are the same on all; any will do
_PLATFORM: Final = "linux/amd64"
_BUILD_VARIABLE: Final = re.compile(
    r"OKTETO_BUILD_([A-Z0-9_]+)_(IMAGE|REGISTRY|REPOSITORY|TAG|SHA)"
)
_IMAGE_VARIABLE: Final = re.compile(r"(?:IMAGE_)?(\w+?)(?:_IMAGE)?", re.ASCII)
_ARGUMENT_ALONE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: tags of what a developer has just built; others are releases
_MOVING_TAG: Final = re.compile(
    "build|current|dev|develop|edge|latest|local|main|master|okteto|snapshot|test"
)
#: images of Docker Hub that folders are called like, and that Dockerfiles mean by these names
_OFFICIAL: Final = re.compile(
    "almalinux|alpine|amazonlinux|busybox|caddy|cassandra|consul|debian|docker|eclipse-temurin|"
    "elasticsearch|elixir|erlang|fedora|golang|gradle|haproxy|httpd|influxdb|java|jenkins|julia|"
    "kibana|kong|logstash|mariadb|maven|memcached|mongo|mysql|nats|neo4j|nextcloud|nginx|node|"
    "openjdk|perl|php|postgres|python|r-base|rabbitmq|redis|registry|rockylinux|ruby|rust|solr|"
    "swift|telegraf|tomcat|traefik|ubuntu|vault|wordpress|zookeeper"
)


@dataclass(slots=True)
class Links:
    """What one image's Dockerfile says.

    :param arguments: build argument -> address of the image that it is to name.
    :param contexts: reference -> address of the image of the workspace that it means.
    :param dependencies: addresses of what it is built from, those of *contexts* not among them.
    :param reads: what its stages read from the context.
    :param releases: references with a fixed tag that are called like an image of the workspace, and
        its address.
    """

    arguments: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    dependencies: dict[str, None] = field(default_factory=dict)
    reads: tuple[ContextRead, ...] = ()
    releases: dict[ImageUse, str] = field(default_factory=dict)


class Guesses:
    """Finds out which image of the workspace a text means.

    :param names: the name of each image -> its address.
    :param dockerfiles: address -> Dockerfile, of those that are known.
    :param root_name: of the workspace: ``shop-api`` is ``api`` in ``shop``.
    """

    def __init__(
        self, names: Mapping[str, str], dockerfiles: Mapping[str, Dockerfile], root_name: str
    ) -> None:
        self._names = names
        self._by_variable = {variable_part(name): address for name, address in names.items()}
        self._bases = {
            address: {_repository(stage.base) for stage in dockerfile.stages}
            for address, dockerfile in dockerfiles.items()
        }
        self._root_name = root_name

    def links(self, address: str, dockerfile: Dockerfile) -> Links:
        """Return what an image is built from.

        :raises ManifestError: if its Dockerfile needs an argument that nothing tells, or is wrong.
        """
        links = Links()
        values = {}
        bases = {_alone(stage.base) for stage in dockerfile.stages}
        for name, default in _declared(dockerfile):
            built = _BUILD_VARIABLE.fullmatch(name)
            found = self._by_variable.get(built[1] if built else _named_by(name))
            if found in (None, address) or not (built or (default is None and name in bases)):
                continue
            values[name] = stand_in(found, built[2] if built else "IMAGE")
            if not built:
                links.arguments[name] = found
        resolution = resolve_on_all(
            dockerfile,
            target="",
            args=values,
            platforms=(_PLATFORM,),
            inherited=lambda _: Inherited(is_complete=False),
        )
        links.reads = resolution.reads
        texts = [value for _, value in resolution.args]
        for found in standing_in(" ".join([*texts, *(use.reference for use in resolution.images)])):
            links.dependencies[found] = None
        for use in resolution.images:
            self._add_reference(links, address, use)
        return links

    def _add_reference(self, links: Links, address: str, use: ImageUse) -> None:
        if standing_in(use.reference) or is_alias(use.reference):
            return  # okplug knows those
        found = self._by_reference(use.reference)
        if found is None or found == address:
            return
        if _MOVING_TAG.fullmatch(_tag(use.reference)):
            links.contexts[use.reference] = found
        else:
            links.releases[use] = found

    def _by_reference(self, reference: str) -> str | None:
        repository = _repository(reference)
        last = repository.rpartition("/")[2]
        if "@" in reference or _OFFICIAL.fullmatch(repository):
            return None
        name = plain_name(last)
        found = self._names.get(name) or self._names.get(name.removeprefix(f"{self._root_name}-"))
        if found is None or repository in self._bases.get(found, ()):
            return None  # it is made of the one of that name, and is not that one
        return found


def _declared(dockerfile: Dockerfile) -> Iterator[tuple[str, str | None]]:
    for instruction in dockerfile.global_args:
        yield from instruction.pairs
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            if instruction.name == "ARG":
                yield from instruction.pairs


def _alone(base: str) -> str:
    """Return the argument that FROM names and nothing else, ``""`` if it names more."""
    match = _ARGUMENT_ALONE.fullmatch(base)
    return (match[1] or match[2]) if match else ""


def _named_by(argument: str) -> str:
    """Return the image that an argument is called after, as variables have its name."""
    match = _IMAGE_VARIABLE.fullmatch(argument.upper())
    return match[1] if match else ""


def _repository(reference: str) -> str:
    head, slash, last = reference.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _tag(reference: str) -> str:
    return reference.rpartition("/")[2].partition(":")[2] or "latest"

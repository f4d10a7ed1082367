"""From paths to the graph: find the manifests, read them, build the graph, make the selection."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.errors import UsageError
from okplug.linking import build_graph
from okplug.manifest.discover import find_manifests
from okplug.manifest.model import BuildArg
from okplug.manifestset import all_images, read_manifests
from okplug.naming import ImageNames, Naming
from okplug.registries import Registries
from okplug.selection import Selection, select, user_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from okplug.config import Config
    from okplug.graph import ImageGraph
    from okplug.manifest.givenfile import GivenFile
    from okplug.manifest.model import Image, Manifest


@dataclass(frozen=True, slots=True)
class Collection:
    """What the workspace holds, and what of it the command line asks for."""

    manifests: tuple[Manifest, ...]
    graph: ImageGraph
    selection: Selection
    naming: Naming
    registries: Registries


def collect(config: Config) -> Collection:
    """Read the workspace.

    :raises ManifestError: if a manifest, a Dockerfile or the graph is wrong.
    :raises UsageError: if the selection names what is not there.
    """
    discovery = find_manifests(config.root, config.words("manifests"), config.words("exclude"))
    for warning in discovery.warnings:
        config.warn(warning)
    config.plugins.load_folder_plugins(discovery.plugin_files)
    given = _given_file(config)
    paths = given.among(discovery.manifests) if given else discovery.manifests
    manifests = tuple(read_manifests(paths, config))
    registries = Registries(config)
    naming = Naming(
        registries.main.host,
        config.text("namespace"),
        config.text("global_namespace"),
        config.text("names"),
    )
    graph = _graph(manifests, naming, config)
    if config.masks:
        config.masks.show(word for image in graph.images() for word in _shown_words(image))
    among = _images_of(given, manifests, config) if given else None
    return Collection(manifests, graph, _selection(graph, config, among), naming, registries)


def _shown_words(image: Image) -> Iterator[str]:
    """Yield what everybody reads of an image anyhow: its names, and those of its files."""
    yield from (image.address, image.folder, image.name, image.target, *image.folder.split("/"))
    for path in (image.context, image.dockerfile):
        yield from (str(path), *path.parts)


def _given_file(config: Config) -> GivenFile | None:
    """Return the file that ``-f`` names, None without it."""
    text = getattr(config.options, "file", None)
    if text is None:
        return None
    from okplug.manifest.givenfile import find_given_file  # few runs have one

    given = find_given_file(text, config.cwd, config.words("manifests"))
    if given.path.is_relative_to(config.root):
        return given
    raise UsageError(
        f"-f {text}: the file is not in the workspace {config.root}",
        hint=f"okplug -C {given.path.parent} works on the workspace of that folder",
    )


def _images_of(given: GivenFile, manifests: Iterable[Manifest], config: Config) -> frozenset[str]:
    """Return the addresses of the images of one file, at least one."""
    found = [file for file in manifests if given.path in (file.path, *file.claims)]
    if not found:
        raise UsageError(
            f"-f {config.options.file}: no plugin reads this file",
            hint="okplug plugins lists those that are loaded",
        )
    images = [
        image
        for file in found
        for image in (*file.images, *file.included)
        if given.path in (file.path, image.location.path)
    ]
    if not images:
        raise UsageError(
            f"-f {config.options.file}: the file has no image to build",
            hint="write a build section, for a compose file that of a service",
        )
    return frozenset(image.address for image in images)


def _graph(manifests: Sequence[Manifest], naming: Naming, config: Config) -> ImageGraph:
    images = [
        naming.with_plain_caches(_with_arguments(image, config)) for image in all_images(manifests)
    ]
    find = ImageNames(naming, images).find
    graph = build_graph(images, find, config.environ, config.text("platform"))
    before = graph.images()
    config.plugins.graph_modify(graph, config)
    graph.order()  # refuses circles, and links anew what was built from images that are gone
    if graph.images() != before:
        ImageNames(naming, graph.images())
    return graph


def _with_arguments(image: Image, config: Config) -> Image:
    """Let ``--build-arg`` win over the manifest, for every image whose Dockerfile declares it."""
    given = getattr(config.options, "build_arg", None)
    if not given:
        return image
    extra = tuple(BuildArg(name, value, image.location) for name, value in given)
    return dataclasses.replace(image, args=(*image.args, *extra))


def _selection(graph: ImageGraph, config: Config, among: frozenset[str] | None) -> Selection:
    options = config.options
    return select(
        graph,
        (
            *getattr(options, "selection", ()),
            *(f"-{text}" for text in getattr(options, "exclude", ())),
        ),
        keyword=getattr(options, "keyword", ""),
        cwd=user_folder(config.root, config.cwd),
        among=among,
    )

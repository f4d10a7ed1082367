"""From paths to the graph: find the manifests, read them, build the graph, make the selection."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from okplug.linking import build_graph
from okplug.manifest.discover import find_manifests
from okplug.manifest.model import BuildArg
from okplug.naming import ImageNames, Naming
from okplug.registries import Registries
from okplug.selection import Selection, select, user_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from okplug.config import Config
    from okplug.graph import ImageGraph
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
    manifests = tuple(_read(discovery.manifests, config))
    registries = Registries(config)
    naming = Naming(
        registries.main.host,
        config.text("namespace"),
        config.text("global_namespace"),
        config.text("names"),
    )
    graph = _graph(manifests, naming, config)
    return Collection(manifests, graph, _selection(graph, config), naming, registries)


def _read(paths: Iterable[Path], config: Config) -> Iterable[Manifest]:
    for path in paths:
        manifest = config.plugins.collect_manifest(path, config)
        if manifest is None:
            continue
        for warning in manifest.warnings:
            config.warn(warning)
        yield manifest


def _graph(manifests: Sequence[Manifest], naming: Naming, config: Config) -> ImageGraph:
    images = [
        naming.with_plain_caches(_with_arguments(image, config))
        for file in manifests
        for image in file.images
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


def _selection(graph: ImageGraph, config: Config) -> Selection:
    options = config.options
    return select(
        graph,
        (
            *getattr(options, "selection", ()),
            *(f"-{text}" for text in getattr(options, "exclude", ())),
        ),
        keyword=getattr(options, "keyword", ""),
        cwd=user_folder(config.root, config.cwd),
    )

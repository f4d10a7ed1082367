"""From paths to the graph: find the manifests, read them, build the graph, make the selection."""

from __future__ import annotations

import posixpath
import sys
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from okplug import __version__
from okplug.collectionstore import Read, can_keep, program, read_or_recall
from okplug.errors import UsageError
from okplug.manifest.buildfiles import DEFAULT_DOCKERFILE
from okplug.manifest.discover import PLUGIN_FILE, Discovery, find_manifests, list_names
from okplug.manifestset import all_images, read_manifests
from okplug.naming import ImageNames, Naming
from okplug.optionvalues import NAMES
from okplug.registries import Registries
from okplug.selection import Selection, UnknownSelectionError, select, user_folder
from okplug.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from okplug.config import Config
    from okplug.fingerprint import ContextIndex
    from okplug.givenoptions import GivenOptions
    from okplug.graph import ImageGraph
    from okplug.linking import LinkInputs
    from okplug.manifest.givenfile import GivenFile
    from okplug.manifest.model import Image, Manifest


@dataclass(frozen=True, slots=True)
class Collection:
    """What the workspace holds, and what of it the command line asks for.

    :param is_lone: it is one Dockerfile, and no manifest counts.
    :param tokens: address -> what tells the reading of an image from all others; nothing of one
        whose reading is not kept for another run.
    """

    manifests: tuple[Manifest, ...]
    graph: ImageGraph
    selection: Selection
    naming: Naming
    registries: Registries
    is_lone: bool = False
    tokens: Mapping[str, bytes] = field(default_factory=dict)


def collect(config: Config, index: ContextIndex | None = None) -> Collection:
    """Read the workspace.

    :param index: what is known of its folders.
    :raises ManifestError: if a manifest, a Dockerfile or the graph is wrong.
    :raises UsageError: if the selection names what is not there.
    """
    discovery = _discover(config, index)
    for warning in discovery.warnings:
        config.warn(warning)
    config.plugins.load_folder_plugins(discovery.plugin_files)
    given = _given_file(config)
    lone = _lone_image(given, discovery, config)
    registries = Registries(config)
    naming = Naming(
        registries.main.host,
        config.text("namespace"),
        config.text("global_namespace"),
        config.text("names"),
    )
    options = _given_options(config, naming)
    read = partial(_read, config, discovery, given, lone, options, naming)
    if given or lone or options or index is None or not can_keep(config):
        found = read()
    else:
        key = _key(discovery, naming, config)
        found = read_or_recall(config, key, read, partial(_relink, config, naming))
    graph = found.graph
    if config.masks:
        config.masks.show(word for image in graph.images() for word in _shown_words(image))
    if lone:
        selection = select(graph, (lone.address,))
    else:
        among = _images_of(given, found.manifests, config) if given else None
        selection = _selection(graph, config, among)
    if options:
        options.apply(graph, selection.asked)
        selection = Selection(selection.asked, graph.closure(selection.asked))
    return Collection(
        found.manifests, graph, selection, naming, registries, lone is not None, found.tokens
    )


def _read(
    config: Config,
    discovery: Discovery,
    given: GivenFile | None,
    lone: Image | None,
    options: GivenOptions | None,
    naming: Naming,
) -> Read:
    """Read manifests and Dockerfiles."""
    paths = given.among(discovery.manifests) if given else discovery.manifests
    manifests = () if lone else tuple(read_manifests(paths, config))
    images = [lone] if lone else all_images(manifests)
    if config.image_table is not None and not lone:
        _warn_of_idle_tables(images, config)
    if options:
        images = options.before_linking(images, lone)
    return Read(manifests, _graph(images, naming, config))


def _key(discovery: Discovery, naming: Naming, config: Config) -> Hashable:
    """Return what decides how a workspace is read, beside what is read."""
    return (
        __version__,
        program(),
        sys.version_info[:2],
        str(config.root),
        tuple(map(str, discovery.manifests)),
        tuple(map(str, discovery.plugin_files)),
        repr(config.image_table),
        astuple(naming),
        config.plugins.implementing("okplug_collect_manifest"),
    )


def _discover(config: Config, index: ContextIndex | None) -> Discovery:
    """Search the workspace, or know from an earlier search what there is."""
    names, exclude = config.words("manifests"), config.words("exclude")
    if index is None:
        list_folder = partial(list_names, links=config.links)
        return find_manifests(config.root, names, exclude, list_folder)
    key = repr((names, exclude)).encode("utf-8", "surrogateescape")
    found = index.recall_walk(key, {PLUGIN_FILE, *map(posixpath.basename, names)})
    if found is not None:
        manifests, plugin_files = ([config.root / path for path in paths] for paths in found)
        if all(path.is_file() for path in (*manifests, *plugin_files)):
            return Discovery(tuple(manifests), tuple(plugin_files))
    discovery = find_manifests(config.root, names, exclude, index.names)
    if not discovery.warnings:
        parts = (discovery.manifests, discovery.plugin_files)
        index.remember_walk(
            key, [[str(path.relative_to(config.root)) for path in paths] for paths in parts]
        )
    return discovery


def _warn_of_idle_tables(images: Iterable[Image], config: Config) -> None:
    from okplug.manifest.imagetables import idle_tables, image_tables  # few workspaces have tables

    for warning in idle_tables(image_tables(config), images):
        config.warn(warning)


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
    if given.kind == "dockerfile" or given.path.is_relative_to(config.root):
        return given
    raise UsageError(
        f"-f {text}: the file is not in the workspace {config.root}",
        hint=f"okplug -C {given.path.parent} works on the workspace of that folder",
    )


def _lone_image(given: GivenFile | None, discovery: Discovery, config: Config) -> Image | None:
    """Return the image of a Dockerfile that takes the place of manifests, None if none does.

    It is the one that ``-f`` names. Without ``-f`` it is that of a workspace where nothing else
    says what images there are: a manifest that is wrong is an error, and never passed over.
    """
    words = tuple(getattr(config.options, "selection", ()))
    if given is None:
        if discovery.manifests or discovery.plugin_files:
            return None
        contexts = [config.cwd / word for word in words] or [config.cwd]
        if not all((context / DEFAULT_DOCKERFILE).is_file() for context in contexts):
            return None
    elif given.kind != "dockerfile":
        return None
    from okplug.manifest.lonedockerfile import lone_image  # few runs have one

    if not all((config.cwd / word).is_dir() for word in words):
        _refuse_late_command(words, config)
    if getattr(config.options, "exclude", ()) or getattr(config.options, "keyword", ""):
        raise UsageError(
            "-k and --exclude choose among images, and a Dockerfile is one image",
            hint="leave them out",
        )
    return lone_image(given.path if given else None, words, config.cwd, config.root)


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


#: arguments that Okteto gives every Dockerfile that declares them -> the settings that have them
_GIVEN = {"OKTETO_NAMESPACE": "namespace", "OKTETO_CONTEXT": "context"}


def _refuse_late_command(words: Sequence[str], config: Config) -> None:
    """Tell of a command that is no command where it stands, as in ``okplug -f FILE plan``."""
    if words and words[0] in getattr(config.options, "may_be_command", ()):
        raise UsageError(
            f"{words[0]} stands behind an option of okplug build, and is taken for what to build",
            hint=f"write the command first: okplug {words[0]} ...",
        )


def _given_options(config: Config, naming: Naming) -> GivenOptions | None:
    """Return what the command line says of images, None if it says nothing."""
    if not any(getattr(config.options, name, None) for name in NAMES):
        return None
    from okplug.givenoptions import GivenOptions  # few command lines do

    return GivenOptions(config, naming.with_plain_caches)


def _graph(found: Iterable[Image], naming: Naming, config: Config) -> ImageGraph:
    from okplug.linking import build_graph  # and with it all that reads Dockerfiles

    images = [naming.with_plain_caches(image) for image in found]
    graph = build_graph(images, _link_inputs(images, naming, config))
    before = graph.images()
    config.plugins.graph_modify(graph, config)
    graph.order()  # refuses circles, and links anew what was built from images that are gone
    if graph.images() != before:
        ImageNames(naming, graph.images())
    return graph


def _relink(config: Config, naming: Naming, graph: ImageGraph, changed: Iterable[Image]) -> bool:
    from okplug.linking import relink

    images = {image.address: naming.with_plain_caches(image) for image in changed}
    every = [images.get(image.address, image) for image in graph.images()]
    return relink(graph, images.values(), _link_inputs(every, naming, config))


def _link_inputs(images: Iterable[Image], naming: Naming, config: Config) -> LinkInputs:
    from okplug.linking import LinkInputs

    values = {name: config.text(setting) for name, setting in _GIVEN.items()}
    return LinkInputs(
        find=ImageNames(naming, images).find,
        environ=config.environ,
        platform=config.text("platform"),
        given={name: value for name, value in values.items() if value},
    )


def _selection(graph: ImageGraph, config: Config, among: frozenset[str] | None) -> Selection:
    options = config.options
    words = tuple(getattr(options, "selection", ()))
    try:
        return select(
            graph,
            (*words, *(f"-{text}" for text in getattr(options, "exclude", ()))),
            keyword=getattr(options, "keyword", ""),
            cwd=user_folder(config.root, config.cwd),
            among=among,
        )
    except UnknownSelectionError as error:
        _refuse_late_command(words, config)
        guess = closest(error.text, getattr(options, "may_be_command", ()))
        if guess and error.text == words[0]:
            raise UsageError(
                f"{error.text!r} is no command and selects no image, did you mean okplug {guess}?",
                hint="okplug --help lists the commands, okplug list the images",
            ) from None
        raise

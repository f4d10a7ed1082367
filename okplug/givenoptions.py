"""What the command line says of images, which counts more than what manifests say.

A value without an address is for the images that are selected; what comes along because they need
it stays as it is. There are three exceptions: a build argument is for all images that declare it, a
secret or an SSH agent for all that mount it, and a platform also for what is needed and has none of
its own, since an image starts from images of its own platform.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from okplug.errors import UsageError
from okplug.givenarguments import GivenArguments, with_argument
from okplug.givenmounts import give_mounted
from okplug.selection import matching, user_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from okplug.config import Config
    from okplug.graph import ImageGraph
    from okplug.manifest.model import Image

Pairs = tuple[tuple[str, str], ...]

#: what a network is called in an image that others have names for
_NETWORKS = {"default": ""}


class GivenOptions:
    """The options of one run that say something of images.

    :param plain: returns an image with no alias in what names its caches.
    """

    def __init__(
        self, config: Config, plain: Callable[[Image], Image] = lambda image: image
    ) -> None:
        self._config = config
        self._plain = plain
        self._arguments = GivenArguments(config)

    def _values(self, name: str) -> tuple[Any, ...]:
        return tuple(getattr(self._config.options, name, None) or ())

    # ------------------------------------------------------------------------- before the graph is

    def before_linking(self, images: Iterable[Image], selected: Image | None) -> list[Image]:
        """Return images with what Dockerfiles may need to be read at all.

        :param selected: the only one that can be selected, if that is known already.
        """
        return [
            self._arguments.on(self._for_selected(image) if image is selected else image)
            for image in images
        ]

    def _for_selected(self, image: Image) -> Image:
        """Return an image with what is for those that are selected."""
        options = self._config.options
        network = getattr(options, "network", None) or image.network
        fields: dict[str, Any] = {
            "labels": _overlaid(image.labels, dict(self._values("label")).items()),
            "annotations": _overlaid(image.annotations, dict(self._values("annotation")).items()),
            "extra_hosts": _overlaid(image.extra_hosts, self._values("add_host")),
            "network": _NETWORKS.get(network, network),
            "cache_from": _caches(self._values("cache_from")) or image.cache_from,
            "export_cache": _caches(self._values("export_cache")) or image.export_cache,
            "push": image.push or bool(getattr(options, "push", False)),
        }
        for field in ("target", "platforms"):
            for given in self._values(field):
                if not given.where:
                    fields[field] = _field(field, given.value)
        changed = {name: value for name, value in fields.items() if getattr(image, name) != value}
        return self._plain(replace(image, **changed)) if changed else image

    # --------------------------------------------------------------------------- once the graph is

    def apply(self, graph: ImageGraph, asked: frozenset[str]) -> None:
        """Change the images of the graph.

        :param asked: the addresses of the selected images.
        :raises UsageError: if an address is no image's, or what is for one image is for several.
        :raises ManifestError: if an image cannot be linked as it is now.
        """
        self._refuse_several(asked)
        for address in sorted(asked):
            _put(graph, self._for_selected(graph.image(address)))
        self._apply_addressed(graph)
        with_platforms = self._with_platforms(graph, asked)
        if with_platforms:
            graph.order()
            _spread_platforms(graph, asked, with_platforms, self._config.text("platform"))
        self._arguments.warn_of_unused(graph, graph.closure(asked))
        if self._values("secret") or self._values("ssh"):
            needed = graph.closure(asked)
            give_mounted(graph, needed, self._values("secret"), self._values("ssh"), self._config)
        graph.order()

    def _refuse_several(self, asked: frozenset[str]) -> None:
        if len(asked) == 1:
            return
        if any(not given.where for given in self._values("target")):
            raise UsageError(
                f"--target names a stage of one image, and {len(asked)} are selected",
                hint="select one, or say of which: --target ADDRESS=STAGE",
            )
        if any(text != "inline" for text in self._values("export_cache")):
            raise UsageError(
                f"--export-cache is for one image, and {len(asked)} are selected: each would "
                "replace the cache of the one before",
                hint="select one, or write export_cache into the manifests",
            )

    def _apply_addressed(self, graph: ImageGraph) -> None:
        for where, name, value in self._arguments.for_one:
            for address in self._match(graph, where, "--build-arg"):
                _put(graph, with_argument(graph.image(address), name, value))
        for field, option in (("target", "--target"), ("platforms", "--platform")):
            for given in self._values(field):
                for address in self._match(graph, given.where, option):
                    fields: dict[str, Any] = {field: _field(field, given.value)}
                    _put(graph, replace(graph.image(address), **fields))

    def _match(self, graph: ImageGraph, where: str, option: str) -> tuple[str, ...]:
        if not where:
            return ()
        try:
            return matching(graph, where, user_folder(self._config.root, self._config.cwd))
        except UsageError as error:
            raise UsageError(f"{option}: {error.message}", hint=error.hint) from None

    def _with_platforms(self, graph: ImageGraph, asked: frozenset[str]) -> set[str]:
        """Return the addresses of the images whose platforms the command line gives."""
        found: set[str] = set()
        for given in self._values("platforms"):
            found.update(self._match(graph, given.where, "--platform") if given.where else asked)
        return found


def _field(name: str, text: str) -> str | tuple[str, ...]:
    return tuple(text.split(",")) if name == "platforms" else text


def _put(graph: ImageGraph, image: Image) -> None:
    if image != graph.image(image.address):
        graph.replace_image(image)


def _overlaid(pairs: Pairs, given: Iterable[tuple[str, str]]) -> Pairs:
    """Return pairs with the given ones in place of those of their names."""
    new = tuple(given)
    names = {name for name, _ in new}
    return (*(pair for pair in pairs if pair[0] not in names), *dict.fromkeys(new))


def _caches(texts: Iterable[str]) -> tuple[str, ...]:
    """Take lists of references apart; fields such as ``type=registry,ref=...`` are one cache."""
    return tuple(
        part
        for text in texts
        for part in ((text,) if "=" in text else (one.strip() for one in text.split(",")))
    )


def _spread_platforms(
    graph: ImageGraph, asked: frozenset[str], given: set[str], default: str
) -> None:
    """Have what those images need built for their platforms, where nothing else says for which."""
    needed, settled = graph.closure(asked), set(given)
    for address in reversed(graph.order()):
        image = graph.image(address)
        if address not in needed or address in settled or image.platforms:
            continue
        users = [name for name in graph.dependants(address) if name in needed]
        if settled.intersection(users):
            settled.add(address)
            platforms = [one for name in users for one in graph.image(name).platforms or (default,)]
            _put(graph, replace(image, platforms=tuple(dict.fromkeys(platforms))))

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from okplug.errors import Location
from okplug.hookspecs import hookimpl
from okplug.manifest.model import Image, Manifest
from okplug.manifestset import all_images, read_manifests

if TYPE_CHECKING:
    from okplug.testing import Workspace

ROOT = Path("/shop")


def image(address: str, file: str = "compose.yaml") -> Image:
    folder, _, name = address.rpartition(":")
    place = Location(ROOT / file)
    return Image(name, folder, place, ROOT / folder, ROOT / folder / "Dockerfile")


class Reader:
    """Reads what it was given for a path."""

    def __init__(self, *manifests: Manifest) -> None:
        self.manifests = {manifest.path: manifest for manifest in manifests}

    @hookimpl
    def okplug_collect_manifest(self, path: Path) -> Manifest | None:
        """Read it."""
        return self.manifests.get(path)


def test_what_no_plugin_reads_is_left_out(workspace: Workspace) -> None:
    root = workspace.root
    one = Manifest(root / "a.yaml", (image(":a"),), ("be warned",))
    config = workspace.config(plugins=[Reader(one)])
    heard: list[str] = []
    config.on_warning(lambda warned: heard.append(str(warned)))
    assert read_manifests([root / "b.yaml", one.path], config) == [one]
    assert heard == ["be warned"]


def test_what_another_claims_is_left_out_with_its_warnings(workspace: Workspace) -> None:
    root = workspace.root
    claimed = Manifest(root / "dev/compose.yaml", (image("dev:a"),), ("be warned",))
    claiming = Manifest(root / "okteto.yaml", (image(":a"),), claims=(claimed.path,))
    config = workspace.config(plugins=[Reader(claimed, claiming)])
    heard: list[str] = []
    config.on_warning(lambda warned: heard.append(str(warned)))
    assert read_manifests([claimed.path, claiming.path], config) == [claiming]
    assert heard == []


def test_an_included_image_counts_once_and_where_it_is_no_manifests_own() -> None:
    root = ROOT
    own = image("db:db", "db/okteto.yaml")
    cache = image("cache:cache")
    first = Manifest(root / "a.yaml", (image("a:a"),), included=(image("db:db"), cache))
    second = Manifest(root / "b.yaml", (image("b:b"),), included=(cache,))
    third = Manifest(root / "db/okteto.yaml", (own,))
    images = all_images([first, second, third])
    assert [each.address for each in images] == ["a:a", "b:b", "db:db", "cache:cache"]
    assert images[2] is own

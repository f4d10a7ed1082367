"""The example monorepo builds on BuildKit as it stands, and gives the same images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import BuildKit

SOURCE = Path(__file__).parents[2] / "example-monorepo"

#: image -> arguments of its manifest, and the images that it is built from by the name they go by
IMAGES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "base:base": ({}, {}),
    "tools/show:show": ({}, {}),
    "libs:messages": ({}, {}),
    "libs:settings": ({}, {"okteto.dev/base:okteto": "base:base"}),
    "services/api:api": (
        {},
        {
            "OKTETO_BUILD_SETTINGS_IMAGE": "libs:settings",
            "OKTETO_BUILD_SHOW_IMAGE": "tools/show:show",
            "OKTETO_BUILD_MESSAGES_IMAGE": "libs:messages",
        },
    ),
    "services/cart:cart": (
        {"CART_LIMIT": "20"},
        {"OKTETO_BUILD_API_IMAGE": "services/api:api"},
    ),
    "services/mail:mail": (
        {},
        {
            "OKTETO_BUILD_API_IMAGE": "services/api:api",
            "okteto.dev/messages:okteto": "libs:messages",
        },
    ),
    "web:assets": ({}, {"OKTETO_BUILD_SHOW_IMAGE": "tools/show:show"}),
    "web:front": (
        {"TITLE": "The example shop"},
        {"OKTETO_BUILD_SHOW_IMAGE": "tools/show:show"},
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Return a copy of the example, built, with what the build said of each image."""
    folder = tmp_path_factory.mktemp("shop") / "example-monorepo"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(".okplug"))
    environment = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(folder.parent),
        "USER": "cindy",
    }
    command = [sys.executable, "-m", "okplug", "-C", str(folder)]
    built = subprocess.check_output([*command, "build", "--json", "-"], env=environment)
    listed = subprocess.check_output([*command, "list", "--json"], env=environment)
    said = {image["address"]: image for image in json.loads(listed)["images"]}
    for image in json.loads(built)["images"]:
        said[image["address"]].update(image)
    return folder, said


def test_every_image_is_looked_at(shop: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    """A release holds the digests of the other images, which differ, and is left out."""
    assert set(IMAGES) == set(shop[1]) - {"release:release"}


@pytest.mark.parametrize("address", IMAGES)
def test_the_same_files(
    address: str,
    shop: tuple[Path, dict[str, dict[str, Any]]],
    buildkit: BuildKit,
    tmp_path: Path,
    from_archive: Callable[[Path], ImageView],
) -> None:
    folder, said = shop
    registry = folder.parent / ".cache/okplug/registry"
    args, needs = IMAGES[address]
    options = ["--opt=platform=linux/amd64", f"--opt=target={said[address]['target']}"]
    options += [f"--opt=build-arg:{name}={value}" for name, value in args.items()]
    for name, dependency in needs.items():
        image = dependency.partition(":")[2]
        options.append(f"--oci-layout={image}={registry / 'localhost/okteto' / image}")
        known_as = name
        if name.startswith("OKTETO_BUILD_"):
            known_as = f"okplug.example/{image}:x"
            options.append(f"--opt=build-arg:{name}={known_as}")
        digest = said[dependency]["digest"]
        options.append(f"--opt=context:{known_as}=oci-layout://{image}@{digest}")
    archive = tmp_path / "image.tar"
    theirs = buildkit.build(
        folder / said[address]["context"], *options, f"--output=type=oci,dest={archive}"
    )
    assert theirs.returncode == 0, theirs.stderr
    ours = ImageView.read(
        LayoutRegistry(registry), Reference.parse(said[address]["references"]["personal"])
    )
    assert ours.tree() == from_archive(archive).tree()

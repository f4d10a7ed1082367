"""Layouts are read by other tools, and layouts that other tools wrote are read."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from okplug.backends import ROOT_ANNOTATION
from okplug.reference import Reference
from okplug.testing import ImageView, Node, push_image, push_index
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from pathlib import Path

API = Reference("localhost", "okteto/api", "1.0")
FILES: dict[str, str | bytes | Node] = {
    "bin/": "",
    "bin/run": Node(mode=0o755, content=b"#!/bin/sh\n"),
    "etc/name": "api\n",
}


def run(*arguments: str) -> str:
    finished = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture
def registry(tmp_path: Path) -> LayoutRegistry:
    return LayoutRegistry(tmp_path / "images")


@pytest.fixture
def layout(tmp_path: Path) -> str:
    return f"oci:{tmp_path}/images/localhost/okteto/api"


@pytest.fixture
def skopeo() -> str:
    return _tool("skopeo")


@pytest.fixture
def umoci() -> str:
    return _tool("umoci")


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def test_skopeo_reads_an_image(registry: LayoutRegistry, layout: str, skopeo: str) -> None:
    pushed = push_image(registry, API, files=FILES, config={"Cmd": ["/bin/run"]})
    push_image(registry, API.with_tag("2.0"), files=FILES)
    inspected = json.loads(run(skopeo, "inspect", f"{layout}:1.0"))
    assert inspected["Digest"] == pushed.digest
    config = json.loads(run(skopeo, "inspect", "--config", f"{layout}:1.0"))
    assert config["config"] == {"Cmd": ["/bin/run"]}


def test_skopeo_copies_a_tag_of_another_repository(
    registry: LayoutRegistry, layout: str, skopeo: str, tmp_path: Path
) -> None:
    push_image(registry, API.with_tag("other"), files={"x": "y"})
    push_image(registry, Reference("localhost", "a/b", "t"), files=FILES)
    registry.tag(Reference("localhost", "a/b", "t"), API)
    run(skopeo, "copy", f"{layout}:1.0", f"dir:{tmp_path}/copy")
    assert (tmp_path / "copy" / "manifest.json").is_file()


def test_skopeo_copies_every_platform(
    registry: LayoutRegistry, layout: str, skopeo: str, tmp_path: Path
) -> None:
    images = {
        platform: push_image(
            registry, API.with_tag(""), files={"arch": platform}, platform=platform
        )
        for platform in ("linux/amd64", "linux/arm64")
    }
    index = push_index(registry, API, images)
    run(skopeo, "copy", "--all", f"{layout}:1.0", f"oci:{tmp_path}/copy:x")
    entry = json.loads((tmp_path / "copy" / "index.json").read_bytes())["manifests"][0]
    assert entry["digest"] == index.digest


def test_umoci_unpacks_an_image(
    registry: LayoutRegistry, layout: str, umoci: str, tmp_path: Path
) -> None:
    push_image(registry, API, files=[FILES, {"etc/.wh.name": "", "etc/other": "x"}])
    image = f"{layout.removeprefix('oci:')}:1.0"
    assert run(umoci, "list", "--layout", layout.removeprefix("oci:")) == "1.0\n"
    run(umoci, "unpack", "--rootless", "--image", image, str(tmp_path / "bundle"))
    rootfs = tmp_path / "bundle" / "rootfs"
    assert (rootfs / "bin" / "run").read_bytes() == b"#!/bin/sh\n"
    assert sorted(path.name for path in (rootfs / "etc").iterdir()) == ["other"]


def test_what_skopeo_wrote_is_read(
    registry: LayoutRegistry, layout: str, skopeo: str, tmp_path: Path
) -> None:
    root = {ROOT_ANNOTATION: "ab" * 32}
    pushed = push_image(registry, API, files=FILES, annotations=root)
    target = tmp_path / "images" / "localhost" / "cindy" / "api"
    target.mkdir(parents=True)
    run(skopeo, "copy", "--preserve-digests", f"{layout}:1.0", f"oci:{target}:theirs")
    theirs = Reference("localhost", "cindy/api", "theirs")
    found = registry.resolve(theirs)
    assert found is not None
    assert found.digest == pushed.digest
    assert ImageView.read(registry, theirs).tree() == ImageView.read(registry, API).tree()
    registry.tag(theirs, theirs.with_tag("okteto"))
    push_image(registry, theirs.with_tag("ours"), files={"x": "y"})
    assert list(registry.tags(theirs)) == ["okteto", "ours", "theirs"]
    run(skopeo, "inspect", f"oci:{target}:ours")


def test_skopeo_writes_beside_our_tags(registry: LayoutRegistry, layout: str, skopeo: str) -> None:
    push_image(registry, API, files=FILES)
    run(skopeo, "copy", f"{layout}:1.0", f"{layout}:theirs")
    assert list(registry.tags(API)) == ["1.0", "theirs"]
    assert set(ImageView.read(registry, API.with_tag("theirs")).tree()) == set(
        ImageView.read(registry, API).tree()
    )


def test_a_layout_that_umoci_made_is_taken_over(
    registry: LayoutRegistry, umoci: str, tmp_path: Path
) -> None:
    target = tmp_path / "images" / "localhost" / "okteto" / "api"
    target.parent.mkdir(parents=True)
    run(umoci, "init", "--layout", str(target))
    run(umoci, "new", "--image", f"{target}:theirs")
    assert list(registry.tags(API)) == ["theirs"]
    assert ImageView.read(registry, API.with_tag("theirs")).tree() == {}
    push_image(registry, API, files=FILES)
    assert sorted(run(umoci, "list", "--layout", str(target)).split()) == ["1.0", "theirs"]

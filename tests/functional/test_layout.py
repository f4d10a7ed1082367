"""Whole builds into OCI layouts in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from okplug.testing import Outcome, Workspace

FILES = {
    "okplug.toml": 'registry = "layout:images"\n',
    "okteto.yaml": """
        build:
          api:
            context: api
        """,
    "api/Dockerfile": "FROM scratch\nCOPY data /data\n",
    "api/data": "hello\n",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    workspace.write(FILES)
    return workspace


def build(shop: Workspace, user: str = "cindy") -> Outcome:
    return shop.run("build", "--json", "-", environ={"USER": user})


def verdict(outcome: Outcome) -> str:
    (image,) = json.loads(outcome.assert_ok().stdout)["images"]
    return str(image["verdict"])


def tags(layout: Path) -> list[str]:
    document = json.loads((layout / "index.json").read_bytes())
    names = [entry["annotations"] for entry in document["manifests"]]
    return [name["org.opencontainers.image.ref.name"] for name in names]


def state(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        path: (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_ctime_ns)
        for path in folder.rglob("*")
    }


def test_a_relative_folder_is_below_the_root(shop: Workspace) -> None:
    outcome = shop.run("build", "//:api", cwd="api").assert_ok()
    assert f"OCI layouts in {shop.root}/images\n" in outcome.stdout + outcome.stderr
    assert (shop.root / "images/localhost/cindy/api/oci-layout").is_file()


def test_the_second_build_writes_nothing(shop: Workspace) -> None:
    assert verdict(build(shop)) == "build"
    before = state(shop.root / "images")
    assert verdict(build(shop)) == "reuse"
    assert state(shop.root / "images") == before


def test_another_user_of_the_folder_gets_links(shop: Workspace) -> None:
    assert verdict(build(shop)) == "build"
    assert verdict(build(shop, "david")) == "reuse"
    folder = shop.root / "images" / "localhost"
    assert tags(folder / "david/api") == tags(folder / "cindy/api") == ["okteto"]
    for user in ("cindy", "david"):
        blobs = list((folder / user / "api/blobs/sha256").iterdir())
        assert len(blobs) == 3  # without the record of its key
        for blob in blobs:
            assert blob.samefile(folder / "okteto/api/blobs/sha256" / blob.name)


def test_a_key_whose_manifest_somebody_removed_is_built_again(shop: Workspace) -> None:
    build(shop)
    layout = shop.root / "images/localhost/okteto/api"
    entry = json.loads((layout / "index.json").read_bytes())["manifests"][-1]
    (layout / "blobs/sha256" / entry["digest"].removeprefix("sha256:")).unlink()
    assert verdict(build(shop)) == "build"
    assert verdict(build(shop)) == "reuse"


def test_a_foreign_index_is_never_a_hit_and_never_overwritten(shop: Workspace) -> None:
    build(shop)
    index = shop.root / "images/localhost/okteto/api/index.json"
    index.write_text("<html>")
    outcome = shop.run("build").assert_exit(ExitCode.FAILED)
    printed = outcome.stdout + outcome.stderr
    assert (
        "\nimages/localhost/okteto/api/index.json is not the index of an OCI image layout: no JSON"
        in printed
    )
    assert "move images/localhost/okteto/api away and build its images again" in printed
    assert "Traceback" not in printed
    assert index.read_text() == "<html>"


def test_a_folder_that_is_a_file(shop: Workspace) -> None:
    shop.write({"images": "not a folder"})
    outcome = shop.run("build").assert_exit(ExitCode.FAILED)
    printed = " ".join((outcome.stdout + outcome.stderr).split())  # it is printed in short lines
    assert "Not a directory" in printed
    assert "a file is where a folder is needed" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("setting", ["layout:", "layout:~bob/images"])
def test_a_setting_that_names_no_folder(shop: Workspace, setting: str) -> None:
    outcome = shop.run("build", "--registry", setting).assert_exit(ExitCode.USAGE_ERROR)
    assert "write layout:FOLDER, with a FOLDER such as /srv/images, ~/images" in outcome.stderr


def test_hosts_of_manifests_are_folders_too(shop: Workspace) -> None:
    shop.write(
        {
            "okteto.yaml": """
                build:
                  api:
                    context: api
                    image: registry.example.com:5000/team/api:v1
                """
        }
    )
    build(shop).assert_ok()
    assert tags(shop.root / "images/registry.example.com+5000/team/api") == ["v1"]

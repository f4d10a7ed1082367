"""``-f FILE``: the images of one manifest, with what they need from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from okplug.testing import Workspace

SHOP = {
    "base/okteto.yml": "build: {base: .}\n",
    "base/Dockerfile": "FROM scratch\nCOPY data /base\n",
    "base/data": "base\n",
    "api/okteto.yml": "build: {api: {context: ., depends_on: 'base:base'}}\n",
    "api/okteto.prod.yml": """
        build:
          api:
            context: .
            depends_on: base:base
          tool: .
        """,
    "api/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n",
    "ops/okteto-pipeline.yml": "build: {ops: .}\n",
    "ops/Dockerfile": "FROM scratch\nCOPY data /ops\n",
    "ops/data": "ops\n",
    "empty/okteto.yml": "deploy: [make]\n",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Three folders of images, one of them with two manifests."""
    workspace.write(SHOP)
    return workspace


def listed(shop: Workspace, *argv: str, cwd: str = "") -> list[str]:
    return shop.run("list", *argv, cwd=cwd).assert_ok().stdout.split()


def test_a_pipeline_is_a_manifest(shop: Workspace) -> None:
    assert listed(shop) == ["api:api", "base:base", "ops:ops"]


def test_only_the_images_of_the_file(shop: Workspace) -> None:
    assert listed(shop, "-f", "api/okteto.yml") == ["api:api"]
    assert listed(shop, "--file", "okteto.yml", cwd="api") == ["api:api"]
    assert listed(shop, "-f", "../ops/okteto-pipeline.yml", cwd="api") == ["ops:ops"]


def test_a_file_that_is_not_found_by_itself_is_its_folders_manifest(shop: Workspace) -> None:
    assert listed(shop, "-f", "api/okteto.prod.yml") == ["api:api", "api:tool"]
    assert listed(shop, "-f", "api/okteto.prod.yml", "tool") == ["api:tool"]


def test_a_broken_manifest_beside_it_is_not_read(shop: Workspace) -> None:
    shop.write({"api/okteto.yml": "build: ["})
    assert listed(shop, "-f", "api/okteto.prod.yml") == ["api:api", "api:tool"]
    shop.run("list", "-f", "base/okteto.yml").assert_exit(4)


def test_what_the_images_need_is_built_too(shop: Workspace) -> None:
    outcome = shop.run("build", "-f", "api/okteto.yml").assert_ok()
    assert "2 built" in outcome.stderr
    assert "ops" not in outcome.stderr


@pytest.mark.parametrize("command", ["plan", "hash", "graph", "list", "why"])
def test_every_command_that_selects_takes_it(shop: Workspace, command: str) -> None:
    outcome = shop.run(command, "-f", "ops/okteto-pipeline.yml").assert_ok()
    assert "ops:ops" in outcome.stdout
    assert "api:api" not in outcome.stdout


def test_keys_are_the_same_with_it_and_without(shop: Workspace) -> None:
    (line,) = shop.run("hash", "-f", "api/okteto.yml").assert_ok().stdout.splitlines()
    assert line in shop.run("hash").assert_ok().stdout.splitlines()
    same = shop.run("hash", "-f", "api/okteto.prod.yml", "api:api").assert_ok().stdout
    assert same.splitlines() == [line]


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (("-f", "nope.yml"), "-f nope.yml: there is no such file", "give the path from"),
        (("-f", "api"), "-f api: this is a folder", "name a file, such as api/okteto.yml"),
        (("-f", "empty/okteto.yml"), "-f empty/okteto.yml: the file has no image to build", "wri"),
        (("-f", "../home/okteto.yml"), "the file is not in the workspace", "okplug -C "),
        (("-f", "api/okteto.yml", "ops"), "'ops' selects no image", "okplug list shows"),
        (("-f", "hcl/bake.hcl"), "-f hcl/bake.hcl: no plugin reads this", "okplug pl"),
    ],
)
def test_what_cannot_be(shop: Workspace, argv: tuple[str, ...], message: str, hint: str) -> None:
    (shop.home / "okteto.yml").touch()
    shop.write({"hcl/bake.hcl": "services:\n"})
    outcome = shop.run("build", *argv).assert_exit(4)
    assert message in outcome.stderr.replace("\n", " ")
    assert f"hint: {hint}" in outcome.stderr

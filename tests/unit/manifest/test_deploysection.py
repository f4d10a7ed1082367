"""``deploy.compose`` of okteto's manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Workspace

COMPOSE = """\
services:
  web: {build: ., depends_on: [api, db]}
  api: {build: api, image: shop/api}
  My_Job: {build: api}
  db: {image: postgres}
"""
DEV = "services: {api: {build: {args: [DEV=1]}}, tools: {build: api}}\n"


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """The workspace with two compose files."""
    workspace.add("dev/")
    (workspace.root / "compose.yml").write_text(COMPOSE)
    (workspace.root / "dev/compose.yml").write_text(DEV)
    return workspace


def names(shop: Workspace, compose: str, before: str = "") -> list[str]:
    return [image.address for image in shop.read(f"{before}deploy:\n  compose: {compose}\n").images]


@pytest.mark.parametrize(
    ("compose", "addresses"),
    [
        ("compose.yml", [":web", ":api", ":my-job"]),
        ("$FILE", [":web", ":api", ":my-job"]),
        ("[compose.yml]", [":web", ":api", ":my-job"]),
        ("{manifest: compose.yml}", [":web", ":api", ":my-job"]),
        ("{file: compose.yml, endpoints: [{path: /}]}", [":web", ":api", ":my-job"]),
        ("{file: compose.yml, services: [web, db]}", [":web"]),
        ("{file: compose.yml, services: my_job}", [":my-job"]),
        ("[{file: compose.yml, services: [web]}, {file: compose.yml, services: [api]}]", None),
        ("", []),
        ("[]", []),
    ],
)
def test_services_of_the_compose_file_are_images_of_the_manifest(
    shop: Workspace, compose: str, addresses: list[str] | None
) -> None:
    shop.environ["FILE"] = "compose.yml"
    assert names(shop, compose) == ([":web", ":api"] if addresses is None else addresses)


@pytest.mark.parametrize("deploy", ["[helm upgrade]", "{commands: [x]}", "x", "", "{image: x}"])
def test_another_deploy_section_names_no_file(shop: Workspace, deploy: str) -> None:
    assert shop.read(f"deploy: {deploy}\n").images == ()


def test_an_image_of_the_manifest_counts_more_than_a_service(shop: Workspace) -> None:
    manifest = shop.read("build:\n  my_job: .\ndeploy:\n  compose: compose.yml\n")
    contexts = {image.name: image.context for image in manifest.images}
    assert list(contexts) == ["my-job", "web", "api"]
    assert contexts["my-job"] == shop.root
    assert [w.partition(": ")[2] for w in manifest.warnings] == [
        "the image 'my_job' is called 'my-job'"
    ]


def test_warnings_of_both_are_told(shop: Workspace) -> None:
    text = "build: {A: .}\ndeploy: {compose: compose.yml}\n"
    assert shop.warnings(text).splitlines() == [
        "ROOT/okteto.yaml:1:9: the image 'A' is called 'a'",
        "ROOT/compose.yml:4:3: the image 'My_Job' is called 'my-job'",
    ]


def test_services_come_after_images_of_the_manifest(shop: Workspace) -> None:
    manifest = shop.read("build: {api: .}\ndeploy: {compose: compose.yml}\n")
    after = {image.name: [one.value for one in image.after] for image in manifest.images}
    assert after == {"api": [], "web": [":api"], "my-job": []}


def test_later_files_override_earlier_ones(shop: Workspace) -> None:
    manifest = shop.read("deploy: {compose: [compose.yml, dev/compose.yml]}\n")
    images = {image.name: image for image in manifest.images}
    assert list(images) == ["web", "api", "my-job", "tools"]
    assert [arg.name for arg in images["api"].args] == ["DEV"]
    assert manifest.claims == (shop.root / "compose.yml", shop.root / "dev/compose.yml")


def test_the_images_of_a_file_elsewhere_are_the_manifests(shop: Workspace) -> None:
    (shop.root / "dev/compose.yml").write_text("services: {tools: {build: ../api}}\n")
    manifest = shop.read("deploy: {compose: dev/compose.yml}\n")
    (image,) = manifest.images
    assert (image.address, image.context) == (":tools", shop.root / "api")
    assert manifest.claims == (shop.root / "dev/compose.yml",)


@pytest.mark.parametrize(
    ("compose", "message"),
    [
        (
            "nope.yml",
            "2:12: deploy.compose: there is no file nope.yml\n  hint: paths start at ROOT",
        ),
        ("$NOPE", "2:12: the variable NOPE is not set"),
        (
            "{service: x}",
            "2:13: unknown key 'service' in deploy.compose\n  hint: did you mean serv",
        ),
        ("{services: [x]}", "2:12: deploy.compose: a file is missing\n  hint: write the path of a"),
        ("[[x]]", "2:13: deploy.compose: expected a path, a list of paths or a map, found a list"),
        ("[{file: {}}]", "2:20: deploy.compose.file: expected a list or a string, found a map"),
    ],
)
def test_what_is_wrong(shop: Workspace, compose: str, message: str) -> None:
    assert f"okteto.yaml:{message}" in shop.error(f"deploy:\n  compose: {compose}\n")

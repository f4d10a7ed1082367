"""Keys that Okteto does not have, in manifests and in okplug.toml, on the embedded builder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from okplug.reference import Reference
from okplug.testing import ImageView
from okplug_layout.registry import LayoutRegistry

if TYPE_CHECKING:
    from okplug.testing import Workspace

FILES = {
    "base/okteto.yaml": """
        build:
          base:
            context: .
            push: false
            dockerfile_inline: |
              FROM scratch
              COPY data /base
              ENV WHERE=$HOME
        """,
    "base/data": "base",
    "api/okteto.yaml": """
        build:
          api:
            context: .
            tags: [okteto.dev/api:1, "okteto.dev/web:${TAG:-2}"]
            labels: {team: shop}
            annotations: [note=$NOTE]
            contexts:
              parent: base:base
        """,
    "api/Dockerfile": "FROM parent\nCOPY data /api\n",
    "api/data": "api",
}
API = Reference.parse("localhost/cindy/api:okteto")


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """A workspace with an image and the one that a named context of it is."""
    workspace.write(FILES)
    workspace.environ["NOTE"] = "of the shell"
    return workspace


def registry(shop: Workspace) -> LayoutRegistry:
    return LayoutRegistry(shop.home / ".cache/okplug/registry")


def verdicts(shop: Workspace, *argv: str) -> dict[str, str]:
    outcome = shop.run("build", "--json", "-", *argv).assert_ok()
    return {each["address"]: each["verdict"] for each in json.loads(outcome.stdout)["images"]}


def plan(shop: Workspace) -> dict[str, Any]:
    images = json.loads(shop.run("plan", "--json").assert_ok().stdout)["images"]
    return {each["address"]: each for each in images}


def test_an_image_shows_them(shop: Workspace) -> None:
    shop.run().assert_ok()
    view = ImageView.read(registry(shop), API)
    assert sorted(view.tree()) == ["api", "base"]
    assert view.config["config"]["Labels"] == {"team": "shop"}
    assert view.manifest["annotations"]["note"] == "of the shell"
    assert "WHERE=" in view.config["config"]["Env"], "the variable is the Dockerfile's"


def test_every_tag_is_set_and_none_where_none_is_wanted(shop: Workspace) -> None:
    shop.run().assert_ok()
    found = registry(shop)
    for name in ("api:okteto", "api:1", "web:2"):
        assert found.resolve(Reference.parse(f"localhost/cindy/{name}")) is not None
    assert list(found.tags(Reference.parse("localhost/cindy/base"))) == []
    references = plan(shop)["base:base"]["references"]
    assert references["personal"] == ""
    assert references["tags"] == []
    assert found.resolve(Reference.parse(references["global"])) is not None


def test_what_is_not_pushed_is_reused_and_gets_the_tag_that_is_asked_for(shop: Workspace) -> None:
    assert set(verdicts(shop).values()) == {"build"}
    assert set(verdicts(shop).values()) == {"reuse"}
    assert verdicts(shop, "base", "-t", "okteto.dev/base:mine") == {"base:base": "reuse"}
    assert registry(shop).resolve(Reference.parse("localhost/cindy/base:mine")) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tags: [okteto.dev/api:1", "tags: [okteto.dev/api:3"),
        ("labels: {team: shop}", "labels: [team=shop]"),
        ("contexts:", "additional_contexts:"),
        ("parent: base:base", "parent: docker-image://okteto.dev/base:okteto"),
    ],
)
def test_what_does_not_change_the_image(shop: Workspace, old: str, new: str) -> None:
    shop.run().assert_ok()
    shop.write({"api/okteto.yaml": FILES["api/okteto.yaml"].replace(old, new)})
    assert verdicts(shop)["api:api"] == "reuse"


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("api/okteto.yaml", "team: shop", "team: web", "label team changed"),
        ("api/okteto.yaml", "note=$NOTE", "note=x", "annotation note changed"),
        ("api/okteto.yaml", "contexts:", "platforms: linux/arm64\n    contexts:", "platform"),
        ("base/okteto.yaml", "COPY data /base", "COPY data /other", "okteto.yaml:7 changed"),
        ("base/data", "base", "other", "data changed"),
    ],
)
def test_what_does_and_why(shop: Workspace, file: str, old: str, new: str, reason: str) -> None:
    shop.run().assert_ok()
    indented = FILES[file].replace(old, new.replace("\n    ", "\n            "))
    shop.write({file: indented})
    address = "api:api" if file.startswith("api") else "base:base"
    assert reason in "; ".join(plan(shop)[address]["reasons"])


def test_an_edge_by_a_named_context(shop: Workspace) -> None:
    graph = shop.run("graph").assert_ok().stdout
    assert "base:base  (named context, api/okteto.yaml:7)" in graph
    shop.write({"base/data": "other"})
    assert shop.run("build", "api").assert_ok().stderr.count("BUILT") == 2


def test_an_error_of_an_inline_dockerfile_is_in_the_manifest(shop: Workspace) -> None:
    shop.write({"base/okteto.yaml": FILES["base/okteto.yaml"].replace("data", "nope")})
    stderr = shop.run().assert_exit(1).stderr
    assert "base/okteto.yaml:7:1: nope is not in the context" in stderr
    shop.write({"base/okteto.yaml": FILES["base/okteto.yaml"].replace("COPY", "COYP")})
    assert "base/okteto.yaml:7:1: unknown instruction 'COYP'" in shop.run().assert_exit(4).stderr


def test_a_context_that_is_nothing(shop: Workspace) -> None:
    shop.write({"api/okteto.yaml": FILES["api/okteto.yaml"].replace("base:base", "bsae")})
    stderr = shop.run().assert_exit(4).stderr
    assert "api/okteto.yaml:7:5: no image of the workspace is called 'bsae'" in stderr


# ------------------------------------------------------------------------------------- okplug.toml


def test_tables_of_the_settings_file(shop: Workspace) -> None:
    shop.write(
        {
            "okplug.toml": """
                [images."**:*"]
                labels = { team = "all", tier = "1" }

                [images."api"]
                platforms = ["linux/amd64", "linux/arm64"]

                [images."gone"]
                push = false
                """
        }
    )
    stderr = shop.run().assert_ok().stderr
    assert 'okplug.toml:7: images."gone" is for no image of the workspace' in stderr
    for platform in ("linux/amd64", "linux/arm64"):
        view = ImageView.read(registry(shop), API, platform)
        assert view.config["config"]["Labels"] == {"team": "shop", "tier": "1"}
    assert set(verdicts(shop).values()) == {"reuse"}


def test_tables_are_for_compose_files_too(workspace: Workspace) -> None:
    workspace.write(
        {
            "compose.yaml": "services:\n  web: {build: .}\n",
            "Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
            "okplug.toml": '[images.":web"]\nlabels = ["a=b"]\n',
        }
    )
    workspace.run().assert_ok()
    view = ImageView.read(registry(workspace), Reference.parse("localhost/cindy/web:okteto"))
    assert view.config["config"]["Labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[images.api]\nlables = {}\n", "okplug.toml:2: unknown key 'lables' in images.\"api\""),
        ("images = 3\n", "okplug.toml:1: images: expected a table"),
        ('[images.api]\npush = "no"\n', 'okplug.toml:2: images."api".push: expected true or false'),
    ],
)
def test_a_wrong_table_is_an_error(shop: Workspace, text: str, message: str) -> None:
    shop.write({"okplug.toml": text})
    assert message in shop.run("plan").assert_exit(4).stderr


def test_settings_beside_tables_are_settings(shop: Workspace) -> None:
    shop.write({"okplug.toml": "jobs = 3\n[images.api]\npush = false\n"})
    config = shop.run("config").assert_ok().stdout
    assert "okplug.toml:1" in config
    assert "images" not in config.replace("images without", "")

"""``okplug graph``, and graphs that plugins change."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from okplug.testing import Workspace

SHOP = {
    "base/okteto.yaml": """
        build:
          base: .
        """,
    "base/Dockerfile": "FROM scratch\n",
    "tools/okteto.yaml": """
        build:
          tools: .
        """,
    "tools/Dockerfile": "FROM okteto.dev/base:okteto\n",
    "api/okteto.yaml": """
        build:
          api:
            context: .
            depends_on:
              - base:base
            args:
              CHECKS: ${OKTETO_BUILD_CHECKS_TAG}
          checks:
            context: .
            dockerfile: checks.Dockerfile
        """,
    "api/Dockerfile": """
        ARG OKTETO_BUILD_BASE_IMAGE
        FROM ${OKTETO_BUILD_BASE_IMAGE}
        COPY --from=okteto.dev/tools:okteto /bin/tool /bin/
        ARG CHECKS
        """,
    "api/checks.Dockerfile": "FROM busybox\n",
}


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """A workspace of four images with edges of all kinds."""
    workspace.write(SHOP)
    return workspace


def shown(shop: Workspace, *argv: str, cwd: str = "") -> str:
    outcome = shop.run("graph", *argv, cwd=cwd).assert_ok()
    assert outcome.stderr == ""
    return outcome.stdout


def dedent(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


def test_a_tree_with_causes_and_places(shop: Workspace) -> None:
    assert shown(shop) == dedent("""
        api:api
        ├── api:checks  (build argument, api/okteto.yaml:7)
        ├── base:base  (FROM, api/Dockerfile:2; depends_on, api/okteto.yaml:5)
        └── tools:tools  (COPY --from, api/Dockerfile:3)
            └── base:base  (FROM, tools/Dockerfile:1)
        """)


def test_a_selection_is_shown_with_what_it_needs(shop: Workspace) -> None:
    expected = "tools:tools\n└── base:base  (FROM, tools/Dockerfile:1)\n"
    assert shown(shop, "tools") == expected
    assert shown(shop, cwd="tools") == expected


def test_an_image_that_is_left_out_is_still_shown_where_it_is_needed(shop: Workspace) -> None:
    assert (
        shown(shop, "tools", "-base:") == "tools:tools\n└── base:base  (FROM, tools/Dockerfile:1)\n"
    )


def test_dot(shop: Workspace) -> None:
    assert shown(shop, "--format", "dot", "tools") == dedent("""
        digraph okplug {
          rankdir=LR;
          node [shape=box];
          "base:base";
          "tools:tools";
          "base:base" -> "tools:tools" [label="FROM"];
        }
        """)


def test_mermaid(shop: Workspace) -> None:
    assert shown(shop, "--format=mermaid", "tools") == dedent("""
        flowchart LR
          n0["base:base"]
          n1["tools:tools"]
          n0 -->|"FROM"| n1
        """)


def test_json(shop: Workspace) -> None:
    document = json.loads(shown(shop, "--format", "json"))
    assert [image["address"] for image in document["images"]] == [
        "api:checks",
        "base:base",
        "tools:tools",
        "api:api",
    ]
    (first, *_) = document["images"][-1]["dependencies"]
    assert first == {
        "address": "api:checks",
        "causes": [
            {"kind": "build argument", "path": "api/okteto.yaml", "line": 7, "column": 7}
        ],
    }  # fmt: skip


def test_nothing_is_selected(shop: Workspace) -> None:
    outcome = shop.run("graph", "-k", "nothing").assert_exit(ExitCode.NOTHING_SELECTED)
    assert outcome.stdout == ""


def test_an_unknown_format(shop: Workspace) -> None:
    outcome = shop.run("graph", "--format", "svg").assert_exit(ExitCode.USAGE_ERROR)
    assert "svg" in outcome.stderr


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_same_on_every_run_and_plain_where_the_terminal_is(shop: Workspace, seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "okplug", "graph", "tools", "-p", "no:report"],
        cwd=shop.root,
        env={**shop.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"tools:tools\n`-- base:base  (FROM, tools/Dockerfile:1)\n"


def test_a_circle_is_the_same_on_every_run(shop: Workspace) -> None:
    """Its search must not follow the order of a set."""
    names = [f"i{number}" for number in range(12)]
    for number, name in enumerate(names):
        others = [names[(number + step) % 12] for step in (1, 3, 5)]
        manifest = {"build": {name: {"context": ".", "depends_on": others}}}
        shop.write({f"{name}/okteto.yaml": json.dumps(manifest), f"{name}/Dockerfile": "FROM scratch\n"})  # fmt: skip
    printed = set()
    for seed in "0123":
        done = subprocess.run(
            [sys.executable, "-m", "okplug", "graph"],
            cwd=shop.root,
            env={**shop.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == ExitCode.USAGE_ERROR
        printed.add(done.stderr)
    (message,) = printed
    assert message == dedent("""
        error: i11/okteto.yaml:1:51: images are built from each other in a circle:
          i0:i0 -> i11:i11 (depends_on, i11/okteto.yaml:1:51)
          i11:i11 -> i10:i10 (depends_on, i10/okteto.yaml:1:51)
          i10:i10 -> i5:i5 (depends_on, i5/okteto.yaml:1:62)
          i5:i5 -> i0:i0 (depends_on, i0/okteto.yaml:1:62)
          hint: take one of these edges away
        """)


PLUGIN = """
    import dataclasses
    from okplug import Image, hookimpl, Location

    @hookimpl
    def okplug_graph_modify(graph, config):
        {}
    """


def test_a_plugin_adds_an_image(shop: Workspace) -> None:
    shop.write(
        {
            "extra.Dockerfile": "FROM okteto.dev/base:okteto\n",
            "okplugfile.py": PLUGIN.format(
                """here = config.root
        place = Location(here / "okplugfile.py", 6)
        graph.add_image(Image("extra", "", place, here, here / "extra.Dockerfile"))"""
            ),
        }
    )
    assert shown(shop, ":extra") == ":extra\n└── base:base  (FROM, extra.Dockerfile:1)\n"


def test_a_plugin_removes_an_image_that_others_only_name_by_reference(shop: Workspace) -> None:
    shop.write({"okplugfile.py": PLUGIN.format('graph.remove_image("tools:tools")')})
    assert shown(shop, "api:api") == dedent("""
        api:api
        ├── api:checks  (build argument, api/okteto.yaml:7)
        └── base:base  (FROM, api/Dockerfile:2; depends_on, api/okteto.yaml:5)
        """)


def test_a_plugin_removes_an_image_that_others_depend_on(shop: Workspace) -> None:
    shop.write({"okplugfile.py": PLUGIN.format('graph.remove_image("base:base")')})
    outcome = shop.run("graph").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.startswith(
        "error: api/okteto.yaml:5:9: no image of the workspace is called 'base:base'"
    )


def test_what_takes_the_place_of_a_removed_image_is_needed_too(shop: Workspace) -> None:
    shop.write(
        {
            "okplug.toml": 'names = "{folder}/{name}"\n',
            "one/okteto.yaml": "build:\n  lib: .\n",
            "one/Dockerfile": "FROM scratch\n",
            "two/okteto.yaml": "build:\n  lib: .\n  app: {context: ., dockerfile: App}\n",
            "two/Dockerfile": "FROM scratch\n",
            "two/App": "ARG OKTETO_BUILD_LIB_IMAGE\nFROM $OKTETO_BUILD_LIB_IMAGE\n",
        }
    )
    assert shown(shop, "two:app") == "two:app\n└── two:lib  (FROM, two/App:2)\n"
    shop.write({"okplugfile.py": PLUGIN.format('graph.remove_image("two:lib")')})
    assert shown(shop, "two:app") == "two:app\n└── one:lib  (FROM, two/App:2)\n"


def test_a_plugin_closes_a_circle(shop: Workspace) -> None:
    shop.write(
        {
            "okplugfile.py": PLUGIN.format(
                """image = graph.image("base:base")
        (cause,) = graph.causes("base:base", "tools:tools")
        graph.add_edge("api:api", "base:base", dataclasses.replace(cause, kind="smoke test"))"""
            )
        }
    )
    outcome = shop.run("graph").assert_exit(ExitCode.USAGE_ERROR)
    assert "  base:base -> api:api (FROM, api/Dockerfile:2:1)" in outcome.stderr
    assert "  api:api -> base:base (smoke test, tools/Dockerfile:1:1)" in outcome.stderr


def test_two_images_with_one_name_in_the_registry(shop: Workspace) -> None:
    shop.write(
        {
            "old/okteto.yaml": "build:\n  base: .\n",
            "old/Dockerfile": "FROM scratch\n",
        }
    )
    outcome = shop.run("graph").assert_exit(ExitCode.USAGE_ERROR)
    assert (
        "old:base and base:base would both be named localhost/cindy/base:okteto" in outcome.stderr
    )
    assert 'set names = "{folder}/{name}"' in outcome.stderr
    shop.write({"okplug.toml": 'names = "{folder}/{name}"\n'})
    assert shop.run("graph", "old").assert_ok().stdout == "old:base\n"

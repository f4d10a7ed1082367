"""``okplug plan``: verdicts and reasons, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug import hookimpl
from okplug.errors import ExitCode, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.plan import Plan
    from tests.functional.conftest import Shop


def test_all_is_new(shop: Shop) -> None:
    outcome = shop.run("plan").assert_ok()
    assert (
        outcome.stdout
        == """\
build  base:base  new
build  lib:lib    new
build  api:api    new
build  web:web    new
"""
    )
    assert outcome.stderr == "4 to build, 0 to reuse\n"


def test_all_is_reused(shop: Shop) -> None:
    shop.run("build").assert_ok()
    outcome = shop.run("plan").assert_ok()
    assert (
        outcome.stdout
        == """\
reuse  base:base
reuse  lib:lib
reuse  api:api
reuse  web:web
"""
    )
    assert outcome.stderr == "0 to build, 4 to reuse\n"


def test_a_plan_builds_and_tags_nothing(shop: Shop) -> None:
    shop.run("plan").assert_ok()
    assert shop.registry.writes == 0
    assert shop.built() == []


def test_one_image_that_is_reused_stands_alone(shop: Shop) -> None:
    shop.run("build").assert_ok()
    assert shop.run("plan", "api").assert_ok().stdout == "reuse  api:api\n"


def test_what_changed_is_told_the_most_telling_first(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.edit("lib/data", "changed\n")
    shop.edit("web/Dockerfile", "FROM scratch\nARG NAME\nCOPY data /w\n")
    (shop.workspace.root / "web/data").chmod(0o755)
    outcome = shop.run("plan", "api", "web", "--build-arg", "NAME=x").assert_ok()
    assert outcome.stdout == (
        "reuse  base:base\n"
        "build  lib:lib    data changed\n"
        "build  api:api    depends on the result of lib:lib\n"
        "build  web:web    data changed: now executable; "
        "build argument NAME added; "
        "build argument OKTETO_BUILD_BASE_IMAGE removed; "
        "instruction Dockerfile:1 changed: FROM ${OKTETO_BUILD_BASE_IMAGE} -> FROM scratch; "
        "instruction Dockerfile:2 added: ARG NAME; "
        "instruction Dockerfile:3 changed: COPY data /web -> COPY data /w\n"
    )


def test_a_dependency_of_an_image_that_is_built_is_listed(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    assert shop.run("plan", "lib").assert_ok().stdout == "reuse  base:base\nbuild  lib:lib    new\n"


def test_a_dependency_of_an_image_that_is_reused_is_not(shop: Shop) -> None:
    shop.run("build").assert_ok()
    shop.registry.repository(shop.requests[0].repository).tags.clear()
    assert shop.run("plan", "web").assert_ok().stdout == "reuse  web:web\n"


def test_a_key_that_left_the_registry(shop: Shop) -> None:
    shop.run("build", "base").assert_ok()
    shop.registry.repository(shop.requests[0].repository).tags.clear()
    assert shop.run("plan", "base").assert_ok().stdout == (
        "build  base:base  its key is not in the registry\n"
    )


@pytest.mark.parametrize(
    ("argument", "reason"),
    [("--no-cache", "--no-cache"), ("-osmart_builds=false", "Smart Builds are off")],
)
def test_the_registry_is_not_asked(shop: Shop, argument: str, reason: str) -> None:
    shop.run("build", "base").assert_ok()
    shop.registry.calls.clear()
    option = (
        ("-o", argument.removeprefix("--set=")) if argument.startswith("--set") else (argument,)
    )
    outcome = shop.run("plan", "base", *option).assert_ok()
    assert outcome.stdout == f"build  base:base  {reason}\n"
    assert shop.registry.calls["resolve"] == 0


def test_a_registry_that_cannot_be_asked(shop: Shop) -> None:
    shop.registry.failures["resolve"] = RegistryError("connection refused", hint="start it")
    outcome = shop.run("plan", "base", "--detailed-exitcode").assert_exit(2)
    assert outcome.stdout == (
        "build  base:base  the registry cannot be asked: connection refused\n"
    )


def test_detailed_exit_codes(shop: Shop) -> None:
    shop.run("plan", "--detailed-exitcode").assert_exit(2)
    shop.run("build").assert_ok()
    shop.run("plan", "--detailed-exitcode").assert_exit(0)
    shop.edit("api/okteto.yaml", "build: [\n")
    shop.run("plan", "--detailed-exitcode").assert_exit(ExitCode.USAGE_ERROR)


@pytest.mark.parametrize("option", [(), ("--json",), ("--detailed-exitcode",)])
def test_nothing_selected(shop: Shop, option: tuple[str, ...]) -> None:
    outcome = shop.run("plan", "-k", "nobody", *option).assert_exit(ExitCode.NOTHING_SELECTED)
    if option == ("--json",):
        assert json.loads(outcome.stdout) == {"images": []}
    else:
        assert (outcome.stdout, outcome.stderr) == ("", "nothing selected\n")


def test_a_plugin_s_changes_show(shop: Shop) -> None:
    class Without:
        """Deselects an image."""

        @hookimpl
        def okplug_plan_modify(self, plan: Plan) -> None:
            """Drop web."""
            plan.deselect("web:web", "not today")

    outcome = shop.run("plan", plugins=(Without(),)).assert_ok()
    assert "web" not in outcome.stdout
    assert outcome.stderr == "3 to build, 0 to reuse\n"


def test_json(shop: Shop, masked: Callable[[str], str]) -> None:
    shop.run("build", "base").assert_ok()
    outcome = shop.run("plan", "lib", "--json", "--detailed-exitcode").assert_exit(2)
    assert outcome.stderr == ""
    assert (
        masked(outcome.stdout)
        == """\
{
  "images": [
    {
      "address": "base:base",
      "key": "KEY",
      "verdict": "reuse",
      "reasons": [],
      "awaits": [],
      "references": {
        "personal": "registry.test/cindy/base:okteto",
        "global": "registry.test/okteto/base:KEY",
        "tags": [
          "registry.test/cindy/base:okteto"
        ]
      }
    },
    {
      "address": "lib:lib",
      "key": "KEY",
      "verdict": "build",
      "reasons": [
        "new"
      ],
      "awaits": [],
      "references": {
        "personal": "registry.test/cindy/lib:okteto",
        "global": "registry.test/okteto/lib:KEY",
        "tags": [
          "registry.test/cindy/lib:okteto"
        ]
      }
    }
  ]
}
"""
    )


def test_the_keys_of_a_plan_are_those_of_hash(shop: Shop) -> None:
    images = json.loads(shop.run("plan", "--json").assert_ok().stdout)["images"]
    keys = [f"{image['key']}  {image['address']}\n" for image in images]
    assert shop.run("hash").assert_ok().stdout == "".join(keys)

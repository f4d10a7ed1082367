"""``okplug why``: what changed, chained to its root cause; whole screens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Shop


@pytest.fixture
def built(shop: Shop) -> Shop:
    """All images have been built once."""
    shop.run("build").assert_ok()
    return shop


def why(shop: Shop, *argv: str) -> str:
    return shop.run("why", *argv).assert_ok().stdout


def test_new(shop: Shop) -> None:
    assert (
        why(shop, "api")
        == """\
api:api: never built or reused in this checkout
  to build: new
"""
    )


def test_new_here_but_known_to_the_registry(built: Shop, masked: Callable[[str], str]) -> None:
    for path in (built.workspace.root / ".okplug").iterdir():
        path.unlink()
    assert (
        masked(why(built, "base"))
        == """\
base:base: never built or reused in this checkout
  the registry has its key KEY
"""
    )


def test_nothing_changed(built: Shop, masked: Callable[[str], str]) -> None:
    assert (
        masked(why(built, "base", "web"))
        == """\
base:base: nothing changed since it was last built or reused
  the registry has its key KEY
web:web: nothing changed since it was last built or reused
  the registry has its key KEY
"""
    )


def test_nothing_changed_but_the_registry(built: Shop) -> None:
    built.registry.repository(built.requests[0].repository).tags.clear()
    assert (
        why(built, "base")
        == """\
base:base: nothing changed since it was last built or reused
  to build: its key is not in the registry
"""
    )


def test_a_file_changed(built: Shop) -> None:
    built.edit("base/data", "changed\n")
    assert (
        why(built, "base")
        == """\
base:base: changed since it was last built or reused
  data changed
"""
    )


def test_files_came_and_went(built: Shop) -> None:
    built.edit("base/Dockerfile", "FROM scratch\nCOPY . /base\n")
    built.run("build", "base").assert_ok()
    root = built.workspace.root / "base"
    (root / "data").unlink()
    (root / "more").write_text("more")
    (root / "okteto.yaml").chmod(0o755)
    assert (
        why(built, "base")
        == """\
base:base: changed since it was last built or reused
  data removed
  more added
  okteto.yaml changed: now executable
"""
    )


def test_an_argument_changed(built: Shop) -> None:
    built.edit("base/Dockerfile", "FROM scratch\nARG VERSION=1\nCOPY data /base\n")
    built.run("build", "base").assert_ok()
    assert (
        why(built, "base", "--build-arg", "VERSION=2")
        == """\
base:base: changed since it was last built or reused
  build argument VERSION changed: 1 -> 2
"""
    )


def test_an_instruction_changed(built: Shop) -> None:
    built.edit("base/Dockerfile", "FROM scratch\nCOPY data /other\nLABEL a=b\n")
    assert (
        why(built, "base")
        == """\
base:base: changed since it was last built or reused
  instruction Dockerfile:2 changed: COPY data /base -> COPY data /other
  instruction Dockerfile:3 added: LABEL a=b
"""
    )


def test_a_platform_changed(built: Shop) -> None:
    assert (
        why(built, "base", "--platform", "linux/arm64")
        == """\
base:base: changed since it was last built or reused
  platform changed: linux/amd64 -> linux/arm64
"""
    )


def test_a_dependency_changed_down_to_the_root_cause(built: Shop) -> None:
    built.edit("base/data", "changed\n")
    built.edit("api/data", "changed\n")
    assert (
        why(built, "api")
        == """\
api:api: changed since it was last built or reused
  data changed
  dependency lib:lib changed
    dependency base:base changed
      data changed
"""
    )


def test_what_two_dependencies_have_in_common_is_told_once(built: Shop) -> None:
    built.edit(
        "api/okteto.yaml", "build: {api: {context: ., depends_on: ['lib:lib', 'web:web']}}\n"
    )
    built.run("build", "api").assert_ok()
    built.edit("base/data", "changed\n")
    assert (
        why(built, "api")
        == """\
api:api: changed since it was last built or reused
  dependency lib:lib changed
    dependency base:base changed
      data changed
  dependency web:web changed
    dependency base:base changed
  to build: depends on the result of lib:lib, web:web
"""
    )


def test_a_dependency_came_and_another_went(built: Shop) -> None:
    built.edit("web/Dockerfile", "FROM scratch\nCOPY data /web\n")
    built.edit("web/okteto.yaml", "build: {web: {context: ., depends_on: 'lib:lib'}}\n")
    assert (
        why(built, "web")
        == """\
web:web: changed since it was last built or reused
  build argument OKTETO_BUILD_BASE_IMAGE removed
  dependency base:base removed
  dependency lib:lib added
  instruction Dockerfile:1 changed: FROM ${OKTETO_BUILD_BASE_IMAGE} -> FROM scratch
"""
    )


def test_a_change_that_was_undone(built: Shop, masked: Callable[[str], str]) -> None:
    built.edit("base/data", "changed\n")
    built.run("build", "base").assert_ok()
    built.edit("base/data", "base\n")
    assert (
        masked(why(built, "base"))
        == """\
base:base: changed since it was last built or reused
  data changed
  the registry has its key KEY
"""
    )


def test_a_build_that_failed_is_no_state_to_compare_with(built: Shop) -> None:
    built.edit("base/data", "changed\n")
    built.break_down("base:base")
    built.run("build", "base").assert_exit(ExitCode.FAILED)
    assert (
        why(built, "base")
        == """\
base:base: changed since it was last built or reused
  data changed
"""
    )


def test_an_image_that_failed_and_was_never_built(shop: Shop) -> None:
    shop.break_down("base:base")
    shop.run("build", "base").assert_exit(ExitCode.FAILED)
    assert (
        why(shop, "base")
        == """\
base:base: never built or reused in this checkout
  to build: new
"""
    )


def test_json(built: Shop, masked: Callable[[str], str]) -> None:
    built.edit("base/data", "changed\n")
    assert (
        masked(why(built, "web", "--json"))
        == """\
{
  "images": [
    {
      "address": "web:web",
      "key": "KEY",
      "verdict": "build",
      "reasons": [
        "depends on the result of base:base"
      ],
      "awaits": [
        "base:base"
      ],
      "against": {
        "origin": "here",
        "key": "KEY"
      },
      "changes": [
        {
          "kind": "dependency",
          "how": "changed",
          "subject": "base:base",
          "detail": "",
          "text": "dependency base:base changed",
          "changes": [
            {
              "kind": "file",
              "how": "changed",
              "subject": "data",
              "detail": "",
              "text": "data changed"
            }
          ]
        }
      ]
    }
  ]
}
"""
    )


def test_json_of_a_new_image_has_null_for_its_changes(shop: Shop) -> None:
    (image,) = json.loads(why(shop, "base", "--json"))["images"]
    assert (image["changes"], image["against"], image["reasons"]) == (None, None, ["new"])


def test_nothing_selected(built: Shop) -> None:
    built.run("why", "-k", "nobody").assert_exit(ExitCode.NOTHING_SELECTED)


def test_nothing_is_written(built: Shop) -> None:
    built.edit("base/data", "changed\n")
    before = why(built, "api")
    writes = built.registry.writes
    assert why(built, "api") == before
    assert built.registry.writes == writes

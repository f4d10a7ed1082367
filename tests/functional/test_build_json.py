"""``okplug build --json``, whole documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Shop


@pytest.fixture
def broken(shop: Shop) -> Shop:
    """Base was built before, lib breaks."""
    shop.run("build", "base").assert_ok()
    shop.break_down("lib:lib")
    return shop


def test_the_result_document(broken: Shop, masked: Callable[[str], str]) -> None:
    outcome = broken.run("build", "api", "base", "--json", "-").assert_exit(ExitCode.FAILED)
    assert (
        masked(outcome.stdout)
        == """\
{
  "exit_code": 1,
  "duration": 0.0,
  "images": [
    {
      "address": "api:api",
      "key": "KEY",
      "verdict": "blocked",
      "reasons": [
        "new"
      ],
      "awaits": [],
      "references": {
        "personal": "registry.test/cindy/api:okteto",
        "global": "registry.test/okteto/api:KEY",
        "tags": [
          "registry.test/cindy/api:okteto"
        ]
      },
      "digest": "",
      "duration": 0.0,
      "builder": "",
      "message": "",
      "blocked_by": "lib:lib"
    },
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
      },
      "digest": "sha256:DIGEST",
      "duration": 0.0,
      "builder": "",
      "message": "",
      "blocked_by": ""
    },
    {
      "address": "lib:lib",
      "key": "KEY",
      "verdict": "failed",
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
      },
      "digest": "",
      "duration": 0.0,
      "builder": "",
      "message": "it is broken",
      "blocked_by": ""
    }
  ],
  "withheld": []
}
"""
    )


def test_the_result_document_in_a_file(shop: Shop) -> None:
    shop.workspace.run("build", "base", "--json", "out.json", plugins=[shop], cwd="lib").assert_ok()
    document = json.loads((shop.workspace.root / "lib/out.json").read_text())
    (image,) = document["images"]
    assert (document["exit_code"], image["verdict"], image["builder"]) == (0, "build", "memory")


def test_a_result_document_after_a_wrong_manifest(shop: Shop) -> None:
    shop.edit("api/okteto.yaml", "build: [\n")
    shop.run("build", "--json", "out.json").assert_exit(ExitCode.USAGE_ERROR)
    document = json.loads((shop.workspace.root / "out.json").read_text())
    assert (document["exit_code"], document["images"]) == (4, [])


def test_a_result_document_that_cannot_be_written(shop: Shop) -> None:
    outcome = shop.run("build", "base", "--json", "nowhere/x").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.endswith(
        "error: cannot write nowhere/x: No such file or directory\n"
        "  hint: the images are what they are\n"
    )
    assert list(shop.personal("base")) == ["okteto"]

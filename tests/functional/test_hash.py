"""``okplug hash``: keys, and with ``--record`` what they are made of."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from okplug.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Shop


def test_the_keys_of_what_is_asked_for_in_graph_order(
    shop: Shop, masked: Callable[[str], str]
) -> None:
    outcome = shop.run("hash").assert_ok()
    assert (
        masked(outcome.stdout)
        == """\
KEY  base:base
KEY  lib:lib
KEY  api:api
KEY  web:web
"""
    )
    assert len(set(re.findall("[0-9a-f]{32}", outcome.stdout))) == 4
    assert masked(shop.run("hash", "api").assert_ok().stdout) == "KEY  api:api\n"


def test_nobody_is_asked(shop: Shop) -> None:
    shop.run("hash").assert_ok()
    assert shop.registry.calls == {"read_manifest": 1}, "for administrator's variables"


def test_a_record(shop: Shop, masked: Callable[[str], str]) -> None:
    shop.workspace.write({"web/bin/run": "#!/bin/sh\n"}, mode=0o755)
    (shop.workspace.root / "web/bin/link").symlink_to("run")
    shop.edit(
        "web/Dockerfile",
        "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\nCOPY data \\\n  bin /web/\n",
    )
    outcome = shop.run("hash", "--record", "web").assert_ok()
    assert (
        masked(outcome.stdout)
        == """\
KEY  web:web
  arg  OKTETO_BUILD_BASE_IMAGE  image:KEY#IMAGE
  dependency  base:base  KEY
  files  KEY
  instruction  Dockerfile:2  FROM ${OKTETO_BUILD_BASE_IMAGE}
  instruction  Dockerfile:3  COPY data bin /web/
  platform  linux/amd64
  file  bin  directory
  file  bin/link  link run
  file  bin/run  file executable KEY
  file  data  file KEY
"""
    )


def test_json(shop: Shop) -> None:
    (line,) = shop.run("hash", "base").assert_ok().stdout.splitlines()
    (image,) = json.loads(shop.run("hash", "base", "--json").assert_ok().stdout)["images"]
    assert set(image) == {"address", "key", "root"}
    assert f"{image['key']}  {image['address']}" == line
    assert re.fullmatch("[0-9a-f]{64}", image["root"])


def test_a_record_as_json(shop: Shop, masked: Callable[[str], str]) -> None:
    outcome = shop.run("hash", "base", "--json", "--record").assert_ok()
    text = re.sub(r"\b[0-9a-f]{64}\b", "ROOT", masked(outcome.stdout))
    assert (
        text
        == """\
{
  "images": [
    {
      "address": "base:base",
      "key": "KEY",
      "root": "ROOT",
      "items": [
        {
          "kind": "files",
          "name": "",
          "value": "KEY",
          "subject": ""
        },
        {
          "kind": "instruction",
          "name": "0000/000000",
          "value": "FROM scratch",
          "subject": "Dockerfile:1"
        },
        {
          "kind": "instruction",
          "name": "0000/000001",
          "value": "COPY data /base",
          "subject": "Dockerfile:2"
        },
        {
          "kind": "platform",
          "name": "",
          "value": "linux/amd64",
          "subject": ""
        },
        {
          "kind": "file",
          "name": "data",
          "value": "file KEY",
          "subject": ""
        }
      ]
    }
  ]
}
"""
    )


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_nothing_selected(shop: Shop, option: tuple[str, ...]) -> None:
    outcome = shop.run("hash", "-k", "nobody", *option).assert_exit(ExitCode.NOTHING_SELECTED)
    assert outcome.stdout == ('{\n  "images": []\n}\n' if option else "")


def test_a_build_argument_without_a_name(shop: Shop) -> None:
    outcome = shop.run("hash", "--build-arg", "=x").assert_exit(ExitCode.USAGE_ERROR)
    assert "expected NAME=VALUE, not '=x'" in outcome.stderr


def test_the_last_build_argument_of_a_name_counts(shop: Shop) -> None:
    shop.edit("base/Dockerfile", "FROM scratch\nARG A\n")
    keys = [
        shop.run("hash", "base", *(f"--build-arg=A={value}" for value in values)).stdout
        for values in (("1",), ("2",), ("2", "1"), ("1", "2"), ("a=b",), ("",), ())
    ]
    one, two, two_one, one_two, equals, empty, none = keys
    assert (two_one, one_two) == (one, two)
    assert len({one, two, equals, empty, none}) == 5


@pytest.mark.parametrize("epoch", ["yesterday", "-1", "1.5", "²"])
def test_a_wrong_source_date_epoch(shop: Shop, epoch: str) -> None:
    shop.workspace.environ["SOURCE_DATE_EPOCH"] = epoch
    outcome = shop.run("hash").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr == (
        f"error: SOURCE_DATE_EPOCH is {epoch!r}\n"
        "  hint: it is a whole number of seconds since 1970-01-01, such as 1700000000\n"
    )


def test_an_empty_source_date_epoch_is_none(shop: Shop) -> None:
    without = shop.run("hash").assert_ok().stdout
    shop.workspace.environ["SOURCE_DATE_EPOCH"] = ""
    assert shop.run("hash").assert_ok().stdout == without
    shop.workspace.environ["SOURCE_DATE_EPOCH"] = "0"
    assert shop.run("hash").assert_ok().stdout != without

"""Reads of base images that nobody here knows are refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.dockerfile import refuse_unknown_reads, unknown_bases
from okplug.errors import BuildError
from okplug.standins import stand_in

if TYPE_CHECKING:
    from tests.unit.dockerfile.conftest import Resolve

FILE = Path("/shop/Dockerfile")


def refusal(resolve: Resolve, text: str, *sources: str) -> str:
    """Return the error, ``""`` if the sources are read."""
    resolution = resolve(text)
    try:
        refuse_unknown_reads(resolution, unknown_bases(resolution, ()), sources, FILE)
    except BuildError as error:
        return str(error)
    return ""


def test_the_error_has_the_base_with_its_place_and_the_remedy(resolved: Resolve) -> None:
    text = "FROM scratch AS one\nCOPY a /\nFROM node:onbuild\nCOPY --from=one /a /\n"
    assert refusal(resolved, text, "a", "package.json") == (
        "/shop/Dockerfile:3:1: the base image node:onbuild has an ONBUILD instruction that reads "
        "package.json, which is no part of the key\n"
        "  hint: copy package.json in this Dockerfile as well, which makes it part of the key, "
        "or make the base an image of the workspace"
    )


@pytest.mark.parametrize(
    "instruction",
    [
        "COPY src /x",
        "COPY . /x",
        "ADD a src b /x/",
        "COPY ./src/../src/ /x",
        "COPY --parents src /x",
        "RUN --mount=source=src,target=/m true",
        "ARG S=src\nCOPY $S /x",
        "COPY $UNKNOWN /x",
    ],
)
def test_what_the_stages_read_is_no_secret(resolved: Resolve, instruction: str) -> None:
    """With a variable that only the base knows, all of the context counts."""
    assert refusal(resolved, f"FROM node\n{instruction}\n", "src", "src/main.js") == ""


@pytest.mark.parametrize(
    ("instruction", "source"),
    [
        ("COPY src /x", "."),
        ("COPY src /x", "src2"),
        ("COPY src/a /x", "src"),
        ("COPY src/* /x", "src/a"),
        ("COPY --from=node src /x", "src"),
        ("ADD https://example.com/src /x", "src"),
        ("ONBUILD COPY src /x", "src"),
        ("LABEL a=b", "."),
    ],
)
def test_what_no_stage_reads_is_refused(resolved: Resolve, instruction: str, source: str) -> None:
    assert f"that reads {source}, which" in refusal(resolved, f"FROM node\n{instruction}\n", source)


def test_pivots_of_parents_are_no_part_of_a_path(resolved: Resolve) -> None:
    assert refusal(resolved, "FROM node\nCOPY --parents a/./b /x\n", "a/b", "a/b/c") == ""


@pytest.mark.parametrize(
    "base", ["scratch", "okteto.dev/base", stand_in("base:base", "IMAGE"), "one"]
)
def test_a_base_that_is_known_has_nothing_unknown(resolved: Resolve, base: str) -> None:
    """It is scratch, an image of the workspace, what stands for one, or a stage."""
    resolution = resolved(f"FROM scratch AS one\nFROM {base}\nCOPY --from=node /a /\n")
    bases = unknown_bases(resolution, {"okteto.dev/base"})
    assert bases == []
    refuse_unknown_reads(resolution, bases, ["anything"], FILE)

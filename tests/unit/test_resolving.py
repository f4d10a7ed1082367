"""Dockerfiles that are built for several platforms at once."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.dockerfile import parse, resolve
from okplug.dockerfile.model import Inherited
from okplug.errors import ManifestError
from okplug.resolving import resolve_on_all

if TYPE_CHECKING:
    from okplug.dockerfile.model import Dockerfile, Resolution

BOTH = ("linux/amd64", "linux/arm64")


def dockerfile(text: str) -> Dockerfile:
    data = textwrap.dedent(text).removeprefix("\n").encode()
    return parse(data, Path("/shop/Dockerfile"))


def union(text: str, *, target: str = "", platforms: tuple[str, ...] = BOTH) -> Resolution:
    return resolve_on_all(
        dockerfile(text),
        target=target,
        args={"A": "1"},
        platforms=platforms,
        inherited=lambda _: Inherited(env=(("FROM", "base"),)),
    )


def test_one_platform_is_resolved_as_ever() -> None:
    text = "FROM base\nARG TARGETARCH\nCOPY bin/$TARGETARCH /\n"
    once = resolve(
        dockerfile(text),
        target="",
        args={"A": "1"},
        platform="linux/arm64",
        inherited=lambda _: Inherited(env=(("FROM", "base"),)),
    )
    assert union(text, platforms=("linux/arm64",)) == once


def test_what_does_not_depend_on_the_platform_is_there_once() -> None:
    text = "FROM base\nARG A\nCOPY a b /\nENV X=$A\n"
    assert union(text) == union(text, platforms=BOTH[:1])


def test_the_sources_of_each_platform_are_read() -> None:
    found = union("FROM base\nARG TARGETARCH\nCOPY bin/$TARGETARCH /\nCOPY etc /\n")
    assert [read.patterns for read in found.reads] == [("bin/amd64",), ("etc",), ("bin/arm64",)]
    assert found.whole_context == ""


def test_the_images_of_each_platform_are_used_in_the_order_of_lines() -> None:
    found = union("FROM one-$TARGETARCH AS x\nFROM $TARGETARCH/two\nCOPY --from=x / /\n")
    assert [(use.reference, use.line) for use in found.images] == [
        ("one-amd64", 1),
        ("one-arm64", 1),
        ("amd64/two", 2),
        ("arm64/two", 2),
    ]


def test_the_stages_of_each_platform_are_reached_and_the_target_is_last() -> None:
    found = union(
        """
        FROM scratch AS tools-arm64
        FROM scratch AS tools-amd64
        FROM scratch AS never
        FROM tools-$TARGETARCH AS final
        FROM scratch AS after
        """,
        target="final",
    )
    assert [stage.name for stage in found.stages] == ["tools-arm64", "tools-amd64", "final"]


def test_arguments_have_the_values_of_each_platform() -> None:
    found = union("FROM base\nARG TARGETARCH\nARG A\nARG DIR=/opt/$TARGETARCH\n")
    assert found.args == (("A", "1"), ("DIR", "/opt/amd64"), ("DIR", "/opt/arm64"))


def test_only_what_is_alike_is_passed_on() -> None:
    found = union("FROM base\nARG TARGETARCH\nENV SAME=1 ARCH=$TARGETARCH\nONBUILD COPY a /\n")
    env = dict(found.passes_on.env)
    assert (env["FROM"], env["SAME"]) == ("base", "1")
    assert "ARCH" not in env
    assert not found.passes_on.is_complete
    assert len(found.passes_on.triggers) == 1


def test_a_platform_that_needs_the_whole_context_has_all_need_it() -> None:
    text = "FROM base-$TARGETARCH\nCOPY $WHERE /\n"
    known = {"base-amd64": Inherited(env=(("WHERE", "src"),))}
    found = resolve_on_all(
        dockerfile(text),
        target="",
        args={},
        platforms=BOTH,
        inherited=lambda name: known.get(name, Inherited(is_complete=False)),
    )
    assert "WHERE" in found.whole_context


def test_a_dockerfile_must_do_for_every_platform() -> None:
    text = "FROM ${TARGETVARIANT:+base}\n"
    assert union(text, platforms=("linux/arm/v7",)).images[0].reference == "base"
    with pytest.raises(ManifestError, match="the image of FROM is empty"):
        union(text, platforms=("linux/arm/v7", "linux/amd64"))

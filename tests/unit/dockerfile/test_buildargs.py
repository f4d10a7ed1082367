"""Build arguments and the values that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.dockerfile.conftest import Resolve


@pytest.mark.parametrize(
    ("text", "args", "values"),
    [
        ("FROM a\nARG A=1\n", {}, {"A": "1"}),
        ("FROM a\nARG A=1\n", {"A": "2"}, {"A": "2"}),
        ("FROM a\nARG A=1\n", {"A": ""}, {"A": ""}),
        ("FROM a\nARG A\n", {}, {}),
        ("FROM a\nARG A\n", {"A": "2"}, {"A": "2"}),
        ("FROM a\nARG A\n", {"A": "2", "B": "3"}, {"A": "2"}),
        ("FROM a\n", {"A": "2"}, {}),
        ("ARG A=1\nFROM a\n", {}, {}),
        ("ARG A=1\nFROM a\n", {"A": "2"}, {}),
        ("ARG A=1\nFROM a\nARG A\n", {}, {"A": "1"}),
        ("ARG A=1\nFROM a\nARG A\n", {"A": "2"}, {"A": "2"}),
        ("ARG A=1\nFROM a\nARG A=3\n", {}, {"A": "3"}),
        ("ARG A=1\nFROM a\nARG A=3\n", {"A": "2"}, {"A": "2"}),
        ("ARG A=1\nFROM b:$A\n", {}, {"A": "1"}),
        ("ARG A=1\nFROM b:$A\n", {"A": "2"}, {"A": "2"}),
        ("ARG A\nFROM b${A:+:$A}\n", {}, {}),
        ("ARG A\nFROM b${A:+:$A}\n", {"A": ""}, {"A": ""}),
        ("ARG P=linux/arm64\nFROM --platform=$P b\n", {}, {"P": "linux/arm64"}),
        ("ARG A=1 B=$A\nFROM b:$B\n", {}, {"B": "1"}),
        ("ARG A=1 B=$A\nFROM b:$B\n", {"A": "2"}, {"B": "2"}),
        ("FROM a\nARG A=1 B=${A}2\nARG C='$B'\n", {}, {"A": "1", "B": "12", "C": "$B"}),
        ("FROM a\nENV E=e\nARG A=$E\n", {}, {"A": "e"}),
        ("FROM a\nARG B\nARG A\n", {"A": "1", "B": "2"}, {"A": "1", "B": "2"}),
    ],
)
def test_values(
    resolved: Resolve, text: str, args: Mapping[str, str], values: Mapping[str, str]
) -> None:
    """A value that is given beats a default; what no reached stage declares does not count."""
    found = resolved(text, args=args).args
    assert dict(found) == values
    assert found == tuple(sorted(found))


def test_only_reached_stages_count(resolved: Resolve) -> None:
    """An argument of a stage that is not built makes no difference."""
    text = (
        "ARG G=1\nFROM a:$G AS x\nARG X=1\nFROM b AS y\nARG Y=1\nFROM c AS z\nCOPY --from=y / /\n"
    )
    assert dict(resolved(text).args) == {"Y": "1"}
    assert dict(resolved(text, target="x").args) == {"G": "1", "X": "1"}
    assert dict(resolved(text, target="y", args={"X": "2", "Y": "2"}).args) == {"Y": "2"}


@pytest.mark.parametrize(
    ("text", "args", "values"),
    [
        (
            "FROM a AS x\nARG A=1\nFROM x\nARG A=2\n",
            {},
            {"A@0": "1", "A@1": "2"},
        ),
        ("FROM a AS x\nARG A=1\nFROM x\nARG A=2\n", {"A": "3"}, {"A": "3"}),
        ("FROM a AS x\nARG A\nFROM x\nARG A=2\n", {}, {"A@1": "2"}),
        ("FROM a AS x\nARG A\nFROM x\nARG A=2\n", {"A": "2"}, {"A": "2"}),
        ("ARG A=1\nFROM b:$A\nARG A=2\n", {}, {"A@from": "1", "A@0": "2"}),
        ("ARG A=1\nFROM b\nARG A\nARG A=2\n", {}, {"A@0.1": "1", "A@0.2": "2"}),
        ("FROM b\nARG A\nARG A=2\n", {}, {"A@0.2": "2"}),
        ("FROM b\nARG A=1\nARG A=1\n", {}, {"A": "1"}),
        (
            "FROM u\nFROM a AS x\nARG A=1\nFROM x\nARG A=2\n",
            {},
            {"A@0": "1", "A@1": "2"},
        ),
    ],
)
def test_different_values_stay_apart(
    resolved: Resolve, text: str, args: Mapping[str, str], values: Mapping[str, str]
) -> None:
    """Each place has its own; stages that are not reached do not shift the numbers."""
    assert dict(resolved(text, args=args).args) == values


@pytest.mark.parametrize(
    ("platform", "values"),
    [
        ("linux/amd64", "linux/amd64 linux amd64 "),
        ("linux/arm/v7", "linux/arm/v7 linux arm v7"),
        ("linux/arm64/v8", "linux/arm64/v8 linux arm64 v8"),
    ],
)
def test_platforms_are_there(resolved: Resolve, platform: str, values: str) -> None:
    """In FROM lines undeclared, in stages once they are declared; they do not count themselves."""
    names = ("PLATFORM", "OS", "ARCH", "VARIANT")
    for side in ("TARGET", "BUILD"):
        declared = " ".join(f"{side}{name}" for name in names)
        used = " ".join(f"${side}{name}" for name in names)
        resolution = resolved(
            f"FROM a:${side}OS\nARG {declared}\nENV ALL '{used}' \nENV ALL=\"{used}\"\n",
            platform=platform,
        )
        assert resolution.images[0].reference == "a:linux"
        assert dict(resolution.passes_on.env)["ALL"] == values
        assert resolution.args == ()


def test_a_platform_in_a_stage_must_be_declared(resolved: Resolve) -> None:
    """As any other argument of the whole file."""
    resolution = resolved("FROM scratch\nENV ARCH=x$TARGETARCH\n")
    assert ("ARCH", "x") in resolution.passes_on.env


def test_a_platform_that_is_given_counts(resolved: Resolve) -> None:
    """It is no longer what the platform says."""
    text = "FROM scratch\nARG TARGETARCH\nENV ARCH=$TARGETARCH\n"
    resolution = resolved(text, args={"TARGETARCH": "riscv64"})
    assert resolution.args == (("TARGETARCH", "riscv64"),)
    assert ("ARCH", "riscv64") in resolution.passes_on.env


@pytest.mark.parametrize(("target", "stage"), [("", "last"), ("first", "first"), ("LAST", "LAST")])
def test_the_target_is_an_argument(resolved: Resolve, target: str, stage: str) -> None:
    """TARGETSTAGE is the target as it is written, else the name of the last stage."""
    text = "FROM scratch AS first\nARG TARGETSTAGE\nENV S=$TARGETSTAGE\nFROM first AS last\n"
    assert dict(resolved(text, target=target).passes_on.env)["S"] == stage


def test_a_last_stage_without_name_is_the_default(resolved: Resolve) -> None:
    """TARGETSTAGE says so."""
    text = "FROM scratch\nARG TARGETSTAGE\nENV S=$TARGETSTAGE\n"
    assert dict(resolved(text).passes_on.env)["S"] == "default"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "No_Proxy", "ALL_PROXY"])
def test_a_proxy_counts_where_it_is_declared(resolved: Resolve, name: str) -> None:
    """The history of the image tells it; undeclared, it only says how to reach a network."""
    args = {name: "http://proxy"}
    resolution = resolved(f"FROM scratch\nARG {name}\nENV P=${name}\n", args=args)
    assert resolution.args == ((name, "http://proxy"),)
    assert ("P", "http://proxy") in resolution.passes_on.env
    assert resolved("FROM scratch\nENV A=1\n", args=args).args == ()


def test_to_a_foreign_frontend_all_arguments_may_mean_something(resolved: Resolve) -> None:
    args = {"A": "1", "B": "2", "HTTP_PROXY": "http://proxy"}
    text = "FROM scratch\nARG A\n"
    assert resolved(text, args=args).args == (("A", "1"),)
    assert resolved(f"# syntax=docker/dockerfile:1\n{text}", args=args).args == (("A", "1"),)
    foreign = resolved(f"# syntax=example.com/front\n{text}", args=args)
    assert foreign.args == (("A", "1"), ("B", "2"))
    assert resolved(text, args={**args, "BUILDKIT_SYNTAX": "example.com/front"}).args == (
        ("A", "1"),
        ("B", "2"),
        ("BUILDKIT_SYNTAX", "example.com/front"),
    )


def test_the_arguments_of_the_frontend_count_undeclared(resolved: Resolve) -> None:
    """They change the image without an ARG."""
    args = {"SOURCE_DATE_EPOCH": "0", "BUILDKIT_INLINE_CACHE": "1", "OTHER": "x"}
    assert resolved("FROM a\n", args=args).args == (
        ("BUILDKIT_INLINE_CACHE", "1"),
        ("SOURCE_DATE_EPOCH", "0"),
    )
    text = "ARG SOURCE_DATE_EPOCH=5\nFROM a\n"
    assert resolved(text).args == (("SOURCE_DATE_EPOCH", "5"),)
    assert resolved(text, args=args).args == (
        ("BUILDKIT_INLINE_CACHE", "1"),
        ("SOURCE_DATE_EPOCH", "0"),
    )


def test_arguments_are_handed_on_between_stages(resolved: Resolve) -> None:
    """A stage FROM another of the same file has its arguments."""
    text = "FROM scratch AS x\nARG A=1\nFROM x\nENV E=$A\n"
    assert ("E", "1") in resolved(text).passes_on.env
    text = "FROM scratch AS x\nARG A=1\nFROM scratch\nENV E=$A\n"
    assert ("E", "") in resolved(text).passes_on.env

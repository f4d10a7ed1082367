"""What building a target comes to; checked on BuildKit where it can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile import ContextRead, ImageUse, Inherited, resolve
from okplug.dockerfile.environment import DEFAULT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Dockerfile, Instruction, Resolution
    from tests.unit.dockerfile.conftest import Resolve


PATH = ("PATH", DEFAULT_PATH)


def test_an_example(resolved: Resolve) -> None:
    """All that a build with two stages and an unused one comes to."""
    resolution = resolved(
        """\
        ARG VERSION=3.13
        FROM python:${VERSION} AS build
        ARG MODE=release
        WORKDIR /src
        COPY pyproject.toml uv.lock ./
        RUN --mount=type=cache,target=/root/.cache --mount=source=tools,target=/tools make $MODE
        COPY --exclude=*.md src/ src/

        FROM node:22 AS unused
        ARG UNUSED=1
        COPY web web

        FROM gcr.io/distroless/base
        ENV MODE=x
        COPY --from=build /src/dist /dist
        COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/
        ONBUILD COPY config /config
        """
    )
    assert [stage.index for stage in resolution.stages] == [0, 2]
    assert resolution.args == (("MODE", "release"), ("VERSION", "3.13"))
    assert resolution.reads == (
        ContextRead(("pyproject.toml", "uv.lock"), 5),
        ContextRead(("tools",), 6, is_mount=True),
        ContextRead(("src",), 7, ("*.md",)),
    )
    assert resolution.whole_context == ""
    assert resolution.images == (
        ImageUse("FROM", "python:3.13", 2),
        ImageUse("FROM", "gcr.io/distroless/base", 13),
        ImageUse("COPY --from", "ghcr.io/astral-sh/uv:0.9", 16),
    )
    assert resolution.passes_on.env == (("MODE", "x"),)
    assert not resolution.passes_on.is_complete
    assert [each.text for each in resolution.passes_on.triggers] == ["COPY config /config"]


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM scratch\n", []),
        ("FROM a\n", [("FROM", "a", 1)]),
        ("FROM a AS x\nFROM x\n", [("FROM", "a", 1)]),
        ("FROM a AS a\nFROM a\n", [("FROM", "a", 1)]),
        ("FROM a\nFROM a\nCOPY --from=0 / /\n", [("FROM", "a", 1), ("FROM", "a", 2)]),
        ("FROM scratch\nCOPY --from=scratch / /\n", []),
        ("FROM scratch\nCOPY --from=a:1 / /\n", [("COPY --from", "a:1", 2)]),
        ('FROM scratch\nCOPY --from="" a /\n', []),
        (
            "FROM scratch\nRUN --mount=from=a --mount=type=cache,from=b x\n",
            [("RUN --mount", "a", 2), ("RUN --mount", "b", 2)],
        ),
        (
            "FROM scratch\nRUN --mount=from=a,source=/b --mount=from=a,source=/c x\n",
            [("RUN --mount", "a", 2)],
        ),
        ("FROM a AS x\nFROM b\n", [("FROM", "b", 2)]),
        ("ARG R=r.io A\nFROM ${R}/a${A:+:$A}\n", [("FROM", "r.io/a", 2)]),
        ("FROM --platform=$BUILDPLATFORM a\n", [("FROM", "a", 1)]),
        ("FROM scratch\nONBUILD COPY --from=a / /\n", []),
        (
            "FROM scratch AS x\nONBUILD COPY --from=a / /\nFROM x\n",
            [("COPY --from", "a", 2)],
        ),
    ],
)
def test_images(resolved: Resolve, text: str, images: list[tuple[str, str, int]]) -> None:
    """Every image from outside, with cause and line, once each."""
    assert resolved(text).images == tuple(ImageUse(*image) for image in images)


def test_from_of_copy_takes_the_arguments_above_the_first_from(resolved: Resolve) -> None:
    """BuildKit has no variables there; an image of the workspace is named so."""
    resolution = resolved(
        "ARG A=x\nARG OTHER\nFROM scratch\nCOPY --from=${A}:1 / /\nCOPY --from=$OTHER / /o\n",
        args={"OTHER": "y:2", "UNUSED": "z"},
    )
    assert resolution.images == (
        ImageUse("COPY --from", "x:1", 4),
        ImageUse("COPY --from", "y:2", 5),
    )
    assert resolution.args == (("A", "x"), ("OTHER", "y:2"))


def test_variables_see_what_was_set_above(resolved: Resolve) -> None:
    """Sources are expanded where they stand."""
    resolution = resolved(
        """\
        FROM scratch AS base
        ENV DIR=a
        ARG SUB=b
        COPY $DIR/$SUB /x
        ENV DIR=$DIR/c
        FROM base
        COPY $DIR $SUB /x/
        ARG SUB=d
        COPY $SUB /x
        """
    )
    assert [read.patterns for read in resolution.reads] == [("a/b",), ("a/c", "b"), ("d",)]


def test_another_escape_character(resolved: Resolve) -> None:
    """It counts in sources and in FROM lines."""
    resolution = resolved("# escape=`\nARG A=1\nFROM a`$A\nENV A=1\nCOPY x`$A /y\n")
    assert resolution.reads == (ContextRead(("x$A",), 5),)
    assert resolution.images == (ImageUse("FROM", "a$A", 3),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FROM a\nCOPY $DIR /x\n", "line 2: $DIR may come from the base image"),
        ("FROM a\nADD ${DIR:-x} /x\n", "line 2: $DIR may come from the base image"),
        ("FROM a\nCOPY ${DIR:?} /x\n", "line 2: $DIR may come from the base image"),
        ("FROM a\nARG DIR\nCOPY $DIR /x\n", "line 3: $DIR may come from the base image"),
        ("FROM a\nENV D=$DIR/x\nCOPY $D /x\n", "line 3: $D may come from the base image"),
        ("FROM a\nARG D=$DIR\nCOPY $D /x\n", "line 3: $D may come from the base image"),
        ("FROM a AS x\nFROM x\nCOPY a$B /x\n", "line 3: $B may come from the base image"),
        ("FROM a\nRUN --mount=source=$S x\n", "line 2: $S may come from the base image"),
        ("FROM a\nCOPY $B /x\nCOPY $C /x\n", "line 2: $B may come from the base image"),
        ("FROM a\nARG DIR=x\nCOPY $DIR /x\n", ""),
        ("FROM a\nENV DIR=x\nCOPY $DIR /x\n", ""),
        ("FROM a\nCOPY x $DIR\n", ""),
        ("FROM a\nCOPY --from=b $DIR /x\n", ""),
        ("FROM a\nRUN --mount=type=cache,source=$S x\n", ""),
        ("FROM scratch\nCOPY $DIR /x\n", ""),
        ("FROM known\nCOPY $KNOWN $OTHER /x\n", ""),
    ],
)
def test_sources_that_are_unknown(resolved: Resolve, text: str, reason: str) -> None:
    """Where the base image may set a variable of a source, the whole context counts."""
    images = {"known": Inherited(env=(("KNOWN", "x"),))}
    assert resolved(text, images=images).whole_context == reason


def test_what_is_known_is_read_all_the_same(resolved: Resolve) -> None:
    """One source that is unknown does not hide the others."""
    resolution = resolved("FROM a\nCOPY b /x\nCOPY $C /x\nCOPY d /x\n")
    assert resolution.whole_context
    assert resolution.reads == (ContextRead(("b",), 2), ContextRead(("d",), 4))


@pytest.mark.parametrize(
    "syntax",
    [
        "docker/dockerfile",
        "docker/dockerfile:1",
        "docker/dockerfile:1.7-labs",
        "docker.io/docker/dockerfile:1",
        "docker/dockerfile-upstream:master",
        "docker/dockerfile:1@sha256:" + "0" * 64,
        "docker/dockerfile:1 with words",
    ],
)
def test_the_frontends_of_docker(resolved: Resolve, syntax: str) -> None:
    """All of them read the same language."""
    assert resolved(f"# syntax={syntax}\nFROM a\n").whole_context == ""
    assert resolved("FROM a\n", args={"BUILDKIT_SYNTAX": syntax}).whole_context == ""


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("docker/dockerfiles", "docker/dockerfiles"),
        ("example.org/docker/dockerfile:1 x", "example.org/docker/dockerfile:1"),
    ],
)
def test_other_frontends(resolved: Resolve, syntax: str, name: str) -> None:
    """Nobody knows what they read."""
    text = f"# check=skip=all\n# syntax={syntax}\nFROM a\nCOPY b /x\n"
    resolution = resolved(text)
    assert resolution.whole_context == f"line 2: the frontend {name} may read any file"
    assert resolution.reads == (ContextRead(("b",), 4),)
    assert resolved("FROM a\n", args={"BUILDKIT_SYNTAX": syntax}).whole_context == (
        f"build argument BUILDKIT_SYNTAX: the frontend {name} may read any file"
    )


def test_triggers_of_a_stage(resolved: Resolve) -> None:
    """They run first in the stages FROM it, with the lines of the file, and not in others."""
    text = """\
        FROM scratch AS base
        ONBUILD ARG NAME=default
        ONBUILD ENV DIR=$NAME
        ONBUILD COPY $NAME /x
        COPY base /b
        FROM base AS child
        COPY $DIR/child /c
        FROM child
        COPY grandchild $DIR /g/
        """
    resolution = resolved(text, args={"NAME": "given"})
    assert resolution.reads == (
        ContextRead(("base",), 5),
        ContextRead(("given",), 4),
        ContextRead(("given/child",), 7),
        ContextRead(("grandchild", "given"), 9),
    )
    assert resolution.args == (("NAME", "given"),)
    assert resolution.passes_on.triggers == ()
    assert [each.line for each in resolved(text, target="base").passes_on.triggers] == [2, 3, 4]
    assert resolved(text, target="base").args == ()


def test_triggers_of_an_image(resolved: Resolve, parsed: Callable[[str], Dockerfile]) -> None:
    """They count in the child, at its FROM line, and are consumed."""
    base = resolved(
        "FROM scratch\nENV A=a\nONBUILD COPY $A requirements.txt /x/\n"
        "ONBUILD COPY --from=tools /t /t\nONBUILD COPY --from=build /b /b\nONBUILD ENV B=$A\n"
    ).passes_on
    resolution = resolved(
        "FROM other AS build\nCOPY b /b\n\nFROM base\nCOPY $B /y\nONBUILD RUN own\n",
        images={"base": base},
    )
    assert [stage.index for stage in resolution.stages] == [0, 1]
    assert resolution.reads == (
        ContextRead(("b",), 2),
        ContextRead(("a", "requirements.txt"), 4),
        ContextRead(("a",), 5),
    )
    assert resolution.images == (
        ImageUse("FROM", "other", 1),
        ImageUse("FROM", "base", 4),
        ImageUse("COPY --from", "tools", 4),
    )
    assert resolution.passes_on == Inherited(
        env=(PATH, ("A", "a"), ("B", "a")),
        triggers=parsed("FROM x\n\n\n\n\nONBUILD RUN own\n").stages[0].instructions,
    )


def test_triggers_may_be_given_bare(
    resolved: Resolve, instruction: Callable[[str], Instruction]
) -> None:
    """An instruction that is no ONBUILD is a trigger itself."""
    images = {"a": Inherited(triggers=(instruction("COPY x /x"),))}
    assert resolved("FROM a\n", images=images).reads == (ContextRead(("x",), 1),)


@pytest.mark.parametrize(
    ("text", "env", "is_complete"),
    [
        ("FROM scratch\n", (PATH,), True),
        ("FROM scratch\nENV A=1 PATH=/x\nENV A=2\n", (("PATH", "/x"), ("A", "2")), True),
        ("FROM scratch\nARG A=1\nENV B=$A\n", (PATH, ("B", "1")), True),
        ("FROM known\nENV B=$A\n", (("A", "a"), PATH, ("B", "a")), True),
        ("FROM unknown\nENV B=1\n", (("B", "1"),), False),
        ("FROM unknown\nENV PATH=/x:$PATH\n", (), False),
        ("FROM scratch AS x\nENV A=1\nFROM x\nENV B=$A\n", (PATH, ("A", "1"), ("B", "1")), True),
        ("FROM scratch AS x\nENV A=1\nFROM scratch\n", (PATH,), True),
    ],
)
def test_what_is_passed_on(
    resolved: Resolve, text: str, env: tuple[tuple[str, str], ...], *, is_complete: bool
) -> None:
    """What ENV set and the base had, as far as it is known; arguments stay behind."""
    images = {"known": Inherited(env=(("A", "a"),))}
    assert resolved(text, images=images).passes_on == Inherited(env, is_complete=is_complete)


def test_the_target_passes_on(resolved: Resolve) -> None:
    """Not the last stage, and not what comes after the target."""
    text = "FROM scratch AS x\nENV A=1\nONBUILD RUN x\nFROM x AS y\nENV A=2\n"
    resolution = resolved(text, target="x")
    assert resolution.passes_on.env == (PATH, ("A", "1"))
    assert len(resolution.passes_on.triggers) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "FROM a\nCOPY https://e.org/x /x\n",
            "Dockerfile:2:6: COPY cannot fetch 'https://e.org/x'\n  hint: ADD fetches URLs",
        ),
        (
            "FROM a\nRUN true \\\n && true\nRUN --network=none --mount=type=bnd x\n",
            (
                "Dockerfile:4:20: no kind of mount 'bnd', did you mean 'bind'?\n"
                "  hint: the kinds are bind, cache, secret, ssh, tmpfs"
            ),
        ),
        (
            "FROM a\nENV A=${B\n",
            (
                "Dockerfile:2:7: '}' is missing in '${B'\n"
                "  hint: write ${NAME} or ${NAME:-default}; within single quotes '$' is plain"
            ),
        ),
        (
            "FROM a\nCOPY ${B:1} /x\n",
            (
                "Dockerfile:2:6: ':1' is no operator of ${...}, in '${B:1}'\n"
                "  hint: write ${NAME} or ${NAME:-default}; within single quotes '$' is plain"
            ),
        ),
        (
            "FROM scratch\nARG A=${B:?}\n",
            (
                "Dockerfile:2:7: B: is not allowed to be unset\n"
                "  hint: give B a value with ARG or ENV, or as a build argument"
            ),
        ),
        (
            "FROM a\n",
            "Dockerfile: no stage 'x' in the Dockerfile\n  hint: name one: FROM ... AS NAME",
        ),
    ],
)
def test_what_is_refused(unresolved: Callable[..., str], text: str, message: str) -> None:
    """The place is that of the word or of the instruction."""
    target = "x" if "no stage" in message else ""
    assert unresolved(text, target=target) == message


def test_images_are_asked_for_once(parsed: Callable[[str], Dockerfile]) -> None:
    """Each base of a reached stage, and nothing that is not reached or no base."""
    asked: list[str] = []

    def inherited(reference: str) -> Inherited:
        asked.append(reference)
        return Inherited()

    resolve(
        parsed("FROM a AS x\nFROM b\nFROM a\nCOPY --from=x / /\nCOPY --from=c / /\n"),
        target="",
        args={},
        platform="linux/amd64",
        inherited=inherited,
    )
    assert asked == ["a"]


_LINES = st.lists(
    st.sampled_from(
        [
            "ARG A",
            "ARG A=1 B=$A",
            "ENV E=$A/$B F=x",
            "COPY $E a b /x/",
            "COPY ${F:-y} ../z /x/",
            "ADD https://e.org/x $A /x/",
            "COPY --from=first /a /b",
            "COPY --from=image:$ /a /b",
            "RUN --mount=source=$F --mount=from=other x",
            "ONBUILD COPY $A /x",
            "WORKDIR /a",
        ]
    ),
    max_size=8,
)


def outcome(resolution: Resolution) -> tuple[object, ...]:
    """Return what a resolution says, lines aside."""
    return (
        resolution.args,
        [(read.patterns, read.excludes, read.parents) for read in resolution.reads],
        bool(resolution.whole_context),
        [(use.cause, use.reference) for use in resolution.images],
        resolution.passes_on.env,
    )


@given(lines=_LINES, args=st.dictionaries(st.sampled_from("ABZ"), st.sampled_from(["", "v"])))
def test_what_does_not_count(resolved: Resolve, lines: list[str], args: dict[str, str]) -> None:
    """Comments, stages that are not reached and arguments that nobody declares."""
    plain = "\n".join(["FROM u AS first", "FROM scratch AS s", *lines])
    more = "\n# comment\n".join(
        ["ARG UNUSED=1", "FROM u AS first", "FROM v AS w", "ARG W", "FROM scratch AS s", *lines]
    )
    expected = outcome(resolved(plain, args=args))
    assert outcome(resolved(more, args={**args, "W": "1", "UNUSED": "2"}, target="s")) == expected
    assert outcome(resolved(f"{more}\nFROM s\nCOPY q /q\n", args=args, target="S")) == expected


@given(lines=_LINES, args=st.dictionaries(st.sampled_from("AB"), st.sampled_from(["", "v"])))
def test_paths_are_below_the_context(
    resolved: Resolve, lines: list[str], args: dict[str, str]
) -> None:
    """Whatever is read, nothing of it lies outside; lines are those of the file."""
    text = "\n".join(["FROM u AS first", "FROM u", *lines])
    for read in resolved(text, args=args).reads:
        assert all(pattern and not pattern.startswith(("/", "..")) for pattern in read.patterns)
        assert text.split("\n")[read.line - 1].startswith(("COPY", "ADD", "RUN"))


@given(lines=_LINES, value=st.sampled_from(["", "v", "w"]))
def test_an_argument_that_counts_is_told(resolved: Resolve, lines: list[str], value: str) -> None:
    """What is read changes with a build argument only where the argument is among those told."""
    text = "\n".join(["FROM u AS first", "FROM scratch", *lines])
    without, given_it = resolved(text), resolved(text, args={"A": value})
    if without.args == given_it.args:
        assert outcome(without) == outcome(given_it)

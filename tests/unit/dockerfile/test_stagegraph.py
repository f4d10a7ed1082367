"""Stages: by name and number, what they start from, which they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug.dockerfile import Inherited
from okplug.dockerfile.stagegraph import find_target, stage_names, triggers
from okplug.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug.dockerfile import Dockerfile, Resolution
    from tests.unit.dockerfile.conftest import Resolve


STAGES = """\
FROM a AS one
FROM b
FROM one AS Three
COPY --from=1 /x /x
FROM c AS four
RUN --mount=from=three,target=/x y
FROM d AS five
COPY --from=FOUR /x /x
COPY --from=one /x /x
"""


def reached(resolution: Resolution) -> list[int]:
    """Return the numbers of the reached stages."""
    return [stage.index for stage in resolution.stages]


@pytest.mark.parametrize(
    ("target", "index"),
    [("", 4), ("one", 0), ("ONE", 0), ("three", 2), ("1", None), ("0", None), ("5ive", None)],
)
def test_find_target(parsed: Callable[[str], Dockerfile], target: str, index: int | None) -> None:
    """By name in any case, else the last; BuildKit takes no number."""
    if index is None:
        with pytest.raises(ManifestError):
            find_target(parsed(STAGES), target)
    else:
        assert find_target(parsed(STAGES), target) == index


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("fuor", "no stage 'fuor' in the Dockerfile, did you mean 'four'?"),
        ("Thre", "no stage 'Thre' in the Dockerfile, did you mean 'three'?"),
        ("5", "no stage '5' in the Dockerfile"),
        ("0", "no stage '0' in the Dockerfile"),
        ("-1", "no stage '-1' in the Dockerfile"),
        ("9" * 5_000, f"no stage '{'9' * 5_000}' in the Dockerfile"),
    ],
)
def test_a_target_that_is_not_there(
    parsed: Callable[[str], Dockerfile], target: str, message: str
) -> None:
    """All stages are listed."""
    with pytest.raises(ManifestError) as caught:
        find_target(parsed(STAGES), target)
    assert str(caught.value) == (
        f"Dockerfile: {message}\n  hint: the stages are one, three, four, five"
    )


def test_a_target_where_no_stage_has_a_name(parsed: Callable[[str], Dockerfile]) -> None:
    """The remedy is to give one a name."""
    with pytest.raises(ManifestError) as caught:
        find_target(parsed("FROM a\nFROM b\n"), "0")
    assert caught.value.hint == "name one: FROM ... AS NAME"


@pytest.mark.parametrize(
    ("target", "stages"),
    [
        ("one", [0]),
        ("three", [0, 1, 2]),
        ("four", [0, 1, 2, 3]),
        ("five", [0, 1, 2, 3, 4]),
        ("", [0, 1, 2, 3, 4]),
    ],
)
def test_reached(resolved: Resolve, target: str, stages: list[int]) -> None:
    """Through FROM, COPY --from and mounts, and nothing more."""
    resolution = resolved(STAGES, target=target)
    assert reached(resolution) == stages
    assert resolution.stages[-1].index == stages[-1]


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("FROM a AS x\nFROM b AS y\nFROM x\n", [0, 2]),
        ("FROM a AS x\nFROM X\n", [1]),
        ("FROM x AS x\nFROM x AS x\nFROM x\n", [0, 1, 2]),
        ("ARG B=x\nFROM a AS x\nFROM ${B}\n", [0, 1]),
        ("FROM a AS x\nFROM b\nRUN --mount=type=cache,from=x,target=/c y\n", [0, 1]),
        ("FROM a AS x\nFROM b\nRUN --mount=type=tmpfs,from=0,target=/c y\n", [0, 1]),
        ("FROM a AS x\nFROM b\nONBUILD COPY --from=x / /\n", [1]),
        ("FROM a AS x\nFROM b AS y\nONBUILD COPY --from=x / /\nFROM y\n", [0, 1, 2]),
        ("FROM a AS x\nFROM scratch\nCOPY --from=+0 / /\n", [0, 1]),
    ],
)
def test_what_is_a_stage(resolved: Resolve, text: str, stages: list[int]) -> None:
    """FROM takes names above it in lower case, COPY and mounts names in any case and numbers."""
    assert reached(resolved(text)) == stages


def test_a_name_that_is_there_twice(resolved: Resolve) -> None:
    """FROM means the nearest above, COPY --from the last."""
    text = "FROM a AS x\nFROM x AS y\nFROM b AS x\nFROM y\nCOPY --from=x / /\n"
    assert reached(resolved(text)) == [0, 1, 2, 3]
    assert reached(resolved(text, target="x")) == [2]
    assert reached(resolved(text, target="y")) == [0, 1]


def test_a_long_chain(resolved: Resolve) -> None:
    """Thousands of stages are no problem."""
    text = "FROM a AS s0\n" + "".join(
        f"FROM s{number} AS s{number + 1}\n" for number in range(3_000)
    )
    assert len(resolved(text).stages) == 3_001


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "FROM a AS x\nCOPY --from=x / /\n",
            "Dockerfile:2:8: 'from=x' names no stage above this one",
            "there is none above",
        ),
        (
            "FROM a AS x\nFROM b\nCOPY \\\n  --from=y / /\nFROM c AS y\nCOPY --from=1 / /\n",
            "Dockerfile:4:5: 'from=y' names no stage above this one",
            "the stages above are x",
        ),
        (
            "FROM a AS x\nFROM b\nFROM c\nCOPY --from=7 / /\n",
            "Dockerfile:4:8: 'from=7' names no stage above this one",
            "the stages above are x, 1",
        ),
        (
            "FROM a\nCOPY --from=-1 / /\n",
            "Dockerfile:2:8: 'from=-1' names no stage above this one",
            "there is none above",
        ),
        (
            "FROM a\nRUN --mount=target=/x,from=0 y\n",
            "Dockerfile:2:23: 'from=0' names no stage above this one",
            "there is none above",
        ),
        (
            "ARG S\nFROM a\nCOPY --from=$S / /\n",
            "Dockerfile:3:8: 'from=$S' is empty: $S has no value",
            "declare it with ARG before the first FROM, and give it a value",
        ),
        (
            "FROM a\nCOPY --from=${S / /\n",
            "Dockerfile:2:13: '}' is missing in '${S'",
            "write ${NAME} or ${NAME:-default}; within single quotes '$' is plain",
        ),
        (
            "ARG B\nFROM ${B}\n",
            "Dockerfile:2:6: the image of FROM is empty: $B has no value",
            "give the build argument B, or a default with ARG B=VALUE",
        ),
        (
            "FROM a\nARG B=b\nFROM $B AS x\n",
            "Dockerfile:3:6: the image of FROM is empty: $B has no value",
            "write ARG B=VALUE before the first FROM",
        ),
        ("FROM ''\n", "Dockerfile:1:1: the image of FROM is empty", "name the image"),
        (
            "FROM --platform=$P a\n",
            "Dockerfile:1:17: the platform of FROM is empty: $P has no value",
            "write ARG P=VALUE before the first FROM",
        ),
        (
            "FROM ${B\n",
            "Dockerfile:1:6: '}' is missing in '${B'",
            "write ${NAME} or ${NAME:-default}; within single quotes '$' is plain",
        ),
        (
            "ARG A='x\nFROM a\n",
            "Dockerfile:1:7: the quote ' is not closed in \"'x\"",
            "write ${NAME} or ${NAME:-default}; within single quotes '$' is plain",
        ),
        (
            "ARG A\nFROM a:${A:?needed}\n",
            "Dockerfile:2:6: A: needed",
            "give A a value with ARG or ENV, or as a build argument",
        ),
    ],
)
def test_what_is_refused(
    unresolved: Callable[[str], str], text: str, message: str, hint: str
) -> None:
    """The message points at the word, the hint says what may be written."""
    assert unresolved(text) == f"{message}\n  hint: {hint}"


def test_what_is_not_reached_may_be_wrong(resolved: Resolve) -> None:
    """A stage that is not built is not looked into, but for its FROM."""
    text = "FROM a AS x\nCOPY --from=9 / /\nCOPY https://e.org/a /\nFROM b\n"
    assert reached(resolved(text)) == [1]


def test_a_wrong_trigger_of_a_base_points_at_from(
    resolved: Resolve, parsed: Callable[[str], Dockerfile]
) -> None:
    """The line of another file would mean nothing here."""
    base = parsed("FROM a\nRUN x\nONBUILD COPY --from=3 / /\n").stages[0]
    images = {"base": Inherited(triggers=triggers(base))}
    with pytest.raises(ManifestError) as caught:
        resolved("ARG A\nFROM base\n", images=images)
    assert str(caught.value) == (
        "Dockerfile:2:1: 'from=3' names no stage above this one\n  hint: there is none above"
    )


def test_stage_names(parsed: Callable[[str], Dockerfile]) -> None:
    """Of two with one name the later counts; those without have none."""
    assert stage_names(parsed("FROM a AS X\nFROM b\nFROM c AS x\nFROM d AS y\n")) == {
        "x": 2,
        "y": 3,
    }


def test_triggers(parsed: Callable[[str], Dockerfile]) -> None:
    """Those of the stage itself."""
    stage = parsed("FROM a\nONBUILD RUN x\nRUN y\nONBUILD RUN z\n").stages[0]
    assert [each.text for each in triggers(stage)] == ["RUN x", "RUN z"]


_LINKS = st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=8)


@given(_LINKS)
def test_reached_is_the_closure(resolved: Resolve, links: list[list[int]]) -> None:
    """For any graph of stages that only look up, in file order and the target last."""
    uses = [[use for use in row if use < index] for index, row in enumerate(links)]
    text = "".join(
        "FROM scratch\n" + "".join(f"COPY --from={use} / /\n" for use in row) for row in uses
    )
    needed = {len(uses) - 1}
    for index in range(len(uses) - 1, -1, -1):
        if index in needed:
            needed |= set(uses[index])
    assert reached(resolved(text)) == sorted(needed)

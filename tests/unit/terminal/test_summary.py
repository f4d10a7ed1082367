from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from okplug import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.terminal.conftest import Run


def failed(run: Run, message: str, **more: Any) -> str:
    """Return what is printed of a failure below its heading."""
    run.begin("a:a")
    run.finish("a:a", "failed", message=message, **more)
    run.end(1, 0.1, failed=1)
    return run.body().split("\n", 3)[3].rpartition("\n=")[0]


# ------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        ("broken", {}, "broken"),
        ("broken\n  hint: mend it", {}, "broken\n  hint: mend it"),
        ("two\nlines\n  hint: mend it", {}, "two\nlines\n  hint: mend it"),
        ("/src/shop/a/Dockerfile:3: no x", {}, "a/Dockerfile:3: no x"),
        ("/elsewhere/Dockerfile:3: no x", {}, "/elsewhere/Dockerfile:3: no x"),
        ("x\x1b[2J\ny", {}, "x\\x1b[2J\ny"),
        ("broken", {"source": ("RUN x",)}, "broken\n  >  | RUN x"),
        (
            "broken\n  hint: mend it",
            {"source": ("RUN x \\", "", "  y"), "source_line": 9},
            "broken\n  >   9 | RUN x \\\n     10 |\n     11 |   y\n  hint: mend it",
        ),
        ("broken", {"log": ("\x1b[31ma", "b\rc", "")}, "broken\n  | a\n  | c\n  |"),
    ],
)
def test_a_failure(
    make_run: Callable[..., Run], message: str, fields: dict[str, Any], expected: str
) -> None:
    assert failed(make_run(), message, **fields) == expected


def test_failures_come_in_the_order_in_which_they_happened(make_run: Callable[..., Run]) -> None:
    run = make_run(width=20)
    run.begin("b:b", "a:a")
    run.finish("b:b", "failed", message="first")
    run.finish("a:a", "failed", message="second")
    run.end(1, 0.1, failed=2)
    assert run.body().splitlines()[2:] == [
        "===== failures =====",
        "_______ b:b ________",
        "first",
        "_______ a:a ________",
        "second",
        "2 failed in 0.10s",
    ]


def test_an_address_that_fits_no_line_is_printed_whole(make_run: Callable[..., Run]) -> None:
    run = make_run(width=20)
    run.begin("services/frontend:web")
    run.finish("services/frontend:web", "failed", message="broken")
    run.end(1, 0.1, failed=1)
    assert "\nservices/frontend:web\nbroken\n" in run.text


# ------------------------------------------------------------------------------------ warnings


def test_a_warning_is_printed_once(
    make_run: Callable[..., Run], screen: Callable[[str], str]
) -> None:
    run = make_run(width=40)
    run.begin("a:a")
    run.emit(events.WarningRaised, "odd")
    run.emit(events.WarningRaised, "odd", "a:a")
    run.emit(events.WarningRaised, "odd")
    run.emit(events.WarningRaised, "two\nlines\x07")
    run.finish("a:a", "build", 0.1)
    run.end(0, 0.1, build=1)
    assert run.body() == screen(
        r"""
        a:a  BUILT     [100%]  0.10s
        =============== warnings ===============
        odd
        a:a: odd
        two
        lines\x07
        ===== 1 built, 3 warnings in 0.10s =====
        """
    )


def test_a_warning_of_a_place_counts_its_images(
    make_run: Callable[..., Run], screen: Callable[[str], str]
) -> None:
    run = make_run(width=40)
    run.begin("a:a")
    place = "/src/shop/base/Dockerfile:3"
    for address in ("a:a", "b:b", "a:a"):
        run.emit(events.WarningRaised, "FromAsCasing: 'as' and 'FROM'", address, place)
    run.emit(events.WarningRaised, "FromAsCasing: 'as' and 'FROM'", "a:a", f"{place[:-1]}4:7")
    run.emit(events.WarningRaised, "LegacyKeyValueFormat: ENV", "a:a", place)
    run.finish("a:a", "build", 0.1)
    run.end(0, 0.1, build=1)
    assert run.body() == screen(
        """
        a:a  BUILT     [100%]  0.10s
        =============== warnings ===============
        base/Dockerfile:3: FromAsCasing: 'as' and 'FROM' (2 images)
        base/Dockerfile:4:7: FromAsCasing: 'as' and 'FROM'
        base/Dockerfile:3: LegacyKeyValueFormat: ENV
        ===== 1 built, 3 warnings in 0.10s =====
        """
    )


# ----------------------------------------------------------------------------------- durations


def timed(run: Run) -> list[str]:
    """Return what is printed after the steps of a run with durations."""
    run.begin("a:a", "b:b", "c:c", "d:d", "e:e")
    for address, verdict, duration in [
        ("a:a", "build", 1.5),
        ("b:b", "reuse", 9.0),
        ("c:c", "failed", 75.0),
        ("d:d", "build", 1.5),
        ("e:e", "cancelled", 9.0),
    ]:
        run.finish(address, verdict, duration, message="broken")
    run.end(1, 80.0, build=2, reuse=1, failed=1, cancelled=1)
    return run.body().splitlines()[8:]


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        (None, []),
        (1, ["=============== slowest 1 image ================", " 1m15s  c:c"]),
        (2, ["=============== slowest 2 images ===============", " 1m15s  c:c", " 1.50s  a:a"]),
        (
            0,
            [
                "=============== slowest 3 images ===============",
                " 1m15s  c:c",
                " 1.50s  a:a",
                " 1.50s  d:d",
            ],
        ),
    ],
)
def test_the_slowest_images(
    make_run: Callable[..., Run], durations: int | None, expected: list[str]
) -> None:
    run = make_run(width=48, durations=durations)
    assert timed(run)[:-1] == expected


def test_nothing_took_any_time(make_run: Callable[..., Run]) -> None:
    run = make_run(durations=5)
    run.begin("a:a")
    run.finish("a:a", "reuse")
    run.end(0, 0.1, reuse=1)
    assert "slowest" not in run.text


# ----------------------------------------------------------------------------------- last line


@pytest.mark.parametrize(
    ("exit_code", "counts", "expected"),
    [
        (0, {"build": 3, "reuse": 5}, "3 built, 5 reused in 1.23s"),
        (0, {"reuse": 8, "build": 0}, "8 reused in 1.23s"),
        (
            1,
            {"reuse": 1, "build": 2, "cancelled": 3, "blocked": 4, "failed": 5},
            "5 failed, 4 blocked, 3 cancelled, 2 built, 1 reused in 1.23s",
        ),
        (0, {"signed": 2, "build": 1}, "1 built, 2 signed in 1.23s"),
        (5, {}, "nothing selected in 1.23s"),
        (4, {}, "nothing built in 1.23s"),
        (2, {}, "nothing built in 1.23s"),
    ],
)
def test_the_last_line(
    make_run: Callable[..., Run], exit_code: int, counts: dict[str, int], expected: str
) -> None:
    run = make_run(verbosity=-1)
    run.begin()
    run.end(exit_code, 1.234, **counts)
    assert run.text == f"{expected}\n"


@pytest.mark.parametrize(
    ("exit_code", "warnings", "colour"),
    [(0, 0, 32), (0, 1, 33), (5, 0, 33), (1, 0, 31), (2, 0, 31), (1, 1, 31)],
)
def test_the_colour_of_the_last_line(
    make_run: Callable[..., Run], exit_code: int, warnings: int, colour: int
) -> None:
    run = make_run(verbosity=-1, color=True)
    run.begin()
    for number in range(warnings):
        run.emit(events.WarningRaised, f"odd {number}")
    run.end(exit_code, 0.1)
    assert run.text.startswith(f"\x1b[{colour}m")

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from okplug import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.terminal.conftest import Run

FAILURE = "/src/shop/services/api/Dockerfile:7:1: COPY failed: there is no missing\n  hint: add it"


def whole_run(run: Run) -> None:
    """Report a run in which everything happens that can."""
    run.begin(
        *("base:base", "libs/log:log", "services/api:api", "web:web", "tools:lint"),
        deselected=2,
        base=("new",),
        lint=("file tools/lint.py changed", "build argument A changed", "key of base:base changed"),
    )
    run.finish("base:base", "build", 0.034)
    run.finish("libs/log:log", "reuse", 0.001)
    run.emit(events.StepLog, "services/api:api", "COPY missing /x", "\x1b[31mnothing here\x1b[0m")
    run.finish(
        "services/api:api",
        "failed",
        0.104,
        message=FAILURE,
        source=("COPY missing /x \\", "  /y"),
        source_line=7,
        log=("last line", ""),
    )
    run.emit(events.StepFinished, "web:web", "blocked", "0" * 32, blocked_by="services/api:api")
    run.finish("tools:lint", "build", 61.0)
    run.emit(events.WarningRaised, "/src/shop/okplug.toml is odd")
    run.emit(events.WarningRaised, "no SOURCE_DATE_EPOCH", "base:base")
    run.end(1, 1.234, build=2, reuse=1, failed=1, blocked=1)


def test_a_whole_run(make_run: Callable[..., Run], screen: Callable[[str], str]) -> None:
    run = make_run()
    whole_run(run)
    assert run.text == screen(
        r"""
        ============================ okplug build ============================
        root: /src/shop
        registry: OCI layouts in /home/cindy/.cache/okplug/registry
        collected 7 images from 8 manifests / 2 deselected / 5 selected
        builder: embedded

        base:base         BUILT     [ 20%]  0.03s  new
        libs/log:log      REUSED    [ 40%]
        services/api:api  FAILED    [ 60%]  0.10s
        web:web           BLOCKED   [ 80%]         by services/api:api
        tools:lint        BUILT     [100%]  1m01s  file tools/lint.py changed; build argument A changed (+1 more)
        ============================== failures ==============================
        __________________________ services/api:api __________________________
        services/api/Dockerfile:7:1: COPY failed: there is no missing
          >  7 | COPY missing /x \
             8 |   /y
          hint: add it
          | last line
          |
        ============================== warnings ==============================
        okplug.toml is odd
        base:base: no SOURCE_DATE_EPOCH
        ==== 1 failed, 1 blocked, 2 built, 1 reused, 2 warnings in 1.23s =====
        """
    )


def test_a_quiet_run(make_run: Callable[..., Run], screen: Callable[[str], str]) -> None:
    run = make_run(verbosity=-1, durations=3)
    whole_run(run)
    assert run.text == screen(
        r"""
        ============================== failures ==============================
        __________________________ services/api:api __________________________
        services/api/Dockerfile:7:1: COPY failed: there is no missing
          >  7 | COPY missing /x \
             8 |   /y
          hint: add it
          | last line
          |
        1 failed, 1 blocked, 2 built, 1 reused, 2 warnings in 1.23s
        """
    )


def test_a_verbose_run(make_run: Callable[..., Run], screen: Callable[[str], str]) -> None:
    run = make_run(verbosity=1)
    whole_run(run)
    assert run.body().partition("=")[0] == screen(
        """
        base:base         BUILT     [ 20%]  0.03s  new
        libs/log:log      REUSED    [ 40%]
        services/api:api > COPY missing /x
        services/api:api | nothing here
        services/api:api  FAILED    [ 60%]  0.10s
        web:web           BLOCKED   [ 80%]         by services/api:api
        tools:lint        BUILT     [100%]  1m01s  file tools/lint.py changed; build argument A changed; key of base:base changed
        """
    )


def test_colours(make_run: Callable[..., Run], screen: Callable[[str], str]) -> None:
    run = make_run(color=True, width=40)
    run.begin("a:a", "b:b", "c:c")
    run.finish("a:a", "reuse")
    run.finish("b:b", "failed", message="broken")
    run.emit(events.StepFinished, "c:c", "blocked", "", blocked_by="b:b")
    run.end(1, 0.5, reuse=1, failed=1, blocked=1)
    assert run.body().replace("\x1b", "^") == screen(
        """
        a:a  ^[32mREUSED   ^[0m [ 33%]
        b:b  ^[31mFAILED   ^[0m [ 66%]  0.00s
        c:c  ^[33mBLOCKED  ^[0m [100%]         by b:b
        ^[1m=============== failures ===============^[0m
        ^[1m^[31m_________________ b:b __________________^[0m
        ^[31mbroken^[0m
        ^[1m^[31m1 failed, 1 blocked, 1 reused in 0.50s^[0m
        """
    )


# -------------------------------------------------------------------------------------- header


def test_everything_is_selected(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.emit(events.Collected, 1, 1, 1, 0)
    run.emit(events.Collected, 10, 8, 10, 0)
    assert run.text.splitlines() == [
        "collected 1 image from 1 manifest",
        "collected 10 images from 8 manifests",
    ]


def test_how_many_build_at_once(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.emit(events.Planned, "buildkit at unix:///run/b.sock", 4, 3, 0)
    assert run.text == "builder: buildkit at unix:///run/b.sock, 4 at once\n\n"


def test_nothing_to_build_needs_no_builder(
    make_run: Callable[..., Run], screen: Callable[[str], str]
) -> None:
    run = make_run()
    run.emit(events.RunStarted, "build", ("root: /src/shop",))
    run.emit(events.Collected, 1, 1, 1, 0)
    run.emit(events.StepPlanned, "a:a", "", "reuse", ())
    run.emit(events.Planned, "", 0, 0, 1)
    run.finish("a:a", "reuse")
    run.end(0, 0.02, reuse=1)
    assert run.text == screen(
        """
        ============================ okplug build ============================
        root: /src/shop
        collected 1 image from 1 manifest

        a:a  REUSED    [100%]
        ========================= 1 reused in 0.02s ==========================
        """
    )


# --------------------------------------------------------------------------------------- steps


def test_the_percentage_never_says_done_too_early(make_run: Callable[..., Run]) -> None:
    run = make_run()
    names = [f"n{number}" for number in range(201)]
    run.begin(*names)
    for name in names:
        run.finish(name, "reuse")
    lines = run.body().splitlines()
    assert lines[0] == "n0    REUSED    [  0%]"
    assert lines[199] == "n199  REUSED    [ 99%]"
    assert lines[200] == "n200  REUSED    [100%]"


def test_wide_addresses_are_aligned_by_columns(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.begin("größe:g", "世界:w", "a:a")
    for address in ("größe:g", "世界:w", "a:a"):
        run.finish(address, "reuse")
    assert run.body().splitlines() == [
        "größe:g  REUSED    [ 33%]",
        "世界:w   REUSED    [ 66%]",
        "a:a      REUSED    [100%]",
    ]


def test_one_long_address_does_not_push_the_others_out(make_run: Callable[..., Run]) -> None:
    run = make_run(width=40)
    long = "a/very/long/path/to/the/folder:image"
    run.begin("b:b", long)
    run.finish("b:b", "build", 0.1)
    run.finish(long, "build", 0.1)
    assert run.body().splitlines() == [
        "b:b                   BUILT     [ 50%]  0.10s",
        "a/very/long/path/to/the/folder:image  BUILT     [100%]  0.10s",
    ]


@pytest.mark.parametrize(
    ("reasons", "shown"),
    [
        ((), ""),
        (("a",), "  a"),
        (("a", "b"), "  a; b"),
        (("a", "b", "c"), "  a; b (+1 more)"),
        (("a", "b", "c", "d"), "  a; b (+2 more)"),
        (("evil\x1b[2J",), r"  evil\x1b[2J"),
    ],
)
def test_why_an_image_was_built(
    make_run: Callable[..., Run], reasons: tuple[str, ...], shown: str
) -> None:
    run = make_run()
    run.begin("a:a", a=reasons)
    run.finish("a:a", "build", 12.5)
    assert run.body() == f"a:a  BUILT     [100%] 12.50s{shown}\n"


def test_of_the_cancelled_only_those_that_had_begun_are_listed(
    make_run: Callable[..., Run], screen: Callable[[str], str]
) -> None:
    run = make_run()
    run.begin("a:a", "b:b", "c:c")
    run.finish("a:a", "cancelled", 0.7)
    run.emit(events.StepFinished, "b:b", "cancelled", "")
    run.emit(events.StepFinished, "c:c", "cancelled", "")
    run.end(2, 0.8, cancelled=3)
    assert run.body() == screen(
        """
        a:a  CANCELLED [ 33%]
        ======================== 3 cancelled in 0.80s ========================
        """
    )


def test_all_of_the_cancelled_are_listed_when_asked_for_more(make_run: Callable[..., Run]) -> None:
    run = make_run(verbosity=1)
    run.begin("a:a")
    run.emit(events.StepFinished, "a:a", "cancelled", "")
    assert run.body() == "a:a  CANCELLED [100%]\n"


def test_a_verdict_of_the_future(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.begin("a:a")
    run.finish("a:a", "signed")
    run.end(0, 0.1, signed=1)
    assert run.body().splitlines()[0] == "a:a  SIGNED    [100%]"
    assert " 1 signed in 0.10s " in run.body()


def test_the_longest_verdict_fits_its_column(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.begin("a:a", "b:b")
    run.finish("a:a", "cancelled")
    run.finish("b:b", "build")
    lines = run.body().splitlines()
    assert lines[0] == "a:a  CANCELLED [ 50%]"
    assert lines[1] == "b:b  BUILT     [100%]  0.00s"


# -------------------------------------------------------------------------- sentences of Okteto


def narrated(run: Run) -> list[str]:
    """Return what is printed of a run that reuses one image and builds another."""
    run.emit(events.LookUpStarted)
    run.begin("base:base", "services/api:api")
    run.emit(events.StepStarted, "base:base", "reuse", "/src/shop/base/Dockerfile")
    run.emit(events.StepFinished, "base:base", "reuse", "0" * 32)
    run.emit(events.StepStarted, "services/api:api", "build", "/src/shop/services/api/Dockerfile")
    run.emit(events.StepFinished, "services/api:api", "build", "0" * 32, 0.5)
    run.emit(events.Pushed, "services/api:api", ("r.test/cindy/api:okteto", "r.test/x:1"))
    return run.text.splitlines()


def test_a_log_has_the_sentences_that_are_searched_for(make_run: Callable[..., Run]) -> None:
    lines = narrated(make_run(narrates=True))
    assert lines[0] == "Checking if the images are already built from cache..."
    assert lines[-4:] == [
        (
            "base:base         REUSED    [ 50%]         "
            'Okteto Smart Builds is skipping build of "base" because it\'s already built from cache.'
        ),
        "Building 'services/api/Dockerfile'...",
        "services/api:api  BUILT     [100%]  0.50s",
        "Image 'r.test/cindy/api:okteto' successfully pushed",
    ]


def test_a_log_says_what_keeps_an_image_in_place_of_its_host(make_run: Callable[..., Run]) -> None:
    run = make_run(narrates=True)
    run.emit(events.Pushed, "a:a", ("docker.io/me/a:1",), "OCI layouts in /srv")
    assert run.text == "Image 'docker.io/me/a:1' successfully pushed to OCI layouts in /srv\n"


def test_a_log_says_what_is_built_for_others(make_run: Callable[..., Run]) -> None:
    for narrates in (True, False):
        run = make_run(narrates=narrates)
        run.emit(events.Planned, "", 1, 3, 0, ("base:base", "lib:lib"))
        line = (
            "The following build images need to be built because of dependencies: "
            "[base:base, lib:lib]\n"
        )
        assert run.text == (line if narrates else "") + "\n"


@pytest.mark.parametrize("narrates", [True, False])
def test_an_image_without_a_tag(make_run: Callable[..., Run], narrates: bool) -> None:  # noqa: FBT001  # a parameter
    run = make_run(narrates=narrates)
    run.emit(events.Pushed, ":app", ())
    assert run.text == (
        "Build succeeded\nYour image won't be pushed. To push your image specify the flag '-t'.\n"
    )


def test_a_quiet_run_does_not_tell_of_it(make_run: Callable[..., Run]) -> None:
    run = make_run(verbosity=-1)
    run.emit(events.Pushed, ":app", ())
    assert run.text == ""


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((1, 0, 1, 0), "collected 1 image"),
        ((0, 0, 0, 0), "collected 0 images from 0 manifests"),
        ((2, 1, 1, 1), "collected 2 images from 1 manifest / 1 deselected / 1 selected"),
    ],
)
def test_what_is_collected_from(
    make_run: Callable[..., Run], counts: tuple[int, ...], line: str
) -> None:
    run = make_run()
    run.emit(events.Collected, *counts)
    assert run.text == f"{line}\n"


def test_a_screen_has_none_of_them(make_run: Callable[..., Run]) -> None:
    assert narrated(make_run())[-2:] == [
        "base:base         REUSED    [ 50%]",
        "services/api:api  BUILT     [100%]  0.50s",
    ]


def test_a_quiet_log_has_none_of_them(make_run: Callable[..., Run]) -> None:
    assert narrated(make_run(narrates=True, verbosity=-1)) == []


def test_what_a_sentence_names_cannot_control_a_terminal(make_run: Callable[..., Run]) -> None:
    run = make_run(narrates=True)
    run.emit(events.StepStarted, "a:a", "build", "/src/shop/\x1b[2J/Dockerfile")
    run.emit(events.Pushed, "a:a", ("r.test/\x1b[2Ja:1",))
    assert "\x1b" not in run.text


def test_a_step_that_nobody_planned(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.finish("a:a", "build", 0.1)
    assert run.text == "a:a  BUILT     [100%]  0.10s\n"


# ---------------------------------------------------------------------------------------- logs


def test_logs_stand_below_the_instruction_that_prints_them(
    make_run: Callable[..., Run], screen: Callable[[str], str]
) -> None:
    run = make_run(verbosity=1)
    for address, instruction, text in [
        ("a:a", "", "starting"),
        ("a:a", "RUN make", "cc x.c"),
        ("b:b", "RUN test", "ok"),
        ("a:a", "RUN make", "10%\r20%"),
        ("a:a", "RUN make", ""),
        ("a:a", "RUN make install", "done\r"),
        ("b:b", "RUN <<EOF\necho hi\nEOF", "hi"),
    ]:
        run.emit(events.StepLog, address, instruction, text)
    assert run.text == screen(
        r"""
        a:a | starting
        a:a > RUN make
        a:a | cc x.c
        b:b > RUN test
        b:b | ok
        a:a | 20%
        a:a |
        a:a > RUN make install
        a:a | done
        b:b > RUN <<EOF ...
        b:b | hi
        """
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, []),
        ({"verbosity": 1}, ["a:a > RUN make", "a:a | cc x.c"]),
        ({"steps": True}, ["a:a #1 [1/1] RUN make", "a:a | cc x.c", "a:a #1 DONE 0.00s"]),
        (
            {"steps": True, "verbosity": -1},
            ["a:a #1 [1/1] RUN make", "a:a | cc x.c", "a:a #1 DONE 0.00s"],
        ),
    ],
)
def test_steps_and_logs_are_for_those_who_ask(
    make_run: Callable[..., Run], shown: dict[str, int], expected: list[str]
) -> None:
    run = make_run(**shown)
    run.emit(events.StepProgress, "a:a", "make", "[1/1] RUN make", "started")
    run.emit(events.StepLog, "a:a", "RUN make", "cc x.c")
    run.emit(events.StepProgress, "a:a", "make", "[1/1] RUN make", "done")
    assert run.text.splitlines() == expected


# ------------------------------------------------------------------------- runs that never begin


def test_a_run_that_never_began_prints_its_warnings_only(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.emit(events.WarningRaised, "OKPLUG_JOB means nothing")
    run.end(4, 0.01)
    assert run.text == "warning: OKPLUG_JOB means nothing\n"


def test_a_quiet_run_has_begun_as_well(make_run: Callable[..., Run]) -> None:
    run = make_run(verbosity=-1)
    run.begin("a:a")
    run.finish("a:a", "build", 0.1)
    run.end(0, 0.2, build=1)
    assert run.text == "1 built in 0.20s\n"


def test_an_event_of_the_future_is_no_matter(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.emit(events.Event)
    assert run.text == ""


@pytest.mark.parametrize("narrates", [True, False])
def test_why_an_image_that_was_to_be_built_is_reused(
    make_run: Callable[..., Run], *, narrates: bool
) -> None:
    run = make_run(narrates=narrates)
    run.begin("a:a", a=("depends on the result of b:b",))
    run.finish("a:a", "reuse", reasons=("b:b came out equal",))
    assert run.body().splitlines()[-1] == "a:a  REUSED    [100%]         b:b came out equal"


def test_what_awaited_a_result_says_why_it_was_built(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.begin("a:a", a=("depends on the result of b:b",))
    run.finish("a:a", "build", 1.0, reasons=("dependency b:b changed",))
    assert run.body() == "a:a  BUILT     [100%]  1.00s  dependency b:b changed\n"


def test_what_a_watch_leaves_as_it_was_has_no_line(make_run: Callable[..., Run]) -> None:
    run = make_run(is_again=True)
    run.begin("a:a", "b:b", "c:c")
    run.finish("a:a", "build", 1.0, reasons=("new",))
    run.finish("b:b", "reuse")
    run.finish("c:c", "reuse", reasons=("a:a came out equal",))
    assert run.body().splitlines() == [
        "a:a  BUILT     [ 33%]  1.00s  new",
        "c:c  REUSED    [100%]         a:a came out equal",
    ]


def test_verbose_watches_tell_all(make_run: Callable[..., Run]) -> None:
    run = make_run(is_again=True, verbosity=1)
    run.begin("a:a")
    run.finish("a:a", "reuse")
    assert run.body() == "a:a  REUSED    [100%]\n"

"""A run becomes events, and its end a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug import events, hookimpl
from okplug.backends import Artifact, Descriptor
from okplug.canceltoken import CancelToken
from okplug.errors import BuildError, ExitCode, Location, ManifestError, RegistryError
from okplug.keys import KeyRecord
from okplug.manifest.model import Image
from okplug.plan import Plan, Result, Step
from okplug.reference import Reference
from okplug.reporting import Reporting
from okplug.testing import HookRecorder

if TYPE_CHECKING:
    from okplug.plan import Report
    from okplug.testing import Workspace

DIGEST = "sha256:" + "1" * 64
ARTIFACT = Artifact(
    Reference("registry.test", "okteto/api", digest=DIGEST), Descriptor("x", DIGEST, 3)
)


def step(name: str = "api", verdict: str = "build") -> Step:
    place = Location(Path("/shop/okteto.yaml"), 2, 3)
    return Step(
        Image(name, "", place, Path("/shop"), Path("/shop/Dockerfile")),
        KeyRecord("a" * 32, "f" * 64, ()),
        verdict,
        ("new",),
        (Reference("registry.test", f"cindy/{name}", "okteto"),),
        Reference("registry.test", f"okteto/{name}", "a" * 32),
        Reference("registry.test", f"cindy/{name}"),
    )


class Run:
    """What a recorder hears of one run."""

    def __init__(self, workspace: Workspace, **options: object) -> None:
        self.recorder = HookRecorder()
        self.config = workspace.config(plugins=[self.recorder], options=options)
        self.reporting = Reporting(self.config, "build")

    @property
    def report(self) -> Report:
        """The report that was written, once."""
        (arguments,) = self.recorder.of("okplug_finish")
        report: Report = arguments["report"]
        return report

    def one(self, kind: type[events.Event]) -> events.Event:
        """Return the only event of a kind."""
        (event,) = (event for event in self.recorder.events() if isinstance(event, kind))
        return event


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return Run(workspace)


def test_the_end_is_told_before_the_report_is_written(run: Run) -> None:
    with run.reporting as reporting:
        reporting.finished(Result(step(), "build", 1.5, ARTIFACT))
        reporting.finished(Result(step("web"), "build", 0.5, ARTIFACT))
        reporting.finished(Result(step("lib", "reuse"), "reuse", 0.0, ARTIFACT))
    ended = run.one(events.RunFinished)
    assert isinstance(ended, events.RunFinished)
    assert (ended.exit_code, ended.counts) == (ExitCode.OK, (("build", 2), ("reuse", 1)))
    assert run.recorder.names()[-2:] == ("okplug_event", "okplug_finish")
    assert (run.report.command, run.report.exit_code) == ("build", ExitCode.OK)
    assert [result.step.image.name for result in run.report.results] == ["api", "web", "lib"]
    assert run.report.duration == ended.duration >= 0


@pytest.mark.parametrize(
    ("verdicts", "exit_code"),
    [
        ((), ExitCode.NOTHING_SELECTED),
        (("reuse", "build"), ExitCode.OK),
        (("build", "failed", "blocked"), ExitCode.FAILED),
        (("build", "cancelled"), ExitCode.FAILED),
    ],
)
def test_exit_codes_of_results(run: Run, verdicts: tuple[str, ...], exit_code: ExitCode) -> None:
    with run.reporting as reporting:
        for verdict in verdicts:
            reporting.finished(Result(step(), verdict, 0.0))
        assert reporting.exit_code() == exit_code
    assert run.report.exit_code == exit_code


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ManifestError("wrong"), ExitCode.USAGE_ERROR),
        (RegistryError("gone"), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (ZeroDivisionError(), ExitCode.INTERNAL_ERROR),
    ],
)
def test_exit_codes_of_errors(run: Run, error: BaseException, exit_code: ExitCode) -> None:
    def end() -> None:
        with run.reporting as reporting:
            reporting.finished(Result(step(), "build", 0.0, ARTIFACT))
            raise error

    with pytest.raises(type(error)):
        end()
    assert run.report.exit_code == exit_code
    assert len(run.report.results) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ManifestError("wrong", location=Location(Path("/a"), 3), hint="x"),
            "/a:3: wrong\n  hint: x",
        ),
        (KeyboardInterrupt(), "interrupted"),
        (ZeroDivisionError("by 0"), "internal error: ZeroDivisionError: by 0"),
    ],
)
def test_the_end_says_what_came_too_early(run: Run, error: BaseException, message: str) -> None:
    with pytest.raises(type(error)), run.reporting:
        raise error
    ended = run.one(events.RunFinished)
    assert isinstance(ended, events.RunFinished)
    assert ended.message == message


@pytest.mark.parametrize(
    ("error", "exit_code"), [(ManifestError("wrong"), 4), (KeyboardInterrupt(), 2), (KeyError(), 3)]
)
def test_where_nothing_but_events_may_be_printed_an_error_is_told_once(
    workspace: Workspace, error: BaseException, exit_code: int
) -> None:
    recorder = HookRecorder()
    config = workspace.config(plugins=[recorder], settings={"progress": "rawjson"})
    with pytest.raises(SystemExit) as caught, Reporting(config, "build"):
        raise error
    assert caught.value.code == exit_code
    assert caught.value.__cause__ is error
    assert len(recorder.of("okplug_finish")) == 1


def test_a_run_without_an_error_ends_as_ever(workspace: Workspace) -> None:
    config = workspace.config(settings={"progress": "rawjson"})
    with Reporting(config, "build") as reporting:
        reporting.finished(Result(step(), "failed", 0.0))
    assert reporting.exit_code() == ExitCode.FAILED


def test_a_finished_step(run: Run) -> None:
    error = BuildError(
        "it is broken",
        location=Location(Path("/shop/Dockerfile"), 7, 1),
        hint="mend it",
        source=("RUN make",),
        log=("no rule",),
    )
    with run.reporting as reporting:
        reporting.finished(Result(step(), "failed", 1.5, error=error))
    event = run.one(events.StepFinished)
    assert event == events.StepFinished(
        time=event.time,
        address=":api",
        verdict="failed",
        key="a" * 32,
        duration=1.5,
        reference="registry.test/cindy/api:okteto",
        message="/shop/Dockerfile:7:1: it is broken\n  hint: mend it",
        source=("RUN make",),
        log=("no rule",),
        source_line=7,
        reasons=("new",),
    )


@pytest.mark.parametrize("error", [BuildError("no place"), ValueError("no OkplugError")])
def test_a_failure_without_a_place(run: Run, error: Exception) -> None:
    with run.reporting as reporting:
        reporting.finished(Result(step(), "failed", 0.0, error=error, blocked_by=""))
    event = run.one(events.StepFinished)
    assert isinstance(event, events.StepFinished)
    assert (event.source, event.source_line, event.digest) == ((), 0, "")


# ------------------------------------------------------------------------------ tags that moved


def pushed(run: Run) -> list[tuple[str, tuple[str, ...]]]:
    """Return of which images it was told that they were pushed."""
    return [
        (event.address, event.references)
        for event in run.recorder.events()
        if isinstance(event, events.Pushed)
    ]


def test_what_is_built_is_pushed_and_nothing_else(run: Run) -> None:
    with run.reporting as reporting:
        reporting.finished(Result(step(), "build", 0.0, ARTIFACT))
        reporting.finished(Result(step("lib", "reuse"), "reuse", 0.0, ARTIFACT))
        reporting.finished(Result(step("web"), "failed", 0.0))
        reporting.concluded()
    assert pushed(run) == [(":api", ("registry.test/cindy/api:okteto",))]


def test_tags_that_wait_are_pushed_at_the_end(workspace: Workspace) -> None:
    run = Run(workspace, all_or_nothing=True)
    with run.reporting as reporting:
        reporting.finished(Result(step(), "build", 0.0, ARTIFACT))
        reporting.looking_up()
        reporting.concluded()
    kinds = [type(event).__name__ for event in run.recorder.events()]
    assert kinds == ["StepFinished", "LookUpStarted", "Pushed", "RunFinished"]


def test_tags_that_never_move_are_not_pushed(workspace: Workspace) -> None:
    run = Run(workspace, all_or_nothing=True)
    with run.reporting as reporting:
        reporting.finished(Result(step(), "build", 0.0, ARTIFACT))
    assert pushed(run) == []


def test_a_plan_without_a_builder(run: Run) -> None:
    with run.reporting as reporting:
        reporting.planned(Plan({":api": step(verdict="reuse")}, {}, frozenset({":api"})), None, 4)
    event = run.one(events.Planned)
    assert event == events.Planned(event.time, builder="", jobs=0, build=0, reuse=1)
    planned = run.one(events.StepPlanned)
    assert planned == events.StepPlanned(planned.time, ":api", "a" * 32, "reuse", ("new",))
    assert run.report.builder == ""


def test_what_a_builder_reports(run: Run) -> None:
    token = CancelToken()
    heard: list[str] = []
    with run.reporting as reporting:
        control = reporting.control(":api", token)
        control.log("no rule", "RUN make")
        control.warn("it is old")
        control.on_cancel(lambda: heard.append("cancelled"))
        seen = [control.is_cancelled]
        token.cancel()
        seen.append(control.is_cancelled)
    assert seen == [False, True]
    log = run.one(events.StepLog)
    assert log == events.StepLog(log.time, ":api", "RUN make", "no rule")
    warning = run.one(events.WarningRaised)
    assert warning == events.WarningRaised(warning.time, "it is old", ":api")
    assert heard == ["cancelled"]


def test_a_warning_of_a_builder_has_its_place(run: Run) -> None:
    with run.reporting as reporting:
        reporting.control(":api", CancelToken()).warn("odd", Location(Path("/shop/Dockerfile"), 7))
    warning = run.one(events.WarningRaised)
    assert warning == events.WarningRaised(warning.time, "odd", ":api", "/shop/Dockerfile:7")


def progress_of(run: Run) -> list[tuple[object, ...]]:
    """Return what was told of parts, without the time."""
    return [
        (event.address, event.part, event.name, event.state, event.current, event.total)
        for event in run.recorder.events()
        if isinstance(event, events.StepProgress)
    ]


def test_parts_of_a_build(run: Run) -> None:
    with run.reporting as reporting:
        control = reporting.control(":api", CancelToken())
        control.progress("a", "[1/2] FROM x", "cached")
        control.progress("b", "[2/2] RUN make", "started")
        control.progress("c", "transferring context", "running", 5, 9)
        control.progress("b", "[2/2] RUN make", "failed")
    assert progress_of(run) == [
        (":api", "a", "[1/2] FROM x", "cached", 0, 0),
        (":api", "b", "[2/2] RUN make", "started", 0, 0),
        (":api", "c", "transferring context", "running", 5, 9),
        (":api", "b", "[2/2] RUN make", "failed", 0, 0),
    ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the only item of a list: the time that reporting has."""
    time = [1000.0]
    monkeypatch.setattr("okplug.reporting.time.monotonic", lambda: time[0])
    return time


def test_a_running_part_is_told_of_a_few_times_a_second(run: Run, clock: list[float]) -> None:
    with run.reporting as reporting:
        control = reporting.control(":api", CancelToken())
        control.progress("a", "pulling", "started")
        for number in range(200):
            control.progress("a", "pulling", "running", number)
            control.progress("b", "pushing", "running", number)
            clock[0] += 1 / 64
        control.progress("a", "pulling", "done", 200)
    told = progress_of(run)
    assert [(state, current) for _, part, _, state, current, _ in told if part == "a"] == [
        ("started", 0),
        *(("running", number) for number in range(0, 200, 16)),
        ("done", 200),
    ]
    assert len([part for _, part, *_ in told if part == "b"]) == 13


def test_a_part_that_begins_again_is_told_of_at_once(run: Run, clock: list[float]) -> None:
    with run.reporting as reporting:
        control = reporting.control(":api", CancelToken())
        control.progress("a", "pulling", "running", 1)
        control.progress("a", "pulling", "done", 2)
        control.progress("a", "pulling", "running", 3)
        clock[0] += 0.1
        control.progress("a", "pulling", "running", 4)
    assert [current for *_, current, _ in progress_of(run)] == [1, 2, 3]


def test_warnings_from_before_the_run_are_events_too(run: Run) -> None:
    run.config.warn("early")
    with run.reporting:
        run.config.warn("late", ":api")
    found = [
        (event.message, event.address)
        for event in run.recorder.events()
        if isinstance(event, events.WarningRaised)
    ]
    assert found == [("early", ""), ("late", ":api")]


def test_a_listener_s_fault_comes_out_after_the_report_is_written(workspace: Workspace) -> None:
    class Deaf:
        """Cannot hear."""

        @hookimpl
        def okplug_event(self) -> None:
            """Raise."""
            raise ValueError("deaf")

    recorder = HookRecorder()
    config = workspace.config(plugins=[recorder, Deaf()])
    with pytest.raises(ValueError, match="deaf"), Reporting(config, "build"):
        pass
    assert len(recorder.of("okplug_finish")) == 1

"""From a daemon's messages to what the run is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import Location
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.solve.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

DOCKERFILE = Path("/shop/Dockerfile")


class Control:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.is_cancelled = False

    def log(self, text: str, instruction: str = "") -> None:
        """Note a line."""
        self.told.append(("log", text, instruction))

    def warn(self, message: str, location: Location | None = None) -> None:
        """Note a warning."""
        self.told.append(("warn", message, location))

    def progress(self, part: str, name: str, state: str, current: int = 0, total: int = 0) -> None:
        """Note how far a part is."""
        self.told.append((part, name, state, current, total))

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Never cancel."""


@pytest.fixture
def control() -> Control:
    """What is told."""
    return Control()


@pytest.fixture
def progress(control: Control) -> Progress:
    """What follows one build."""
    return Progress(control, DOCKERFILE)


def vertex(digest: str, name: str = "", **fields: object) -> control_pb2.StatusResponse:
    message = control_pb2.StatusResponse()
    each = message.vertexes.add(digest=digest, name=name, error=str(fields.get("error", "")))
    each.cached = bool(fields.get("cached"))
    if fields.get("started"):
        each.started.FromSeconds(1)
    if fields.get("completed"):
        each.completed.FromSeconds(2)
    return message


def log(digest: str, piece: bytes, stream: int = 1) -> control_pb2.StatusResponse:
    message = control_pb2.StatusResponse()
    message.logs.add(vertex=digest, msg=piece, stream=stream)
    return message


def test_a_part_is_told_when_its_state_changes(control: Control, progress: Progress) -> None:
    progress.take(vertex("a", "[1/2] RUN x"))
    progress.take(vertex("a", "[1/2] RUN x", started=True))
    progress.take(vertex("a", "[1/2] RUN x", started=True))
    progress.take(vertex("a", "[1/2] RUN x", started=True, completed=True))
    assert control.told == [
        ("a", "[1/2] RUN x", "started", 0, 0),
        ("a", "[1/2] RUN x", "done", 0, 0),
    ]


def test_a_part_may_start_again(control: Control, progress: Progress) -> None:
    for completed in (False, True, False, True):
        progress.take(vertex("a", "x", started=True, completed=completed))
    assert [told[2] for told in control.told] == ["started", "done", "started", "done"]


@pytest.mark.parametrize(
    ("fields", "state"),
    [({"cached": True}, "cached"), ({"error": "exit code: 1"}, "failed"), ({}, "done")],
)
def test_how_a_part_ends(
    control: Control, progress: Progress, fields: dict[str, object], state: str
) -> None:
    progress.take(vertex("a", "x", started=True, completed=True, **fields))
    assert control.told == [("a", "x", state, 0, 0)]


def test_a_transfer(control: Control, progress: Progress) -> None:
    message = control_pb2.StatusResponse()
    message.statuses.add(id="transferring context:", vertex="a", current=10, total=20)
    done = message.statuses.add(id="transferring context:", vertex="a", current=20, total=20)
    done.completed.FromSeconds(2)
    progress.take(message)
    assert control.told == [
        ("a/transferring context:", "transferring context", "running", 10, 20),
        ("a/transferring context:", "transferring context", "done", 20, 20),
    ]


def test_lines_have_the_instruction_that_prints_them(control: Control, progress: Progress) -> None:
    progress.take(vertex("a", "[linux/arm64 stage 2/3] RUN make [all]"))
    progress.take(log("a", b"one\ntw"))
    progress.take(log("a", b"o\n"))
    assert control.told == [
        ("log", "one", "RUN make [all]"),
        ("log", "two", "RUN make [all]"),
    ]


def test_streams_do_not_mix_and_the_last_line_may_have_no_end(
    control: Control, progress: Progress
) -> None:
    progress.take(vertex("a", "x"))
    progress.take(log("a", b"out", 1))
    progress.take(log("a", b"err", 2))
    assert control.told == []
    progress.finish()
    assert control.told == [("log", "out", "x"), ("log", "err", "x")]


def test_the_last_lines_are_kept(progress: Progress) -> None:
    progress.take(log("a", b"".join(b"%d\n" % number for number in range(100))))
    assert progress.last_lines("a") == tuple(map(str, range(70, 100)))
    assert progress.last_lines("b") == ()


def test_a_warning_of_the_frontend_has_its_place(control: Control, progress: Progress) -> None:
    message = control_pb2.StatusResponse()
    warning = message.warnings.add(
        short=b"JSONArgsRecommended: JSON arguments recommended for CMD (line 3)"
    )
    warning.info.filename = "Dockerfile"
    warning.ranges.add().start.line = 3
    progress.take(message)
    assert control.told == [
        (
            "warn",
            "JSONArgsRecommended: JSON arguments recommended for CMD",
            Location(DOCKERFILE, 3),
        )
    ]


def test_no_warning_of_arguments_that_always_have_a_value(
    control: Control, progress: Progress
) -> None:
    message = control_pb2.StatusResponse()
    text = "InvalidDefaultArgInFrom: Default value for ARG ${%s} results in empty or invalid name"
    message.warnings.add(short=(text % "OKTETO_BUILD_BASE_IMAGE").encode())
    message.warnings.add(short=(text % "BASE").encode())
    progress.take(message)
    assert control.told == [("warn", text % "BASE", None)]


def test_a_warning_without_a_place(control: Control, progress: Progress) -> None:
    message = control_pb2.StatusResponse()
    message.warnings.add(short=b"beware")
    progress.take(message)
    assert control.told == [("warn", "beware", None)]


def test_a_cache_that_is_not_there_is_a_warning(control: Control, progress: Progress) -> None:
    name = "importing cache manifest from r.example.com/c"
    progress.take(vertex("a", name, started=True, completed=True, error="not found"))
    assert control.told == [
        ("a", name, "failed", 0, 0),
        ("warn", "the cache r.example.com/c is not there: not found", None),
    ]


def test_who_waits_for_the_context_is_told_once(control: Control) -> None:
    loaded: list[str] = []
    progress = Progress(control, DOCKERFILE, lambda: loaded.append("context"))
    name = "[internal] load build context"
    progress.take(vertex("a", name, started=True))
    assert loaded == []
    progress.take(vertex("a", name, started=True, completed=True))
    assert loaded == ["context"]

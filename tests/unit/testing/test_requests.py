from __future__ import annotations

from pathlib import Path

from okplug.errors import Location
from okplug.testing import RecordingControl


def test_what_a_builder_reports_is_written_down() -> None:
    control = RecordingControl()
    control.log("cc x.c", "RUN make")
    control.warn("odd")
    control.warn("old", Location(Path("/shop/Dockerfile"), 3))
    control.progress("make", "[1/1] RUN make", "started")
    control.progress("context", "transferring context", "running", 5, 9)
    assert control.lines == ["cc x.c"]
    assert control.warnings == ["odd", "old"]
    assert control.locations == [None, Location(Path("/shop/Dockerfile"), 3)]
    assert control.parts == [
        ("make", "[1/1] RUN make", "started", 0, 0),
        ("context", "transferring context", "running", 5, 9),
    ]
    assert control.parts[1].current == 5


def test_it_is_cancelled_at_the_question_that_was_named() -> None:
    control = RecordingControl(cancel_after=2)
    heard: list[str] = []
    control.on_cancel(lambda: heard.append("cancelled"))
    assert [control.is_cancelled for _ in range(3)] == [False, True, True]
    assert heard == ["cancelled"]
    assert control.asked == 3


def test_it_is_cancelled_from_outside() -> None:
    control = RecordingControl()
    assert not control.is_cancelled
    control.cancel()
    assert control.is_cancelled

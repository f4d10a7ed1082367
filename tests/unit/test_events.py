from __future__ import annotations

import pytest

from okplug import events
from okplug.errors import ExitCode
from okplug.events import event_line


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.RunStarted(1700000000.25, "build", ("root: /src", "builder: x")),
            (
                '{"event": "RunStarted", "time": 1700000000.25, "command": "build", '
                '"header": ["root: /src", "builder: x"]}'
            ),
        ),
        (
            events.StepPlanned(1.0, "a:a", "0f", "build", ("new",)),
            (
                '{"event": "StepPlanned", "time": 1.0, "address": "a:a", "key": "0f", '
                '"verdict": "build", "reasons": ["new"]}'
            ),
        ),
        (
            events.StepFinished(2.0, "a:a", "failed", "0f", 0.5, message="x\ny", log=("l",)),
            (
                '{"event": "StepFinished", "time": 2.0, "address": "a:a", "verdict": "failed", '
                '"key": "0f", "duration": 0.5, "digest": "", "reference": "", "message": "x\\ny", '
                '"source": [], "log": ["l"], "blocked_by": "", "source_line": 0, '
                '"reasons": []}'
            ),
        ),
        (
            events.RunFinished(3.0, ExitCode.FAILED, 1.5, (("failed", 1),)),
            (
                '{"event": "RunFinished", "time": 3.0, "exit_code": 1, "duration": 1.5, '
                '"counts": [["failed", 1]], "message": ""}'
            ),
        ),
        (
            events.StepProgress(3.5, "a:a", "sha256:1", "pulling", "running", 5, 9),
            (
                '{"event": "StepProgress", "time": 3.5, "address": "a:a", "part": "sha256:1", '
                '"name": "pulling", "state": "running", "current": 5, "total": 9}'
            ),
        ),
        (
            events.StepLog(4.0, "a:a", "", "\x1b[31m größe \udcff"),
            (
                '{"event": "StepLog", "time": 4.0, "address": "a:a", "instruction": "", '
                '"text": "\\u001b[31m gr\\u00f6\\u00dfe \\udcff"}'
            ),
        ),
    ],
)
def test_an_event_is_one_line_of_ascii(event: events.Event, line: str) -> None:
    assert event_line(event) == line

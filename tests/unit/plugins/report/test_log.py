from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from okplug import events
from okplug.errors import UsageError
from okplug_report.log import ReportLog, open_log

if TYPE_CHECKING:
    from pathlib import Path


class FullDisk(io.StringIO):
    """Takes one line and no more."""

    calls = 0

    def write(self, text: str) -> int:
        """Write, or fail."""
        self.calls += 1
        if self.calls > 1:
            raise OSError(28, "No space left on device")
        return super().write(text)


def warning(text: str) -> events.WarningRaised:
    return events.WarningRaised(1.5, text)


def test_every_line_can_be_read_when_it_is_written(tmp_path: Path) -> None:
    """A run that is killed leaves what was reported."""
    stream = open_log(tmp_path, "log", "--report-log")
    log = ReportLog(stream)
    for number in range(1, 4):
        log.okplug_event(warning(f"number {number}"))
        lines = (tmp_path / "log").read_text().splitlines()
        assert [json.loads(line)["message"] for line in lines] == [
            f"number {n}" for n in range(1, number + 1)
        ]
    log.okplug_unconfigure()
    assert stream.closed


def test_a_log_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    open_log(tmp_path, "log", "--report-log").close()
    assert (tmp_path / "log").read_text() == ""


def test_standard_output_stays_open(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stream = open_log(tmp_path, "-", "--report-log")
    assert stream is sys.stdout
    log = ReportLog(stream)
    log.okplug_event(warning("odd"))
    log.okplug_unconfigure()
    assert not stream.closed
    assert json.loads(capsys.readouterr().out)["message"] == "odd"
    assert [*tmp_path.iterdir()] == []


# -------------------------------------------------------------------------------------- errors


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_log(tmp_path, "out/log", "okplug.toml:3")
    assert str(caught.value) == (
        f"cannot write the report log {tmp_path}/out/log: No such file or directory\n"
        f"  hint: its name comes from okplug.toml:3; make the folder {tmp_path}/out first"
    )


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_log(tmp_path, ".", "--report-log")
    assert str(caught.value) == (
        f"cannot write the report log {tmp_path}: Is a directory\n"
        "  hint: its name comes from --report-log"
    )


def test_a_full_disk_is_told_once_and_ends_the_log() -> None:
    stream = FullDisk()
    log = ReportLog(stream)
    log.okplug_event(warning("first"))
    with pytest.raises(UsageError, match=r"^the report log ends early: No space left on device"):
        log.okplug_event(warning("second"))
    log.okplug_event(warning("third"))
    assert stream.calls == 2
    assert json.loads(stream.getvalue())["message"] == "first"


class Unflushed(io.StringIO):
    """Cannot be closed while something is left to write, like a file on a full disk."""

    def close(self) -> None:
        """Fail once; what Python closes in the end is closed."""
        if not self.closed:
            super().close()
            raise OSError(28, "No space left on device")

    def write(self, text: str) -> int:
        """Fail as well."""
        raise OSError(28, text)


def test_closing_what_is_broken_is_no_second_error() -> None:
    log = ReportLog(Unflushed())
    with pytest.raises(UsageError):
        log.okplug_event(warning("first"))
    log.okplug_unconfigure()


def test_a_log_that_cannot_be_closed_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"^the report log ends early: No space left on device"):
        ReportLog(Unflushed()).okplug_unconfigure()


def test_a_log_goes_on(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    with open_log(tmp_path, "log", "--report-log", "a") as stream:
        stream.write("new\n")
    assert (tmp_path / "log").read_text() == "old\nnew\n"

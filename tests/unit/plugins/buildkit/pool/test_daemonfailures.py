"""Why a daemon of our own does not run: messages and remedies."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from okplug import UsageError
from okplug_buildkit.pool.daemonfailures import file_errors, launch_failure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space there, or take another folder: buildkitd://?root=FOLDER"),
        (errno.EDQUOT, "free some space there, or take another folder: buildkitd://?root=FOLDER"),
        (errno.EACCES, "make it yours to write, or take another folder: buildkitd://?root=FOLDER"),
        (
            errno.ENOLCK,
            (
                "its file system has no file locks; take a local disk,"
                " or take another folder: buildkitd://?root=FOLDER"
            ),
        ),
    ],
)
def test_errors_of_the_file_system(tmp_path: Path, number: int, hint: str) -> None:
    with pytest.raises(UsageError) as caught, file_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.message == f"cannot keep buildkitd in {tmp_path}: {os.strerror(number)}"
    assert caught.value.hint == hint


def test_the_file_that_it_is_about_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught, file_errors(tmp_path):
        (tmp_path / "none" / "log").touch()
    assert caught.value.message.startswith(f"cannot keep buildkitd in {tmp_path}/none/log: ")


def test_without_an_error_nothing_happens(tmp_path: Path) -> None:
    with file_errors(tmp_path):
        tmp_path.touch()


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("a\nbuildkitd: no rights\ngoroutine 1\n\tmain.go\n", "no rights"),
        ("buildkitd: first\nbuildkitd: second\n", "second"),
        (
            "a\n[rootlesskit:child ] error: no newuidmap\nbye\n",
            "[rootlesskit:child ] error: no newuidmap",
        ),
        ("one\ntwo  \n\n\n", "two"),
    ],
)
def test_the_cause_is_what_the_daemon_said(tmp_path: Path, log: str, cause: str) -> None:
    (tmp_path / "log").write_text(log)
    error = launch_failure("it ended", tmp_path / "log")
    assert error.message == f"it ended: {cause}"
    assert error.hint == f"its log is {tmp_path}/log"


def test_the_last_lines_are_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n\n" for number in range(30)))
    error = launch_failure("it ended", tmp_path / "log")
    assert error.log == tuple(f"line {number}" for number in range(20, 30))


@pytest.mark.parametrize("content", [None, b"", b"\n\n"])
def test_a_daemon_that_said_nothing(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "log").write_bytes(content)
    error = launch_failure("it ended", tmp_path / "log")
    assert (error.message, error.log) == ("it ended", ())


def test_what_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"buildkitd: \xff\n")
    assert (
        launch_failure("it ended", tmp_path / "log").message
        == "it ended: \N{REPLACEMENT CHARACTER}"
    )

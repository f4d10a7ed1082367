"""Shares of work in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from okplug.forking import Forked, has_one_thread

if TYPE_CHECKING:
    from pathlib import Path


def double(share: bytes) -> bytes:
    return share * 2


def number_of_process(share: bytes) -> bytes:
    return share + str(os.getpid()).encode()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process seem to have one thread, as okplug's has when it forks."""
    monkeypatch.setattr("okplug.forking.has_one_thread", lambda: True)


@pytest.mark.usefixtures("alone")
def test_each_share_is_done_once_by_another_process() -> None:
    """However many there are; outcomes are in the order of shares."""
    assert Forked(double, [b"a", b"b", b"c"]).results() == [b"aa", b"bb", b"cc"]
    shares = [str(number).encode() for number in range(500)]
    assert Forked(double, shares).results() == [share * 2 for share in shares]
    processes = set(Forked(number_of_process, [b""] * 500).results())
    assert len(processes) <= 16
    assert str(os.getpid()).encode() not in processes


@pytest.mark.usefixtures("alone")
def test_results_may_be_larger_than_a_pipe_holds() -> None:
    assert Forked(double, [bytes(1 << 21)]).results() == [bytes(1 << 22)]


@pytest.mark.usefixtures("alone")
def test_what_a_process_does_not_finish_is_left_to_the_caller(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It says nothing, whether it fails or is killed, which loses what else it did."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    def work(share: bytes) -> bytes:
        if share == b"fails":
            raise ValueError(share)
        if share == b"is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return share

    assert Forked(work, [b"fails", b"is done"]).results() == [b"", b"is done"]
    shares = [b"is done", b"is killed", b"is not begun"]
    assert Forked(work, shares).results() == [b"", b"", b""]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("alone")
def test_processes_end_when_nobody_waits_for_them() -> None:
    def work(share: bytes) -> bytes:
        time.sleep(600)
        return share

    forked = Forked(work, [b"a", b"b"])
    processes = [process.number for process in forked._running]
    forked.end()
    forked.end()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert forked.results() == [b"", b""]


@pytest.mark.usefixtures("alone")
def test_an_interrupted_wait_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    interruptions = [KeyboardInterrupt()]

    def interrupt(_descriptor: int) -> bytes:
        if interruptions:
            raise interruptions.pop()
        return b""

    forked = Forked(double, [b"a", b"b"])
    processes = [process.number for process in forked._running]
    monkeypatch.setattr("okplug.forking._read_all", interrupt)
    with pytest.raises(KeyboardInterrupt):
        forked.results()
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have two processors, and call each wait a long one; return a file for work to grow."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr("okplug.forking._MANY_WAITS", 1)
    path = tmp_path / "done"
    path.touch()
    return path


def wait_and_add(path: Path) -> bytes:
    """Wait as for a disk; return the number of the process."""
    time.sleep(0.02)
    with path.open("ab") as stream:
        stream.write(b".")
    return str(os.getpid()).encode()


@pytest.mark.usefixtures("alone")
def test_who_has_to_wait_gets_help(waiting: Path) -> None:
    processes = Forked(wait_and_add, [waiting] * 300).results()
    assert len(waiting.read_bytes()) == len(processes) == 300
    assert 2 < len(set(processes)) <= 18


@pytest.mark.usefixtures("alone")
def test_helpers_end_when_nobody_waits_for_them(waiting: Path) -> None:
    """They are no children of this process, so they find out by themselves."""
    forked = Forked(wait_and_add, [waiting] * 20_000)
    while waiting.stat().st_size < 50:
        time.sleep(0.01)
    forked.end()
    before = -1
    while waiting.stat().st_size != before:
        before = waiting.stat().st_size
        time.sleep(0.5)
    assert before < 20_000


@pytest.mark.usefixtures("alone")
def test_an_interruption_while_processes_start_ends_them(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It waits for all of them; none prints what it was doing."""
    fork, started = os.fork, []

    def work(share: bytes) -> bytes:
        time.sleep(600)
        return share

    def interrupted() -> int:
        process = fork()
        if process:
            started.append(process)
            # to this thread: a test run may have others, which do not wait
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return process

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(8)})
    monkeypatch.setattr(os, "fork", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Forked(work, [b"a", b"b", b"c"])
    assert len(started) == 3  # no more than there are shares
    for process in started:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    assert capfd.readouterr() == ("", "")


def test_a_process_with_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread might hold a lock."""

    def refuse() -> int:
        pytest.fail("forked")

    monkeypatch.setattr(os, "fork", refuse)
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert Forked(double, [b"a", b"b"]).results() == [b"", b""]
    finally:
        stop.set()
        thread.join()


def test_a_thread_that_was_waited_for_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel shows it for a moment longer than Python does."""
    looks = [["1", "2"], ["1", "2"], ["1"]]
    monkeypatch.setattr(os, "listdir", lambda _: looks.pop(0))
    assert has_one_thread()
    monkeypatch.setattr(os, "listdir", lambda _: ["1", "2"])
    assert not has_one_thread()


LISTENING = """
import sys
from watchfiles._rust_notify import RustNotify
from okplug.forking import has_one_thread
alone = has_one_thread()
with RustNotify([sys.argv[1]], False, False, 300, False, True):
    print(alone, has_one_thread())
"""


def test_a_thread_that_is_none_of_pythons_counts(tmp_path: Path) -> None:
    program = [sys.executable, "-c", LISTENING, str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_other_systems_do_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with suppress(AttributeError):
        monkeypatch.delattr(os, "fork")
    assert Forked(double, [b"a"]).results() == [b""]

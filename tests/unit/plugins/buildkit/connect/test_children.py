"""Programs that are a connection: how they start, what they complain of, how they end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.connect.children import Child, ChildDialer
from okplug_buildkit.connect.relay import DialError

if TYPE_CHECKING:
    from pathlib import Path

WAIT = 10
ENVIRON = {"PATH": os.defpath}


def start(code: str, **environ: str) -> tuple[socket.socket, Child]:
    """Start Python as the program; its end of the connection is its standard input and output."""
    ours, theirs = socket.socketpair()
    ours.settimeout(WAIT)
    child = ChildDialer([sys.executable, "-c", code], {**ENVIRON, **environ})(theirs)
    assert theirs.fileno() == -1
    return ours, child


def until_over(child: Child) -> None:
    deadline = time.monotonic() + WAIT
    while not child.is_over():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_sent_reaches_the_program_and_back() -> None:
    stream, child = start("import os; os.write(1, os.read(0, 9).upper())")
    with stream:
        stream.sendall(b"hello")
        assert stream.recv(9) == b"HELLO"
        assert stream.recv(9) == b""
    until_over(child)
    assert child.complaint() == ""
    child.close()


def test_the_program_has_the_environment_that_is_given_and_no_other() -> None:
    code = "import os; os.write(1, ' '.join(sorted(os.environ)).encode())"
    stream, child = start(code, KUBECONFIG="/x", LC_CTYPE="C")
    with stream:
        assert stream.recv(99) == b"KUBECONFIG LC_CTYPE PATH"
    child.close()


def test_the_program_is_found_by_the_path_that_is_given(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    ours, theirs = socket.socketpair()
    with ours:
        child = ChildDialer(["docker"], {"PATH": f"{tmp_path}:{os.defpath}"})(theirs)
        ours.settimeout(WAIT)
        assert ours.recv(99) == b"found\n"
    child.close()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with pytest.raises(DialError) as caught:
            ChildDialer(["nope", "exec"], {"PATH": str(tmp_path)})(theirs)
        assert theirs.fileno() == -1
        assert ours.recv(1) == b""
    assert caught.value.message == "cannot start nope: No such file or directory"
    assert caught.value.hint == "install nope, or name a builder that is reached without it"


def test_the_last_line_on_standard_error_is_the_complaint() -> None:
    stream, child = start(
        "import sys; sys.stderr.write('warning\\n\\nNo such container: ü \\n\\n')"
    )
    with stream:
        assert stream.recv(1) == b""
    until_over(child)
    assert child.complaint() == "No such container: ü"
    child.close()
    assert child.complaint() == "No such container: ü"


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("", ""),
        ("raise SystemExit(3)", f"{sys.executable} ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
)
def test_how_it_ended_is_the_complaint_of_one_that_says_nothing(code: str, complaint: str) -> None:
    stream, child = start(code)
    stream.close()
    until_over(child)
    assert child.complaint() == complaint


def test_much_on_standard_error_stops_nothing() -> None:
    code = "import os; [os.write(2, b'x' * 99 + b'\\n') for _ in range(9999)]; os.write(1, b'done')"
    stream, child = start(code)
    with stream:
        assert stream.recv(9) == b"done"
    assert child.complaint() == "x" * 99
    child.close()


def test_a_program_ends_with_its_connection() -> None:
    stream, child = start("import os; os.read(0, 1); os.write(2, b'bye')")
    assert not child.is_over()
    stream.close()
    until_over(child)
    assert child.complaint() == "bye"
    child.close()


def test_a_program_that_does_not_end_is_killed() -> None:
    stream, child = start(
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "os.write(1, b'.'); time.sleep(99)"
    )
    with stream:
        assert stream.recv(1) == b"."
        child.close()
        assert stream.recv(1) == b""
    assert child._process.returncode == -signal.SIGKILL


def test_ctrl_c_is_not_for_the_program() -> None:
    stream, child = start("import os; os.write(1, str(os.getpgrp()).encode()); os.read(0, 1)")
    with stream:
        group = int(stream.recv(99))
    assert group != os.getpgrp()
    assert group == child._process.pid
    child.close()

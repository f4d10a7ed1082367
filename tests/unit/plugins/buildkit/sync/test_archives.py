"""Exports of one stream: a file is there as a whole or not at all."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError
from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError
from okplug_buildkit.sync.archives import ArchiveOutput, StreamOutput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.plugins.buildkit.sync.conftest import FakeCall

    MakeCall = Callable[..., FakeCall]


def wrapped(data: bytes) -> bytes:
    return filesync_pb2.BytesMessage(data=data).SerializeToString()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stream(make_call: MakeCall, *pieces: bytes | BaseException) -> FakeCall:
    """Return a call that brings pieces, and then ends unless the last one is an exception."""
    call = make_call()
    for piece in pieces:
        call.put(wrapped(piece) if isinstance(piece, bytes) else piece)
    call.put(None)
    return call


def test_a_file_gets_its_name_when_the_build_has_succeeded(
    tmp_path: Path, make_call: MakeCall
) -> None:
    output = ArchiveOutput(tmp_path / "image.tar")
    output.receive(stream(make_call, b"one ", b"", b"two" * 100_000))
    assert not (tmp_path / "image.tar").exists()
    output.commit()
    assert (tmp_path / "image.tar").read_bytes() == b"one " + b"two" * 100_000
    assert names(tmp_path) == ["image.tar"]


def test_no_reply_is_sent(tmp_path: Path, make_call: MakeCall) -> None:
    call = stream(make_call, b"x")
    ArchiveOutput(tmp_path / "f").receive(call)
    assert call.sent == []


def test_an_older_file_stays_until_then(tmp_path: Path, make_call: MakeCall) -> None:
    (tmp_path / "f").write_text("old")
    output = ArchiveOutput(tmp_path / "f")
    output.receive(stream(make_call, b"new"))
    assert (tmp_path / "f").read_text() == "old"
    output.commit()
    assert (tmp_path / "f").read_text() == "new"


def test_what_is_discarded_leaves_nothing(tmp_path: Path, make_call: MakeCall) -> None:
    (tmp_path / "f").write_text("old")
    output = ArchiveOutput(tmp_path / "f")
    output.receive(stream(make_call, b"new"))
    output.discard()
    output.discard()
    assert names(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "old"


def test_a_committed_file_is_not_discarded(tmp_path: Path, make_call: MakeCall) -> None:
    output = ArchiveOutput(tmp_path / "f")
    output.receive(stream(make_call, b"new"))
    output.commit()
    output.commit()
    output.discard()
    assert (tmp_path / "f").read_text() == "new"


@pytest.mark.parametrize("failure", [CallCancelled(), RpcError(Code.INTERNAL, "too large")])
def test_a_stream_that_is_cut_off_leaves_nothing(
    tmp_path: Path, make_call: MakeCall, failure: Exception
) -> None:
    output = ArchiveOutput(tmp_path / "f")
    with pytest.raises(type(failure)):
        output.receive(stream(make_call, b"half", failure))
    assert names(tmp_path) == []
    with pytest.raises(BuildError):
        output.commit()


def test_a_message_that_is_none_leaves_nothing(tmp_path: Path, make_call: MakeCall) -> None:
    call = make_call()
    call.put(wrapped(b"half"), b"\x12\x01x")
    with pytest.raises(RpcError) as raised:
        ArchiveOutput(tmp_path / "f").receive(call)
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert names(tmp_path) == []


def test_a_second_stream_takes_the_place_of_the_first(tmp_path: Path, make_call: MakeCall) -> None:
    """A build that is tried again on another daemon exports again."""
    output = ArchiveOutput(tmp_path / "f")
    output.receive(stream(make_call, b"first"))
    output.receive(stream(make_call, b"second"))
    output.commit()
    assert names(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "second"


def test_nothing_received_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as raised:
        ArchiveOutput(tmp_path / "f").commit()
    assert raised.value.message == f"the daemon sent nothing for the output {tmp_path}/f"
    assert raised.value.hint


def test_an_empty_stream_is_an_empty_file(tmp_path: Path, make_call: MakeCall) -> None:
    output = ArchiveOutput(tmp_path / "f")
    output.receive(stream(make_call))
    output.commit()
    assert (tmp_path / "f").read_bytes() == b""


def test_a_link_is_followed_to_the_file(tmp_path: Path, make_call: MakeCall) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    output = ArchiveOutput(tmp_path / "link")
    output.receive(stream(make_call, b"new"))
    output.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path, make_call: MakeCall) -> None:
    """The same holds for /dev/null, which must not become a file."""
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    thread.start()
    output = ArchiveOutput(tmp_path / "pipe")
    output.receive(stream(make_call, b"through"))
    thread.join()
    output.commit()
    assert read == [b"through"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("place", "reason", "hint"),
    [
        ("missing/f", "No such file or directory", "make the folder that it is to lie in"),
        ("file/f", "Not a directory", "a file or link is where a folder is needed: move it away"),
        ("folder", "Is a directory", "name a file, not a folder"),
    ],
)
def test_a_file_that_cannot_be_written_says_why(
    tmp_path: Path, make_call: MakeCall, place: str, reason: str, hint: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BuildError) as raised:
        ArchiveOutput(tmp_path / place).receive(stream(make_call, b"x"))
    assert raised.value.message == f"cannot write the output {tmp_path}/{place}: {reason}"
    assert raised.value.hint == hint


def test_a_full_disk_says_so_and_leaves_nothing(
    tmp_path: Path, make_call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("okplug_buildkit.sync.archives._copy", full)
    with pytest.raises(BuildError, match="No space left on device") as raised:
        ArchiveOutput(tmp_path / "f").receive(stream(make_call, b"x"))
    assert raised.value.hint == "free some space there, or write the output elsewhere"
    assert names(tmp_path) == []


# --------------------------------------------------------------------------------------- streams


def test_a_stream_is_written_as_it_comes(make_call: MakeCall) -> None:
    target = io.BytesIO()
    output = StreamOutput(target)
    output.receive(stream(make_call, b"one", b"two"))
    assert target.getvalue() == b"onetwo"
    output.commit()
    assert not target.closed


def test_two_streams_into_one_are_refused(make_call: MakeCall) -> None:
    target = io.BytesIO()
    output = StreamOutput(target)
    output.receive(stream(make_call, b"one"))
    with pytest.raises(RpcError, match="has been written already"):
        output.receive(stream(make_call, b"two"))
    assert target.getvalue() == b"one"


def test_a_stream_that_was_cut_off_is_no_success(make_call: MakeCall) -> None:
    output = StreamOutput(io.BytesIO())
    with pytest.raises(CallCancelled):
        output.receive(stream(make_call, b"half", CallCancelled()))
    output.discard()
    with pytest.raises(
        BuildError, match=r"^the daemon sent nothing for the output standard output\n"
    ):
        output.commit()


def test_a_reader_that_leaves_is_told(make_call: MakeCall) -> None:
    class Closed(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BuildError) as raised:
        StreamOutput(Closed()).receive(stream(make_call, b"x"))
    assert raised.value.message == "cannot write the output standard output: Broken pipe"
    assert raised.value.hint == "whoever reads it has ended early: look there for the reason"

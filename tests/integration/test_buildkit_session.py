"""Sessions with a real BuildKit: they live as long as they are open, and end without a trace."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # calls under way raise its errors
import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Daemon, connect
from okplug_buildkit.messages import unwrap
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.rpc import CallCancelled
from okplug_buildkit.session import Session
from okplug_buildkit.sync.sender import METHOD, serve_trees
from okplug_buildkit.sync.trees import MemoryTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from okplug_buildkit.rpc import Call, Handler
    from tests.integration.conftest import BuildKit

UPLOAD = "/moby.filesync.v1.FileSend/DiffCopy"
TAR = control_pb2.Exporter(type="tar")


@pytest.fixture
def daemon(buildkit: BuildKit) -> Iterator[Daemon]:
    before = set(threading.enumerate())
    with connect(parse_address(buildkit.address), ChannelOptions()) as daemon:
        yield daemon
    wait_until(lambda: not set(threading.enumerate()) - before)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def files(**files: bytes) -> Handler:
    """Serve files to copy, and a Dockerfile that does."""
    dockerfile = MemoryTree({"Dockerfile": b"FROM scratch\nCOPY . /\n"})
    return serve_trees({"context": MemoryTree(files), "dockerfile": dockerfile})


def solve(daemon: Daemon, session: Session, **fields: Any) -> Any:
    """Start to build, and return the call."""
    ref = f"{session.id}-{time.monotonic_ns()}"
    return daemon.solve(
        control_pb2.SolveRequest(ref=ref, session=session.id, frontend="dockerfile.v0", **fields)
    )


def keep(streams: list[bytes]) -> Handler:
    """Receive what is exported."""

    def handle(call: Call) -> None:
        pieces = []
        while (message := call.receive()) is not None:
            pieces.append(bytes(unwrap(message)))
        streams.append(b"".join(pieces))

    return handle


def test_a_build_takes_its_files_from_a_session_and_gives_them_back(daemon: Daemon) -> None:
    streams: list[bytes] = []
    content = b"".join(b"%d\n" % number for number in range(100))
    handlers = {METHOD: files(numbers=content), UPLOAD: keep(streams)}
    with Session(daemon, handlers) as session:
        solve(daemon, session, exporters=[TAR]).result(60)
    assert len(streams) == 1
    assert content in streams[0]
    assert (session.errors, session.is_lost) == ([], False)


def test_a_session_outlives_the_checks_of_its_health(daemon: Daemon) -> None:
    with Session(daemon, {METHOD: files(a=b"1")}) as session:
        time.sleep(12)  # without health the daemon has left after ten seconds, and does not say so
        assert not session.is_lost
        solve(daemon, session).result(60)


def test_many_builds_share_one_session(daemon: Daemon) -> None:
    streams: list[bytes] = []
    with Session(daemon, {METHOD: files(a=b"1"), UPLOAD: keep(streams)}) as session:
        for call in [solve(daemon, session, exporters=[TAR]) for _ in range(8)]:
            call.result(60)
    assert len(streams) == 8


def test_many_sessions_share_one_connection(daemon: Daemon) -> None:
    streams: list[bytes] = []

    def build(number: int) -> None:
        handlers: Mapping[str, Handler] = {
            METHOD: files(name=b"file of build %d" % number),
            UPLOAD: keep(streams),
        }
        with Session(daemon, handlers, shared_key=f"build {number}") as session:
            solve(daemon, session, exporters=[TAR]).result(60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(build, range(8)))
    for number in range(8):
        assert sum(b"file of build %d" % number in stream for stream in streams) == 1


def test_more_than_the_windows_hold_in_both_directions(daemon: Daemon) -> None:
    streams: list[bytes] = []
    large = threading.get_ident().to_bytes(8, "big") * (12 << 20)  # 96 MiB
    slow = threading.Event()

    def receive_late(call: Call) -> None:
        slow.wait(0.5)  # by when the daemon has filled the window, and waits
        keep(streams)(call)

    with Session(daemon, {METHOD: files(large=large), UPLOAD: receive_late}) as session:
        solve(daemon, session, exporters=[TAR]).result(120)
        assert not session.is_lost
    assert large in streams[0]


def test_a_cancelled_build_wakes_its_handlers(daemon: Daemon) -> None:
    begun, told = threading.Event(), threading.Event()

    def wait(call: Call) -> None:
        begun.set()
        try:
            while call.receive() is not None:
                pass
        except CallCancelled:
            told.set()
            raise

    with Session(daemon, {METHOD: wait}) as session:
        call = solve(daemon, session)
        assert begun.wait(20)
        call.cancel()
        assert told.wait(20)
        assert not session.is_lost


def test_a_session_may_be_closed_in_the_middle_of_a_build(daemon: Daemon) -> None:
    begun = threading.Event()

    def wait(call: Call) -> None:
        begun.set()
        call.receive()
        call.receive()

    session = Session(daemon, {METHOD: wait})
    session.open()
    call = solve(daemon, session)
    assert begun.wait(20)
    session.close()
    with pytest.raises(grpc.RpcError):
        call.result(60)
    assert (session.errors, session.is_lost) == ([], False)


def test_what_a_handler_does_wrong_fails_the_build_and_is_kept(daemon: Daemon) -> None:
    def fail(_call: Call) -> None:
        raise ValueError("known to us only")

    with Session(daemon, {METHOD: fail}) as session:
        with pytest.raises(grpc.RpcError, match="internal error") as caught:
            solve(daemon, session).result(60)
        assert "known to us only" not in str(caught.value)
        assert [str(error) for error in session.errors] == ["known to us only"]


def test_a_closed_connection_loses_its_sessions(buildkit: BuildKit) -> None:
    begun, told = threading.Event(), threading.Event()

    def wait(call: Call) -> None:
        begun.set()
        try:
            while call.receive() is not None:
                pass
        except CallCancelled:
            told.set()

    daemon = connect(parse_address(buildkit.address), ChannelOptions())
    with Session(daemon, {METHOD: wait}) as session:
        call = solve(daemon, session)
        assert begun.wait(20)
        daemon.close()
        assert told.wait(20)
        assert session.is_lost
        assert session.failure.startswith("the session was cut off: ")
        assert "Channel closed!" in session.failure
        assert call.code() is grpc.StatusCode.CANCELLED

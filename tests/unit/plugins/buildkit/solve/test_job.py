"""One solve, its session and its status, with daemons that are played."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # a played daemon fails with its codes
import pytest

from okplug import CancelledError
from okplug.testing import RecordingControl
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import DaemonLostError
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Daemon, connect
from okplug_buildkit.pool.failures import DaemonLost
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.solve.caches import Cache
from okplug_buildkit.solve.exporters import Exporter
from okplug_buildkit.solve.job import Job, SolveFailed, run_job
from okplug_buildkit.solve.progress import Progress
from tests.fakedaemon import CONTROL, FakeDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from okplug_buildkit.rpc import Call

WAIT = 10
JOB = Job({"filename": "Dockerfile"}, {})


class Played(FakeDaemon):
    """Opens sessions, which last as long as the other side wants."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"unix:{folder}/s")
        self.folder = folder
        self.sessions: list[list[str]] = []
        self.answers[f"{CONTROL}/Session"] = self._session
        self.answer("Status", control_pb2.StatusResponse())
        self.answer("Solve", control_pb2.SolveResponse(exporter_response={"a": "b"}))

    def _session(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.sessions.append(
            [
                str(value)
                for key, value in context.invocation_metadata() or ()
                if key == "x-docker-expose-session-grpc-method"
            ]
        )
        yield from ()
        for _ in requests:
            pass


@pytest.fixture
def played() -> Iterator[Played]:
    """A daemon that is played, at a socket."""
    with tempfile.TemporaryDirectory(prefix="okp-") as folder, Played(folder) as played:
        yield played


@pytest.fixture
def daemon(played: Played) -> Iterator[Daemon]:
    """A connection to it."""
    address = parse_address(f"unix://{played.folder}/s")
    with connect(address, ChannelOptions()) as daemon:
        yield daemon


@pytest.fixture
def control() -> RecordingControl:
    """What is told."""
    return RecordingControl()


def run(daemon: Daemon, control: RecordingControl, job: Job = JOB) -> dict[str, str]:
    before = {thread for thread in threading.enumerate() if thread.name.startswith("status")}
    try:
        return run_job(daemon, job, control, Progress(control, Path("Dockerfile")))
    finally:
        after = {thread for thread in threading.enumerate() if thread.name.startswith("status")}
        assert after == before


def test_the_message_of_a_job() -> None:
    job = Job(
        {"filename": "Dockerfile", "target": "t"},
        {},
        exporters=[Exporter("image", {"push": "true"}), Exporter("tar")],
        imports=[Cache("registry", {"ref": "a/b"})],
        exports=[Cache("inline", {})],
        entitlements=["network.host"],
        shared_key="not in the message",
    )
    assert job.request("r", "s") == control_pb2.SolveRequest(
        ref="r",
        session="s",
        frontend="dockerfile.v0",
        frontend_attrs={"filename": "Dockerfile", "target": "t"},
        exporters=[
            control_pb2.Exporter(type="image", attrs={"push": "true"}),
            control_pb2.Exporter(type="tar"),
        ],
        cache=control_pb2.CacheOptions(
            imports=[control_pb2.CacheOptionsEntry(type="registry", attrs={"ref": "a/b"})],
            exports=[control_pb2.CacheOptionsEntry(type="inline")],
        ),
        entitlements=["network.host"],
    )
    assert "not in the message" not in repr(job)


def test_what_the_exporters_say(played: Played, daemon: Daemon, control: RecordingControl) -> None:
    def handle(_: Call) -> None:
        raise AssertionError("nobody calls it")

    assert run(daemon, control, Job({}, {"/a.Service/Method": handle})) == {"a": "b"}
    (methods,) = played.sessions
    assert "/a.Service/Method" in methods


def test_solve_and_status_are_of_one_build(
    played: Played, daemon: Daemon, control: RecordingControl
) -> None:
    run(daemon, control)
    run(daemon, control)
    asked = dict(played.calls)
    solve = control_pb2.SolveRequest.FromString(asked["Solve"])
    status = control_pb2.StatusRequest.FromString(asked["Status"])
    assert solve.ref == status.ref
    assert len({request for method, request in played.calls if method == "Solve"}) == 2


def test_the_status_is_read_to_its_end(
    played: Played, daemon: Daemon, control: RecordingControl
) -> None:
    """The last words may come when the build is over."""

    def answer(_: Iterator[bytes], __: grpc.ServicerContext) -> Iterator[bytes]:
        time.sleep(0.05)
        message = control_pb2.StatusResponse()
        message.logs.add(vertex="v", stream=1, msg=b"last words")
        yield message.SerializeToString()

    played.answers[f"{CONTROL}/Status"] = answer
    run(daemon, control)
    assert control.lines == ["last words"]


def test_a_build_that_fails(played: Played, daemon: Daemon, control: RecordingControl) -> None:
    played.fail("Solve", grpc.StatusCode.UNKNOWN, "no such thing")
    with pytest.raises(SolveFailed) as caught:
        run(daemon, control)
    assert caught.value.error.details() == "no such thing"
    assert not caught.value.is_connection
    assert caught.value.loss(daemon) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, DaemonLostError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DaemonLostError),
    ],
)
def test_a_daemon_that_is_lost(
    played: Played,
    daemon: Daemon,
    control: RecordingControl,
    code: grpc.StatusCode,
    kind: type[Exception],
) -> None:
    played.fail("Solve", code, "Socket closed")
    with pytest.raises(SolveFailed) as caught:
        run(daemon, control)
    assert caught.value.is_connection
    assert isinstance(caught.value.loss(daemon), kind)


def test_a_session_that_is_lost(played: Played, daemon: Daemon, control: RecordingControl) -> None:
    """The daemon says that the build failed; but that is not the reason."""
    ended = threading.Event()

    def session(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from ()
        ended.set()
        context.abort(grpc.StatusCode.INTERNAL, "broken")

    def solve(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from ()
        ended.wait(WAIT)
        time.sleep(0.05)
        context.abort(grpc.StatusCode.UNKNOWN, "no active session")

    played.answers[f"{CONTROL}/Session"] = session
    played.answers[f"{CONTROL}/Solve"] = solve
    with pytest.raises(SolveFailed) as caught:
        run(daemon, control)
    loss = caught.value.loss(daemon)
    assert isinstance(loss, DaemonLost)
    assert loss.message == f"lost BuildKit at {daemon.address}: no active session"
    assert loss.hint == "look at the daemon's log; okplug builder check tells what works"


def hang(played: Played) -> threading.Event:
    """Have the daemon build for as long as it may; return what says that it does."""
    started = threading.Event()

    def solve(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        over = threading.Event()
        context.add_callback(over.set)
        started.set()
        over.wait(WAIT)
        yield from ()

    played.answers[f"{CONTROL}/Solve"] = solve
    return started


def test_an_interrupted_build(played: Played, daemon: Daemon, control: RecordingControl) -> None:
    started = hang(played)

    def interrupt() -> None:
        started.wait(WAIT)
        control.cancel()

    threading.Thread(target=interrupt).start()
    with pytest.raises(CancelledError):
        run(daemon, control)
    assert started.is_set()


def test_an_interruption_before_the_build(
    played: Played, daemon: Daemon, control: RecordingControl
) -> None:
    hang(played)
    control.cancel()
    with pytest.raises(CancelledError):
        run(daemon, control)


def test_a_build_that_the_daemon_cancels(
    played: Played, daemon: Daemon, control: RecordingControl
) -> None:
    played.fail("Solve", grpc.StatusCode.CANCELLED, "context canceled")
    with pytest.raises(CancelledError):
        run(daemon, control)


def test_what_fails_on_this_side_is_the_reason(
    daemon: Daemon, control: RecordingControl, monkeypatch: pytest.MonkeyPatch, played: Played
) -> None:
    """The daemon only knows that something did not come."""
    played.fail("Solve", grpc.StatusCode.UNKNOWN, "failed to read: internal error")
    first: list[Any] = [ZeroDivisionError("first"), ZeroDivisionError("second")]
    monkeypatch.setattr("okplug_buildkit.session.Session.errors", first)
    with pytest.raises(ZeroDivisionError, match="first"):
        run(daemon, control)


def test_another_frontend_runs_in_the_gateway() -> None:
    assert JOB.request("r", "s").frontend == "dockerfile.v0"
    assert Job({"source": "docker/dockerfile:1"}, {}).request("r", "s").frontend == "gateway.v0"


def test_a_build_is_kept_out_of_the_history_if_asked_for() -> None:
    assert not JOB.request("r", "s").internal
    assert Job({}, {}, is_internal=True).request("r", "s").internal

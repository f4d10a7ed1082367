"""What a daemon can be asked, with daemons that are played."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc  # noqa: TID253  # its errors are what calls raise
import pytest

from okplug import UsageError
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import DaemonError, DaemonLostError, Fault
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Daemon, Version, Worker, connect
from okplug_buildkit.proto import control_pb2, gateway_pb2, llb_pb2
from tests.fakedaemon import CONTROL, FakeDaemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT = 10
GATEWAY = "/moby.buildkit.v1.frontend.LLBBridge"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="okp-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def played(folder: Path) -> Iterator[FakeDaemon]:
    """A daemon that is played, at a socket."""
    with FakeDaemon(f"unix:{folder}/s") as played:
        yield played


def reach(folder: Path, options: ChannelOptions | None = None) -> Daemon:
    return connect(parse_address(f"unix://{folder}/s"), options or ChannelOptions())


@pytest.fixture
def daemon(folder: Path, played: FakeDaemon) -> Iterator[Daemon]:
    """A connection to the played daemon."""
    assert played
    with reach(folder) as daemon:
        yield daemon


def test_what_a_daemon_is(daemon: Daemon) -> None:
    assert daemon.info(WAIT) == Version("played", "v0.99.0", "abc", "1.99")
    assert str(daemon.address).startswith("unix:///")


def test_a_daemon_that_is_too_old_to_say_what_it_is_has_answered(
    daemon: Daemon, played: FakeDaemon
) -> None:
    del played.answers[f"{CONTROL}/Info"]
    assert daemon.info(WAIT) == Version()


def test_a_daemon_that_starts_is_waited_for(folder: Path) -> None:
    found: list[Version] = []
    with reach(folder) as daemon:
        asking = threading.Thread(target=lambda: found.append(daemon.info(WAIT)))
        asking.start()
        asking.join(0.3)
        assert found == []
        with FakeDaemon(f"unix:{folder}/s"):
            asking.join(WAIT)
    assert [version.version for version in found] == ["v0.99.0"]


def test_a_daemon_that_never_starts_is_given_up(folder: Path) -> None:
    with reach(folder) as daemon, pytest.raises(DaemonLostError) as caught:
        daemon.info(0.3)
    assert caught.value.fault is Fault.NO_DAEMON
    assert caught.value.message == f"no BuildKit at unix://{folder}/s: there is no such socket"


@pytest.mark.parametrize("address", ["unix://{folder}/s", "tcp://127.0.0.1:1"])
def test_what_is_not_there_is_given_up_sooner(folder: Path, address: str) -> None:
    at = parse_address(address.format(folder=folder))
    began = time.monotonic()
    with connect(at, ChannelOptions()) as daemon, pytest.raises(DaemonLostError):
        daemon.info(600, 0.3)
    assert time.monotonic() - began < WAIT


def test_what_was_there_is_waited_for(folder: Path) -> None:
    with reach(folder) as daemon:
        with FakeDaemon(f"unix:{folder}/s"):
            daemon.info(WAIT)
        timer = threading.Timer(0.5, (again := FakeDaemon(f"unix:{folder}/s")).__enter__)
        timer.start()
        try:
            assert daemon.info(WAIT, 0.0).version == "v0.99.0"
        finally:
            timer.join()
            again.__exit__()


def test_how_often_it_is_asked_and_for_how_long(folder: Path) -> None:
    address = parse_address(f"unix://{folder}/s")
    options = ChannelOptions(attempt=0.2, pause=0.1)
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        with connect(address, options) as daemon, pytest.raises(DaemonLostError):
            daemon.info(0.9)
    assert 0.5 < time.monotonic() - began < WAIT


def test_what_is_silent_is_given_up(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        with reach(folder) as daemon, pytest.raises(DaemonLostError) as caught:
            daemon.info(0.2)
    assert caught.value.fault is Fault.SILENT


def test_what_no_wait_mends_is_not_waited_for(daemon: Daemon, played: FakeDaemon) -> None:
    played.fail("Info", grpc.StatusCode.UNAUTHENTICATED, "no token")
    with pytest.raises(DaemonError, match="it does not let us in: no token") as caught:
        daemon.info(600)
    assert caught.value.fault is Fault.AUTHENTICATION
    assert len(played.metadata) == 1


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("", "cannot start docker: No such file or directory"),
        ("echo No such container: kit >&2; exit 1", "No such container: kit"),
        ("exit 3", "docker ended with exit code 3"),
    ],
)
def test_what_is_in_between_and_fails_is_not_waited_for(
    tmp_path: Path, program: str, reason: str
) -> None:
    if program:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "docker").chmod(0o755)
    options = ChannelOptions(environ={"PATH": f"{tmp_path}:{os.defpath}" if program else "/no"})
    with (
        connect(parse_address("docker-container://kit"), options) as daemon,
        pytest.raises(DaemonLostError) as caught,
    ):
        daemon.info(600)
    assert caught.value.message == f"no BuildKit at docker-container://kit: {reason}"


def test_what_is_in_between_and_fails_is_waited_for_where_that_is_wanted(
    tmp_path: Path, folder: Path, played: FakeDaemon
) -> None:
    """A pod that is not ready yet, say, of which a program only tells that it is none."""
    assert played
    (tmp_path / "pipe.py").write_text(PIPE)
    docker = tmp_path / "docker"
    docker.write_text(
        f"#!/bin/sh\nif [ -e {tmp_path}/asked ]\nthen exec {sys.executable} -I {tmp_path}/pipe.py "
        f"{folder}/s\nfi\ntouch {tmp_path}/asked; echo not ready >&2; exit 1\n"
    )
    docker.chmod(0o755)
    options = ChannelOptions(environ={"PATH": f"{tmp_path}:{os.defpath}"}, wait=WAIT)
    with connect(parse_address("docker-container://kit"), options) as daemon:
        assert daemon.info(WAIT).version == "v0.99.0"


PIPE = """\
import os, socket, sys, threading
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
def carry(read, write, end):
    while data := read(65536):
        write(data)
    end()
threading.Thread(
    target=carry, args=(lambda n: os.read(0, n), stream.sendall, lambda: stream.shutdown(1)),
    daemon=True,
).start()
carry(stream.recv, lambda data: os.write(1, data), lambda: None)
"""


def test_a_child_process_carries_calls(tmp_path: Path, folder: Path, played: FakeDaemon) -> None:
    assert played
    (tmp_path / "pipe.py").write_text(PIPE)
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\nexec {sys.executable} -I {tmp_path}/pipe.py {folder}/s\n")
    docker.chmod(0o755)
    options = ChannelOptions(environ={"PATH": f"{tmp_path}:{os.defpath}"})
    with connect(parse_address("docker-container://kit"), options) as daemon:
        assert daemon.info(WAIT).version == "v0.99.0"
    assert not [t for t in threading.enumerate() if t.name.startswith("okplug ")]


def test_workers(daemon: Daemon, played: FakeDaemon) -> None:
    platforms = [
        llb_pb2.Platform(os="linux", architecture="arm", variant="v7"),
        llb_pb2.Platform(os="linux", architecture="amd64"),
    ]
    record = control_pb2.WorkerRecord(id="w", labels={"a": "b"}, platforms=platforms)
    played.answer("ListWorkers", control_pb2.ListWorkersResponse(record=[record]))
    assert daemon.workers() == (Worker("w", {"a": "b"}, ("linux/arm/v7", "linux/amd64")),)


def test_a_build_is_started_and_has_an_answer(daemon: Daemon, played: FakeDaemon) -> None:
    played.answer("Solve", control_pb2.SolveResponse(exporter_response={"digest": "sha256:0"}))
    request = control_pb2.SolveRequest(ref="r", session="s", frontend="dockerfile.v0")
    call = daemon.solve(request)
    assert dict(call.result(WAIT).exporter_response) == {"digest": "sha256:0"}
    assert call.done()
    assert call.code() is grpc.StatusCode.OK
    assert played.calls == [("Solve", request.SerializeToString())]


def waits(played: FakeDaemon, method: str) -> tuple[threading.Event, threading.Event]:
    """Have a method wait until it is cancelled; return what tells of its start and its end."""
    started, ended = threading.Event(), threading.Event()

    def answer(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(ended.set)
        started.set()
        yield b""
        ended.wait(WAIT)

    played.answers[f"{CONTROL}/{method}"] = answer
    return started, ended


def test_a_build_can_be_cancelled(daemon: Daemon, played: FakeDaemon) -> None:
    started, ended = waits(played, "Solve")
    call = daemon.solve(control_pb2.SolveRequest())
    assert started.wait(WAIT)
    assert call.cancel()
    with pytest.raises(grpc.FutureCancelledError):
        call.result(WAIT)
    assert ended.wait(WAIT)


def test_closing_cancels_what_is_under_way(folder: Path, played: FakeDaemon) -> None:
    started, ended = waits(played, "Solve")
    with reach(folder) as daemon:
        call = daemon.solve(control_pb2.SolveRequest())
        assert started.wait(WAIT)
    assert ended.wait(WAIT)
    assert call.code() is grpc.StatusCode.CANCELLED
    daemon.close()


def test_progress(daemon: Daemon, played: FakeDaemon) -> None:
    vertex = control_pb2.Vertex(digest="sha256:0", name="[1/2] RUN true")
    responses = [control_pb2.StatusResponse(vertexes=[vertex]), control_pb2.StatusResponse()]
    played.answer("Status", *responses)
    assert list(daemon.status("r")) == responses
    assert played.calls == [("Status", control_pb2.StatusRequest(ref="r").SerializeToString())]


def test_progress_that_is_no_longer_wanted(daemon: Daemon, played: FakeDaemon) -> None:
    _, ended = waits(played, "Status")
    call = daemon.status("r")
    next(call)
    call.cancel()
    with pytest.raises(grpc.RpcError):
        next(call)
    assert ended.wait(WAIT)


def test_a_tunnel_carries_bytes_as_they_are(daemon: Daemon, played: FakeDaemon) -> None:
    def echo(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield request * 2

    played.answers[f"{CONTROL}/Session"] = echo
    metadata = [("x-docker-expose-session-grpc-method", name) for name in ("/a", "/b")]
    assert list(daemon.session(metadata, iter([b"\x0a\x01x", b"\xff"]))) == [
        b"\x0a\x01x" * 2,
        b"\xff" * 2,
    ]
    assert played.metadata[0]["x-docker-expose-session-grpc-method"] == "/b"


def test_what_is_in_the_cache(daemon: Daemon, played: FakeDaemon) -> None:
    records = [control_pb2.UsageRecord(id="a", size=3), control_pb2.UsageRecord(id="b", size=4)]
    played.answer("DiskUsage", control_pb2.DiskUsageResponse(record=records))
    assert [record.size for record in daemon.disk_usage(["type==regular"])] == [3, 4]
    request = control_pb2.DiskUsageRequest(filter=["type==regular"])
    assert played.calls == [("DiskUsage", request.SerializeToString())]


def test_what_is_removed_from_the_cache(daemon: Daemon, played: FakeDaemon) -> None:
    played.answer("Prune", control_pb2.UsageRecord(id="a"), control_pb2.UsageRecord(id="b"))
    request = control_pb2.PruneRequest(all=True, keep_duration=5)
    assert [record.id for record in daemon.prune(request)] == ["a", "b"]
    assert played.calls == [("Prune", request.SerializeToString())]


def test_the_builds_that_run(daemon: Daemon, played: FakeDaemon) -> None:
    event = control_pb2.BuildHistoryEvent(record=control_pb2.BuildHistoryRecord(ref="r"))
    played.answer("ListenBuildHistory", event)
    assert [record.ref for record in daemon.builds(active_only=True)] == ["r"]
    request = control_pb2.BuildHistoryRequest(active_only=True, early_exit=True)
    assert played.calls == [("ListenBuildHistory", request.SerializeToString())]


ASKS: list[tuple[str, Callable[[Daemon], object]]] = [
    ("ListWorkers", lambda daemon: daemon.workers()),
    ("DiskUsage", lambda daemon: daemon.disk_usage()),
    ("Prune", lambda daemon: list(daemon.prune(control_pb2.PruneRequest()))),
    ("ListenBuildHistory", lambda daemon: daemon.builds(active_only=False)),
]


@pytest.mark.parametrize(("method", "ask"), ASKS, ids=[method for method, _ in ASKS])
def test_what_a_daemon_refuses_is_explained(
    daemon: Daemon, played: FakeDaemon, method: str, ask: Callable[[Daemon], object]
) -> None:
    played.fail(method, grpc.StatusCode.UNKNOWN, "failed to parse prune filters")
    with pytest.raises(DaemonError, match="failed to parse prune filters"):
        ask(daemon)


def test_a_daemon_that_goes_is_lost(folder: Path) -> None:
    with reach(folder) as daemon:
        with FakeDaemon(f"unix:{folder}/s"):
            daemon.info(WAIT)
        with pytest.raises(DaemonLostError, match=r"^lost BuildKit at unix:"):
            daemon.workers()


def test_a_build_that_loses_its_daemon_is_explained(folder: Path) -> None:
    with reach(folder) as daemon:
        with FakeDaemon(f"unix:{folder}/s") as played:
            daemon.info(WAIT)
            started, _ = waits(played, "Solve")
            call = daemon.solve(control_pb2.SolveRequest())
            assert started.wait(WAIT)
        with pytest.raises(grpc.RpcError) as caught:
            call.result(WAIT)
    assert isinstance(daemon.explain(caught.value), DaemonError)


def test_a_token_goes_with_every_call(folder: Path, played: FakeDaemon) -> None:
    played.answer("ListWorkers", control_pb2.ListWorkersResponse())
    played.answer("Status")
    played.answer("Session")
    played.answer("Solve", control_pb2.SolveResponse())
    played.answer("Ping", gateway_pb2.PongResponse(), service=GATEWAY)
    with reach(folder, ChannelOptions(token="opensesame")) as daemon:
        daemon.info(WAIT)
        daemon.workers()
        list(daemon.status("r"))
        list(daemon.session([("k", "v")], iter([])))
        daemon.solve(control_pb2.SolveRequest()).result(WAIT)
        daemon.gateway("r").ping()
    assert len(played.metadata) == 6
    assert {call["authorization"] for call in played.metadata} == {"Bearer opensesame"}


def test_without_a_token_there_is_none(daemon: Daemon, played: FakeDaemon) -> None:
    daemon.info(WAIT)
    assert "authorization" not in played.metadata[0]


def test_a_token_is_not_shown(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        connect(parse_address("tcp://example.com:1"), ChannelOptions(token="opensesame"))
    assert "opensesame" not in str(caught.value)
    with reach(folder, ChannelOptions(token="opensesame")) as daemon:
        assert "opensesame" not in repr(daemon)
        with pytest.raises(DaemonLostError) as lost:
            daemon.info(0.1)
    assert "opensesame" not in str(lost.value)


def test_what_takes_the_frontends_place(daemon: Daemon, played: FakeDaemon) -> None:
    result = gateway_pb2.Result(ref=gateway_pb2.Ref(id="x"), metadata={"result.json": b"{}"})
    pong = gateway_pb2.PongResponse(llb_caps=[gateway_pb2.APICap(id="source.image")])
    played.answer("Ping", pong, service=GATEWAY)
    played.answer("Solve", gateway_pb2.SolveResponse(result=result), service=GATEWAY)
    played.answer("Return", gateway_pb2.ReturnResponse(), service=GATEWAY)
    gateway = daemon.gateway("the-build")
    assert gateway.ping() == pong
    request = gateway_pb2.SolveRequest(frontend="dockerfile.v0")
    assert gateway.solve(request, WAIT).result == result
    returned = gateway_pb2.ReturnRequest(result=result)
    assert gateway.return_(returned) == gateway_pb2.ReturnResponse()
    assert [call["buildkit-controlapi-buildid"] for call in played.metadata] == ["the-build"] * 3
    assert [request for _, request in played.calls] == [
        b"",
        request.SerializeToString(),
        returned.SerializeToString(),
    ]


def test_what_is_not_known_of_a_result_is_handed_back_as_it_came(
    daemon: Daemon, played: FakeDaemon
) -> None:
    attested = (
        b"\x62\x0a\x0a\x01p\x12\x05\x0a\x03\x0a\x01x"  # attestations: "p" -> fields unknown here
    )
    result = gateway_pb2.Result.FromString(attested)
    assert list(result.attestations) == ["p"]
    played.answer("Return", gateway_pb2.ReturnResponse(), service=GATEWAY)
    daemon.gateway("r").return_(gateway_pb2.ReturnRequest(result=result))
    assert attested in played.calls[0][1]

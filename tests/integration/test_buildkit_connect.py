"""Every way to a real BuildKit, and every way to miss it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.failures import DaemonError, DaemonLostError, Fault
from okplug_buildkit.connect.keepalive import KeepAlive
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.tls import TLS, TLSFiles, load_tls
from okplug_buildkit.daemon import Daemon, connect
from okplug_buildkit.proto import control_pb2
from tests.certificates import Authority
from tests.integration.conftest import free_port, program, running_buildkit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import BuildKit, TLSBuildKit

WAIT = 30
NAMES = ("builder_ca", "builder_cert", "builder_key")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Hold that no thread of ours and no child outlives its daemon."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("okplug ")]
    children = f"/proc/self/task/{os.getpid()}/children"
    if os.path.exists(children):  # noqa: PTH110  # not every kernel has it
        with open(children) as stream:  # noqa: PTH123  # likewise
            pids = stream.read().split()
        commands = [_command(pid) for pid in pids]
        assert not [command for command in commands if "dial-stdio" in command]


def _command(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as stream:  # noqa: PTH123  # it may be gone
            return stream.read()
    except OSError:
        return ""


def reach(address: str, options: ChannelOptions | None = None) -> Daemon:
    return connect(parse_address(address), options or ChannelOptions())


def answers(address: str, options: ChannelOptions | None = None) -> bool:
    """Tell whether the daemon says what it is, what runs builds in it, and what it keeps."""
    with reach(address, options) as daemon:
        version = daemon.info(WAIT)
        assert "buildkit" in version.package
        workers = daemon.workers()
        assert any(platform.startswith("linux/") for platform in workers[0].platforms)
        assert daemon.builds(active_only=True) == ()
        list(daemon.prune(control_pb2.PruneRequest(filter=["id==nothing"])))
        return isinstance(daemon.disk_usage(), tuple)


def fault(address: str, options: ChannelOptions | None = None, timeout: float = 0.5) -> DaemonError:
    with reach(address, options) as daemon, pytest.raises(DaemonError) as caught:
        daemon.info(timeout)
    assert address in caught.value.message
    assert caught.value.hint
    return caught.value


def test_at_a_socket(buildkit: BuildKit) -> None:
    assert answers(buildkit.address)


def test_at_a_port(tcp_buildkit: BuildKit) -> None:
    assert answers(tcp_buildkit.address)
    assert answers(tcp_buildkit.address.replace("127.0.0.1", "localhost"))


def test_a_proxy_of_the_environment_is_not_asked(
    tcp_buildkit: BuildKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert answers(tcp_buildkit.address)
    assert fault(tcp_buildkit.address, ChannelOptions(proxy=True)).fault is Fault.NO_DAEMON


def test_with_keep_alive(buildkit: BuildKit) -> None:
    options = ChannelOptions(keepalive=KeepAlive(10_000, 5000, permit_without_stream=True))
    assert answers(buildkit.address, options)


def tls_of(authority: Authority, name: str = "", signer: Authority | None = None) -> TLS:
    """Return our side of TLS.

    :param name: what to call the daemon.
    :param signer: of our certificate, if it is not the one that signed for the daemon.
    """
    folder = (signer or authority).folder
    files = TLSFiles(authority.ca, folder / "client.pem", folder / "client.key", name)
    return load_tls(files, NAMES)


@pytest.mark.parametrize("name", ["", "buildkit.test"])
def test_with_certificates(tls_buildkit: TLSBuildKit, name: str) -> None:
    tls = tls_of(tls_buildkit.authority, name)
    assert answers(tls_buildkit.address, ChannelOptions(tls=tls, token="opensesame"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    other = Authority.make(tmp_path_factory.mktemp("other"), "other")
    other.sign("client")
    return other


def test_certificates_that_do_not_fit(tls_buildkit: TLSBuildKit, other: Authority) -> None:
    authority = tls_buildkit.authority
    trusting = TLSFiles(other.ca, authority.folder / "client.pem", authority.folder / "client.key")
    cases = {
        "its certificate is for another name": tls_of(authority, "example.test"),
        "the daemon refuses our certificate, or wants one": tls_of(authority, signer=other),
        "its certificate is not trusted: unable to get local issuer certificate": load_tls(
            trusting, NAMES
        ),
    }
    for reason, tls in cases.items():
        error = fault(tls_buildkit.address, ChannelOptions(tls=tls), WAIT)
        assert error.message == f"cannot use BuildKit at {tls_buildkit.address}: {reason}"
        assert error.fault is Fault.TLS


def test_no_certificate_of_our_own(tls_buildkit: TLSBuildKit) -> None:
    tls = load_tls(TLSFiles(tls_buildkit.authority.ca), NAMES)
    error = fault(tls_buildkit.address, ChannelOptions(tls=tls), WAIT)
    assert error.message.endswith(": the daemon refuses our certificate, or wants one")


def test_no_tls_where_tls_is_wanted(tls_buildkit: TLSBuildKit) -> None:
    error = fault(tls_buildkit.address, timeout=WAIT)
    assert error.message.endswith(": the daemon speaks only TLS there")
    assert error.fault is Fault.TLS


def test_tls_where_there_is_none(tcp_buildkit: BuildKit, other: Authority) -> None:
    error = fault(tcp_buildkit.address, ChannelOptions(tls=tls_of(other)), WAIT)
    assert error.message.endswith(": the daemon speaks no TLS there")
    assert error.fault is Fault.TLS


def test_nothing_at_a_port_and_at_a_socket(tmp_path: Path) -> None:
    error = fault(f"tcp://127.0.0.1:{free_port()}")
    assert isinstance(error, DaemonLostError)
    assert error.message.endswith(": connection refused")
    assert fault(f"unix://{tmp_path}/s").message.endswith(": there is no such socket")


def test_a_registry_is_no_buildkit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.recv(4096)
                stream.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        server = threading.Thread(target=serve)
        server.start()
        error = fault(f"tcp://127.0.0.1:{listener.getsockname()[1]}", timeout=WAIT)
        server.join(WAIT)
    assert error.fault is Fault.NOT_BUILDKIT
    assert error.message.endswith(": a server that speaks HTTP/1.1 only, and is no BuildKit")


@pytest.fixture
def containers(buildkit: BuildKit, tmp_path: Path) -> ChannelOptions:
    """Programs that enter containers, all of which lead to the one daemon."""
    script = (
        "#!/bin/sh\n"
        f'echo "${{0##*/}} $*" >> {tmp_path}/commands\n'
        'case "$*" in *gone*) echo "Error: No such container: gone" >&2; exit 1; esac\n'
        f"exec {program('buildctl')} --addr {buildkit.address} dial-stdio\n"
    )
    for name in ("docker", "podman", "nerdctl", "kubectl", "ssh"):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return ChannelOptions(environ={"PATH": f"{tmp_path}:{os.defpath}"})


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("docker-container://kit", "docker exec -i kit buildctl dial-stdio"),
        ("podman-container://kit", "podman exec -i kit buildctl dial-stdio"),
        ("nerdctl-container://kit", "nerdctl exec -i kit buildctl dial-stdio"),
        (
            "kube-pod://kit?namespace=ci",
            "kubectl --context= --namespace=ci exec --container= -i kit -- buildctl dial-stdio",
        ),
        ("ssh://me@kit", "ssh -l me -- kit buildctl dial-stdio"),
    ],
)
def test_through_a_child_process(
    containers: ChannelOptions, tmp_path: Path, address: str, command: str
) -> None:
    assert answers(address, containers)
    assert (tmp_path / "commands").read_text() == f"{command}\n"


def test_a_container_that_is_not_there(containers: ChannelOptions) -> None:
    error = fault("docker-container://gone", containers, WAIT)
    assert error.message.endswith(": Error: No such container: gone")


def test_a_child_process_that_is_killed_is_replaced(containers: ChannelOptions) -> None:
    with reach("docker-container://kit", containers) as daemon:
        daemon.info(WAIT)
        relay = daemon._route.relay
        assert relay is not None
        child = relay._links[0]
        os.kill(child._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]  # the link is a child
        assert "buildkit" in daemon.info(WAIT).package


ENGINE = """\
import socket, subprocess, sys
# answers as an engine does, and then is the daemon
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
while True:
    stream, _ = listener.accept()
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    if head.startswith(b"POST /grpc HTTP/1.1\\r\\n"):
        stream.sendall(b"HTTP/1.1 101 UPGRADED\\r\\nConnection: Upgrade\\r\\nUpgrade: h2c\\r\\n\\r\\n")
        subprocess.Popen(sys.argv[2:], stdin=stream, stdout=stream)
    elif head:
        stream.sendall(b"HTTP/1.1 505 HTTP Version Not Supported\\r\\n\\r\\n")
    stream.close()
"""


@pytest.fixture
def engine(buildkit: BuildKit, tmp_path: Path) -> Iterator[str]:
    """The socket of an engine that is played, around the real daemon."""
    path = f"{tmp_path}/docker.sock"
    dial = [program("buildctl"), "--addr", buildkit.address, "dial-stdio"]
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, path, *dial], stdout=subprocess.PIPE, text=True
    ) as played:
        assert played.stdout is not None
        assert played.stdout.readline() == "ready\n"
        yield path
        played.kill()


def test_through_an_engine(engine: str) -> None:
    assert answers(f"docker://{engine}")
    assert answers("docker://", ChannelOptions(environ={"DOCKER_HOST": f"unix://{engine}"}))


def test_an_engine_that_speaks_grpc_by_itself(buildkit: BuildKit) -> None:
    assert answers(buildkit.address.replace("unix://", "docker://"))


def test_a_daemon_that_is_killed_and_started_again(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/s"
    with reach(address) as daemon:
        with running_buildkit(tmp_path, address) as process:
            daemon.info(WAIT)
            process.kill()
            process.wait(WAIT)
            with pytest.raises(DaemonLostError, match=r"^lost BuildKit at "):
                daemon.workers()
        (tmp_path / "s").unlink(missing_ok=True)
        with running_buildkit(tmp_path, address):
            assert "buildkit" in daemon.info(WAIT).package

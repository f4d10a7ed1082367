"""SSH agents for the daemon, with a socket in place of an agent."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.errors import BuildError, Location
from okplug_buildkit.attach import ssh
from okplug_buildkit.proto import ssh_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.plugins.buildkit.attach.conftest import FakeCall

CHECK, FORWARD = "/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"
PLACE = Location(Path("/w/okteto.yaml"), 3, 3)
WAIT = 10


class Agent:
    """A socket that is served by the test itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(WAIT)

    def accept(self) -> socket.socket:
        """Wait for a connection."""
        connection, _ = self._listener.accept()
        connection.settimeout(WAIT)
        return connection

    def close(self) -> None:
        """Serve no more."""
        self._listener.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path / "agent.sock")
    yield agent
    agent.close()


@pytest.fixture
def forward(agent: Agent, make_call: Callable[..., FakeCall]) -> Iterator[Callable[..., FakeCall]]:
    """Return what begins a call in a thread; each has ended when the test has."""
    threads = []

    def serve(call: FakeCall) -> None:
        with suppress(CallCancelled):
            call.run(ssh.handlers({"default": agent.path})[FORWARD])

    def begin(**metadata: list[str]) -> FakeCall:
        call = make_call(metadata=metadata.get("metadata"))
        thread = threading.Thread(target=serve, args=(call,))
        thread.start()
        threads.append(thread)
        return call

    yield begin
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive()


def wrapped(data: bytes) -> bytes:
    return ssh_pb2.BytesMessage(data=data).SerializeToString()


def unwrapped(call: FakeCall) -> bytes:
    message = call.sent.get(timeout=WAIT)
    return ssh_pb2.BytesMessage.FromString(message).data


# -------------------------------------------------------------------------------------- forwarding


def test_questions_and_answers(agent: Agent, forward: Callable[..., FakeCall]) -> None:
    call = forward(metadata={"buildkit.ssh.id": ["default"]})
    with agent.accept() as peer:
        call.put(wrapped(b"question"))
        assert peer.recv(100) == b"question"
        peer.sendall(b"answer")
        assert unwrapped(call) == b"answer"


def test_the_end_of_the_questions_reaches_the_agent_and_its_answers_still_come(
    agent: Agent, forward: Callable[..., FakeCall]
) -> None:
    call = forward()
    with agent.accept() as peer:
        call.put(wrapped(b"last"), None)
        assert peer.recv(100) == b"last"
        assert peer.recv(100) == b""
        peer.sendall(b"answer")
        assert unwrapped(call) == b"answer"


def test_an_agent_that_goes_ends_the_call(agent: Agent, forward: Callable[..., FakeCall]) -> None:
    forward()
    agent.accept().close()


@pytest.mark.parametrize("size", [1, 4 << 20])
def test_an_agent_that_goes_without_an_answer_ends_the_call(
    agent: Agent, forward: Callable[..., FakeCall], size: int
) -> None:
    call = forward()
    with agent.accept() as peer:
        call.put(wrapped(bytes(size)))
        assert peer.recv(1, socket.MSG_PEEK) == b"\0"
    with pytest.raises(CallCancelled):
        call.receive()


def test_a_call_that_is_cancelled_is_seen_by_the_agent(
    agent: Agent, forward: Callable[..., FakeCall]
) -> None:
    call = forward()
    with agent.accept() as peer:
        call.cancel()
        assert peer.recv(100) == b""


def test_each_connection_of_a_container_is_one_of_its_own(
    agent: Agent, forward: Callable[..., FakeCall]
) -> None:
    one = forward()
    with agent.accept() as first:
        two = forward()
        with agent.accept() as second:
            second.sendall(b"2")
            first.sendall(b"1")
            assert (unwrapped(one), unwrapped(two)) == (b"1", b"2")


def test_large_answers_come_whole(agent: Agent, forward: Callable[..., FakeCall]) -> None:
    call = forward()
    data = bytes(range(256)) * 4096
    with agent.accept() as peer:
        sender = threading.Thread(target=peer.sendall, args=(data,))
        sender.start()
        found = b""
        while len(found) < len(data):
            found += unwrapped(call)
        sender.join()
    assert found == data


def test_no_thread_is_left(agent: Agent, make_call: Callable[..., FakeCall]) -> None:
    before = set(threading.enumerate())
    call = make_call()
    serve = ssh.handlers({"default": agent.path})[FORWARD]
    thread = threading.Thread(target=call.run, args=(serve,))
    thread.start()
    agent.accept().close()
    thread.join(WAIT)
    for other in set(threading.enumerate()) - before:
        other.join(WAIT)
    assert set(threading.enumerate()) <= before


# ----------------------------------------------------------------------------------- which are there


def check(agents: dict[str, Path], key: str, ask: Callable[..., bytes]) -> bytes:
    request = ssh_pb2.CheckAgentRequest(id=key).SerializeToString()
    return ask(ssh.handlers(agents)[CHECK], request)


def test_an_agent_that_is_there(ask: Callable[..., bytes]) -> None:
    assert check({"default": Path("/a")}, "default", ask) == b""
    assert check({"default": Path("/a")}, "", ask) == b""
    assert check({"git": Path("/a")}, "git", ask) == b""


def test_an_agent_that_is_not(
    ask: Callable[..., bytes], make_call: Callable[..., FakeCall]
) -> None:
    with pytest.raises(RpcError, match=r"^unset ssh forward key default$") as caught:
        check({"git": Path("/a")}, "", ask)
    assert caught.value.code == Code.NOT_FOUND
    call = make_call(metadata={"buildkit.ssh.id": ["x"]})
    with pytest.raises(RpcError, match=r"^unset ssh forward key x$"):
        ssh.handlers({})[FORWARD](call)


@pytest.mark.parametrize("name", ["gone", "x" * 200])
def test_an_agent_that_cannot_be_reached(
    tmp_path: Path, make_call: Callable[..., FakeCall], name: str
) -> None:
    handler = ssh.handlers({"default": tmp_path / name})[FORWARD]
    with pytest.raises(RpcError, match=r"^the ssh agent .* cannot be reached: ") as caught:
        handler(make_call())
    assert caught.value.code == Code.UNAVAILABLE


# -------------------------------------------------------------------------------- what a manifest says


def test_the_agent_of_the_environment(agent: Agent) -> None:
    environ = {"SSH_AUTH_SOCK": str(agent.path)}
    found = ssh.find_agents(["default", "git"], environ, Path("/w"))
    assert found == {"default": agent.path, "git": agent.path}


def test_agents_by_their_paths(agent: Agent) -> None:
    folder = agent.path.parent
    assert ssh.find_agents(["a=agent.sock"], {}, folder) == {"a": agent.path}
    assert ssh.find_agents([f"a={agent.path}"], {}, Path("/w")) == {"a": agent.path}
    assert ssh.find_agents(["a=~/agent.sock"], {"HOME": str(folder)}, Path("/w")) == {
        "a": agent.path
    }
    assert ssh.find_agents([], {}, Path("/w")) == {}


def wrong(name: str, folder: Path, **environ: str) -> str:
    with pytest.raises(BuildError) as caught:
        ssh.find_agents([name], environ, folder, PLACE)
    return str(caught.value)


def test_no_agent_in_the_environment(tmp_path: Path) -> None:
    assert wrong("default", tmp_path) == (
        "/w/okteto.yaml:3:3: the ssh agent default is not there: SSH_AUTH_SOCK is not set\n"
        '  hint: start an agent: eval "$(ssh-agent)"; ssh-add'
    )


def test_an_agent_that_is_gone(tmp_path: Path) -> None:
    message = wrong("default", tmp_path, SSH_AUTH_SOCK=f"{tmp_path}/gone")
    assert message.startswith(
        f"/w/okteto.yaml:3:3: the ssh agent default is not there: {tmp_path}/gone: No such file"
    )


def test_a_key_is_no_agent(tmp_path: Path) -> None:
    (tmp_path / "id_ed25519").touch()
    assert wrong("git=id_ed25519", tmp_path) == (
        f"/w/okteto.yaml:3:3: ssh git: {tmp_path}/id_ed25519 is no agent's socket\n"
        "  hint: keys are given to an agent, and the agent to the build: "
        f"ssh-add '{tmp_path}/id_ed25519'"
    )

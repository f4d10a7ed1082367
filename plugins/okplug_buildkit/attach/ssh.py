"""SSH agents, moby.sshforward.v1.SSH: what a container asks, an agent of this side answers."""

from __future__ import annotations

import socket
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from okplug import BuildError
from okplug_buildkit.proto import ssh_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError, unary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from okplug import Location
    from okplug_buildkit.rpc import Call, Handler

_DEFAULT = "default"
_PIECE = 64 * 1024


def find_agents(
    names: Iterable[str],
    environ: Mapping[str, str],
    folder: Path,
    location: Location | None = None,
) -> dict[str, Path]:
    """Return the sockets of the agents that an image names, by the ids that Dockerfiles mount.

    :param names: ``ID`` for the agent of SSH_AUTH_SOCK, or ``ID=PATH``.
    :param folder: what paths are relative to.
    :param location: for errors.
    :raises BuildError: if an agent is not there, or the path is that of a key.
    """
    agents = {}
    for name in names:
        key, _, path = name.partition("=")
        path = path or environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise BuildError(
                f"the ssh agent {key} is not there: SSH_AUTH_SOCK is not set",
                location=location,
                hint='start an agent: eval "$(ssh-agent)"; ssh-add',
            )
        if path.startswith("~/"):
            path = environ.get("HOME", "~") + path[1:]
        agents[key or _DEFAULT] = _checked(folder / path, key, location)
    return agents


def _checked(path: Path, key: str, location: Location | None) -> Path:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise BuildError(
            f"the ssh agent {key} is not there: {path}: {error.strerror}",
            location=location,
            hint="ssh names an agent's socket: ID=PATH, or ID for that of SSH_AUTH_SOCK",
        ) from error
    if not stat.S_ISSOCK(mode):
        raise BuildError(
            f"ssh {key}: {path} is no agent's socket",
            location=location,
            hint=f"keys are given to an agent, and the agent to the build: ssh-add '{path}'",
        )
    return path


def handlers(agents: Mapping[str, Path]) -> dict[str, Handler]:
    """Return the handlers of the service.

    :param agents: id -> socket.
    """

    def check(request: ssh_pb2.CheckAgentRequest) -> ssh_pb2.CheckAgentResponse:
        _find(agents, request.id)
        return ssh_pb2.CheckAgentResponse()

    def forward(call: Call) -> None:
        path = _find(agents, next(iter(call.metadata("buildkit.ssh.id")), ""))
        with _connect(path) as agent:
            _forward(call, agent)

    checker = unary(
        ssh_pb2.CheckAgentRequest.FromString, check, ssh_pb2.CheckAgentResponse.SerializeToString
    )
    return {
        "/moby.sshforward.v1.SSH/CheckAgent": checker,
        "/moby.sshforward.v1.SSH/ForwardAgent": forward,
    }


def _find(agents: Mapping[str, Path], key: str) -> Path:
    path = agents.get(key or _DEFAULT)
    if path is None:
        raise RpcError(Code.NOT_FOUND, f"unset ssh forward key {key or _DEFAULT}")
    return path


def _connect(path: Path) -> socket.socket:
    agent = socket.socket(socket.AF_UNIX)
    try:
        agent.connect(str(path))
    except OSError as error:
        agent.close()
        text = error.strerror or str(error)  # a path that is too long has no error number
        raise RpcError(
            Code.UNAVAILABLE, f"the ssh agent {path} cannot be reached: {text}"
        ) from None
    return agent


def _forward(call: Call, agent: socket.socket) -> None:
    """Carry bytes both ways until the agent has sent its last; this thread carries its answers."""
    questions = threading.Thread(target=_carry_questions, args=(call, agent), daemon=True)
    questions.start()
    try:
        while data := _receive(agent):
            call.send([ssh_pb2.BytesMessage(data=data).SerializeToString()])
    finally:
        _shut(agent, socket.SHUT_RDWR)


def _carry_questions(call: Call, agent: socket.socket) -> None:
    """Carry what the container sends; at its end, or if it is lost, the agent sees the end."""
    try:
        while (message := call.receive()) is not None:
            agent.sendall(ssh_pb2.BytesMessage.FromString(message).data)
    except (CallCancelled, RpcError):
        _shut(agent, socket.SHUT_RDWR)
    except OSError:  # the agent is gone, which the other thread sees
        pass
    else:
        _shut(agent, socket.SHUT_WR)


def _receive(agent: socket.socket) -> bytes:
    try:
        return agent.recv(_PIECE)
    except OSError:  # it was reset, or shut because the call is over
        return b""


def _shut(agent: socket.socket, how: int) -> None:
    with suppress(OSError):  # it is closed already
        agent.shutdown(how)

"""The service that daemons hand results to: ``moby.filesync.v1.FileSend/DiffCopy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from okplug_buildkit.rpc import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from okplug_buildkit.rpc import Call, Handler

METHOD: Final = "/moby.filesync.v1.FileSend/DiffCopy"
_EXPORTER: Final = "buildkit-attachable-exporter-id"


class Output(Protocol):
    """Where what one exporter sends is written to.

    What has been received is not what has been built: an exporter that fails ends its calls like
    one that is through. So whoever waits for the build says in the end what is to become of it.
    """

    def receive(self, call: Call) -> None:
        """Take what one call brings; several threads may be here at once.

        :raises BuildError: if it cannot be written.
        :raises RpcError: if the daemon breaks the rules.
        """

    def commit(self) -> None:
        """Put what has been received in its place: the build has succeeded.

        :raises BuildError: if it cannot be put there, or nothing was received.
        """

    def discard(self) -> None:
        """Remove what has been received, unless it is in its place."""


def serve_outputs(outputs: Mapping[int, Output]) -> Handler:
    """Return the handler of ``METHOD``.

    :param outputs: by the position of the exporter in the request to solve.
    """

    def handle(call: Call) -> None:
        number = next(iter(call.metadata(_EXPORTER)), "0")
        output = outputs.get(int(number)) if number.isdecimal() else None
        if output is None:
            raise RpcError(Code.NOT_FOUND, f"there is no exporter {number!r}")
        output.receive(call)

    return handle

"""One ``Control.Solve`` with the session and the status that belong to it."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # this module is only loaded when something is built

from okplug import CancelledError
from okplug_buildkit.connect.failures import is_connection_fault
from okplug_buildkit.pool.failures import DaemonLost
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from okplug import BuildControl
    from okplug_buildkit.connect.failures import DaemonError
    from okplug_buildkit.daemon import Daemon
    from okplug_buildkit.rpc import Handler
    from okplug_buildkit.solve.caches import Cache
    from okplug_buildkit.solve.exporters import Exporter
    from okplug_buildkit.solve.progress import Progress

_FRONTEND = "dockerfile.v0"
#: the frontend that runs another one, which the attribute ``source`` names
_GATEWAY = "gateway.v0"
_DIGITS = string.digits + string.ascii_lowercase
#: how long the daemon may take to end the status of a build that has ended, in seconds; of one
#: that it refused at once there is none
_LAST_WORDS = 5.0
_LAST_WORDS_OF_FAILURE = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """What a daemon is asked to do, and what it may ask of this side meanwhile.

    :param attributes: of the Dockerfile frontend.
    :param handlers: the services of the session, by method.
    :param is_internal: the daemon keeps it out of its history.
    :param shared_key: the name of the trees that the session sends.
    """

    attributes: Mapping[str, str]
    handlers: Mapping[str, Handler]
    exporters: Sequence[Exporter] = ()
    imports: Sequence[Cache] = ()
    exports: Sequence[Cache] = ()
    entitlements: Sequence[str] = ()
    is_internal: bool = False
    shared_key: str = field(default="", repr=False)

    def request(self, ref: str, session: str) -> control_pb2.SolveRequest:
        """Return the message for one attempt."""
        exporters = [
            control_pb2.Exporter(type=each.type, attrs=dict(each.attributes))
            for each in self.exporters
        ]
        cache = control_pb2.CacheOptions(
            imports=[_entry(each) for each in self.imports],
            exports=[_entry(each) for each in self.exports],
        )
        return control_pb2.SolveRequest(
            ref=ref,
            session=session,
            frontend=_GATEWAY if "source" in self.attributes else _FRONTEND,
            frontend_attrs=dict(self.attributes),
            exporters=exporters,
            cache=cache,
            entitlements=list(self.entitlements),
            internal=self.is_internal,
        )


def _entry(cache: Cache) -> control_pb2.CacheOptionsEntry:
    return control_pb2.CacheOptionsEntry(type=cache.type, attrs=dict(cache.attributes))


class SolveFailed(Exception):  # noqa: N818  # it becomes the error that says why
    """The daemon did not do it, or was lost.

    :param error: of the call.
    :param is_connection: it was not the build that failed.
    """

    def __init__(self, error: grpc.RpcError, *, is_connection: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_connection = is_connection

    def loss(self, daemon: Daemon) -> DaemonError | None:
        """Return what to raise if the way to the daemon failed, None if it was the build."""
        if is_connection_fault(self.error):
            return daemon.explain(self.error)
        if self.is_connection:
            return DaemonLost(
                f"lost BuildKit at {daemon.address}: {self.error.details()}",
                hint="look at the daemon's log; okplug builder check tells what works",
            )
        return None


def run_job(daemon: Daemon, job: Job, control: BuildControl, progress: Progress) -> dict[str, str]:
    """Have the daemon do it; return what its exporters say.

    :raises SolveFailed: if it does not.
    :raises CancelledError: if the run is interrupted; the daemon has been told.
    """
    ref = "".join(secrets.choice(_DIGITS) for _ in range(25))
    with Session(daemon, job.handlers, shared_key=job.shared_key) as session:
        call = daemon.solve(job.request(ref, session.id))
        follower = _Follower(daemon, ref, progress)

        def cancel() -> None:
            session.hurry()
            follower.cancel()
            call.cancel()

        control.on_cancel(cancel)
        try:
            response = call.result()
            follower.end(_LAST_WORDS)
            return dict(response.exporter_response)
        except grpc.FutureCancelledError:
            raise CancelledError from None
        except KeyboardInterrupt:  # in the main thread, where nobody calls back
            cancel()
            raise
        except grpc.RpcError as error:
            failed = error
        finally:
            follower.end(_LAST_WORDS_OF_FAILURE)
    # the session is closed, so that all that went wrong in it is known
    _raise_own(session)
    raise _failed(failed, session, control) from failed


def _raise_own(session: Session) -> None:
    """Raise what went wrong on this side, of which the daemon only knows that something did."""
    if session.errors:
        raise session.errors[0]


def _failed(error: Any, session: Session, control: BuildControl) -> Exception:  # noqa: ANN401  # grpc's calls are errors
    code = error.code()
    if control.is_cancelled or code is grpc.StatusCode.CANCELLED:
        return CancelledError()
    is_lost = code is grpc.StatusCode.UNAVAILABLE or session.is_lost
    is_lost |= code is grpc.StatusCode.DEADLINE_EXCEEDED
    return SolveFailed(error, is_connection=is_lost)


class _Follower:
    """Reads the status of a build in a thread of its own."""

    def __init__(self, daemon: Daemon, ref: str, progress: Progress) -> None:
        self._call = daemon.status(ref)
        self._progress = progress
        self._thread = threading.Thread(target=self._read, name=f"status {ref[:6]}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for message in self._call:
                self._progress.take(message)
        except grpc.RpcError:
            pass  # the solve tells why
        finally:
            self._progress.finish()

    def cancel(self) -> None:
        """Have ``end`` wait no longer."""
        self._call.cancel()

    def end(self, seconds: float) -> None:
        """Wait for the end of it, but not longer."""
        self._thread.join(seconds)
        self._call.cancel()
        self._thread.join()

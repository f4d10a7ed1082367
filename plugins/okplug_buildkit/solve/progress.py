"""From what a daemon tells of a build to what the run is told: parts, lines and warnings.

A daemon's messages are upserts of vertices, of transfers within them, and pieces of logs that are
cut anywhere. A vertex may complete and start again.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from okplug import Location
from okplug_buildkit.solve.lines import LineBuffer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug import BuildControl
    from okplug_buildkit.proto import control_pb2

_KEPT_LINES: Final = 30
#: ``[2/3] ``, ``[linux/arm64 stage 1/4] `` and the like before an instruction
_PLACE = re.compile(r"\[[^\]]*\] ")
_LINE_SUFFIX = re.compile(r" \(line \d+\)$")
#: an argument that okplug always gives need not have a default
_NEEDLESS = re.compile(r"InvalidDefaultArgInFrom: .*\$\{?OKTETO_BUILD_")
_CONTEXT = "load build context"
_CACHE_IMPORT = "importing cache manifest from "


class Progress:
    """Follows one build; used by the thread that reads the daemon's messages.

    :param dockerfile: where warnings about the Dockerfile point to.
    :param loaded: called when the daemon has the context.
    """

    def __init__(
        self,
        control: BuildControl,
        dockerfile: Path,
        loaded: Callable[[], object] = lambda: None,
    ) -> None:
        self._control = control
        self._dockerfile = dockerfile
        self._loaded = loaded
        self._names: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._buffers: dict[tuple[str, int], LineBuffer] = defaultdict(LineBuffer)
        self._tails: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_KEPT_LINES))

    def take(self, message: control_pb2.StatusResponse) -> None:
        """Tell what one message says."""
        for vertex in message.vertexes:
            self._take_vertex(vertex)
        for status in message.statuses:
            self._take_status(status)
        for log in message.logs:
            for line in self._buffers[log.vertex, log.stream].take(log.msg):
                self._tell(log.vertex, line)
        for warning in message.warnings:
            self._take_warning(warning)

    def finish(self) -> None:
        """Tell the lines that no newline has ended."""
        for (vertex, _), buffer in self._buffers.items():
            rest = buffer.rest()
            if rest:
                self._tell(vertex, rest)

    def last_lines(self, vertex: str) -> tuple[str, ...]:
        """Return the last lines that a vertex has printed."""
        return tuple(self._tails.get(vertex, ()))

    def _take_vertex(self, vertex: control_pb2.Vertex) -> None:
        self._names[vertex.digest] = vertex.name
        if not vertex.HasField("started"):
            return
        state = _state(vertex)
        if self._states.get(vertex.digest) == state:
            return
        self._states[vertex.digest] = state
        self._control.progress(vertex.digest, vertex.name, state)
        if state != "started" and vertex.name.endswith(_CONTEXT):
            self._loaded()
        if state == "failed" and vertex.name.startswith(_CACHE_IMPORT):
            cache = vertex.name.removeprefix(_CACHE_IMPORT)
            self._control.warn(f"the cache {cache} is not there: {vertex.error}")

    def _take_status(self, status: control_pb2.VertexStatus) -> None:
        state = "done" if status.HasField("completed") else "running"
        part, name = f"{status.vertex}/{status.id}", status.id.rstrip(":")
        self._control.progress(part, name, state, status.current, status.total)

    def _take_warning(self, warning: control_pb2.VertexWarning) -> None:
        text = warning.short.decode("utf-8", "replace")
        if _NEEDLESS.match(text):
            return
        if not warning.info.filename or not warning.ranges:
            self._control.warn(text)
            return
        place = Location(self._dockerfile, warning.ranges[0].start.line)
        self._control.warn(_LINE_SUFFIX.sub("", text), place)

    def _tell(self, vertex: str, line: str) -> None:
        self._tails[vertex].append(line)
        self._control.log(line, _PLACE.sub("", self._names.get(vertex, ""), count=1))


def _state(vertex: control_pb2.Vertex) -> str:
    if not vertex.HasField("completed"):
        return "started"
    if vertex.error:
        return "failed"
    return "cached" if vertex.cached else "done"

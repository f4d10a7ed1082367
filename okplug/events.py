"""What happens during a run, as frozen values: the only thing that reporters see.

Events travel through one queue and reach ``okplug_event`` in order, from one thread. Their fields
are plain data, so that ``dataclasses.asdict`` of any of them can be written as JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Event:
    """What every event has in common.

    :param time: seconds since the epoch.
    """

    time: float


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins: what is needed to know where and with what.

    :param header: lines such as ``root: /src/shop`` and ``builder: embedded``, in the order to
        print.
    """

    command: str
    header: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collected(Event):
    """The manifests are read and the selection is made."""

    images: int
    manifests: int
    selected: int
    deselected: int


@dataclass(frozen=True, slots=True)
class LookUpStarted(Event):
    """The registry is about to be asked which keys it has."""


@dataclass(frozen=True, slots=True)
class StepPlanned(Event):
    """One image has its key and a first verdict, ``reuse`` or ``build``."""

    address: str
    key: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """All first verdicts are known.

    :param builder: what the builder says of itself, ``""`` when nothing is to be built.
    :param jobs: how many images build at once, 0 when nothing is to be built.
    :param dependencies: the images that are built though nobody asked for them.
    """

    builder: str
    jobs: int
    build: int
    reuse: int
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """A worker begins with an image.

    :param dockerfile: its path.
    """

    address: str
    verdict: str
    dockerfile: str = ""


@dataclass(frozen=True, slots=True)
class StepLog(Event):
    """A line that a build prints.

    :param instruction: the instruction at work, as its Dockerfile has it, ``""`` when none is.
    """

    address: str
    instruction: str
    text: str


@dataclass(frozen=True, slots=True)
class StepProgress(Event):
    """A part of a build began, goes on, or ended: an instruction, or a transfer within one.

    A part may begin again after its end; what was said last counts.

    :param part: tells it from the image's other parts.
    :param name: as people know it, such as ``[2/3] RUN make`` or ``transferring context``.
    :param state: ``started``, ``running``, ``done``, ``cached`` or ``failed``.
    :param current: bytes that are through.
    :param total: bytes that there are, 0 when nobody knows.
    """

    address: str
    part: str
    name: str
    state: str
    current: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class StepFinished(Event):
    """An image has its final verdict.

    :param verdict: ``reuse``, ``build``, ``failed``, ``blocked`` or ``cancelled``.
    :param duration: seconds from start to end, 0.0 when it never started.
    :param digest: of the manifest or index, ``""`` when there is none.
    :param reference: the tag that a user knows the image by, or that of its key without one.
    :param message: what went wrong, with its place and remedy, ``""`` when nothing did.
    :param source: the failing lines of the Dockerfile.
    :param source_line: the number of the first of them, 0 when it is not known.
    :param log: the last lines that the failing instruction printed.
    :param blocked_by: the address of the failed dependency.
    :param reasons: for the verdict, which the results of dependencies may have changed since the
        plan.
    """

    address: str
    verdict: str
    key: str
    duration: float = 0.0
    digest: str = ""
    reference: str = ""
    message: str = ""
    source: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    blocked_by: str = ""
    source_line: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pushed(Event):
    """The user's own tags point at an image that was built.

    :param references: none for the image of a Dockerfile without a manifest that is given no tag;
        it is told of that one when it is reused, too.
    :param where: what keeps the first of them in place of the host that it names, as OCI layouts
        do, ``""`` if that host does.
    """

    address: str
    references: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class WarningRaised(Event):
    """Something that a user should know and that stops nothing.

    :param address: the image it is about, ``""`` for the run.
    :param location: the place it is about as ``file:line:column``, ``""`` when there is none.
    """

    message: str
    address: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run ends; nothing follows.

    :param counts: verdict to number of images.
    :param message: what ended it early, ``""`` when nothing did.
    """

    exit_code: int
    duration: float
    counts: tuple[tuple[str, int], ...]
    message: str = ""


def event_line(event: Event) -> str:
    """Return an event as a line of JSON, in ASCII and without its end.

    The name of the event's class is ``event``; the other names are the event's fields.
    """
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return json.dumps({"event": type(event).__name__, **values})

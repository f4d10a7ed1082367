"""What a daemon says of a failure in BuildKit's own types, beside the message.

The trailer ``grpc-status-details-bin`` holds them; their values are JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc

_TRAILER = "grpc-status-details-bin"
#: what servers on the way put before the message of another
_NESTED = re.compile(r"rpc error: code = \w+ desc = |failed to solve: ")


@dataclass(frozen=True, slots=True)
class Range:
    """Lines of a file, from 1; *end* belongs to it."""

    filename: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Details:
    """One failure.

    :param message: the daemon's, without the names of calls that it came through.
    :param ranges: the instruction at fault.
    :param vertex: digest of the vertex at fault, ``""`` if none is named.
    :param exit_code: of the process at fault, None if there was none.
    """

    message: str
    ranges: tuple[Range, ...] = ()
    vertex: str = ""
    exit_code: int | None = None


def details_of(error: grpc.RpcError) -> Details:
    """Return what a failed call says."""
    trailers = [(each.key, each.value) for each in error.trailing_metadata() or ()]
    return read_details(error.details() or "", trailers)


def read_details(message: str, trailers: Iterable[tuple[str, str | bytes]] | None) -> Details:
    """Read the trailers of a failed call; a detail that cannot be read is left out."""
    found: dict[str, list[Any]] = {}
    for name, value in _typed(trailers):
        found.setdefault(name, []).append(value)
    text = _NESTED.sub("", message).strip()
    vertices = [value.get("digest", "") for value in found.get("errdefs.Vertex", ())]
    codes = [value.get("Code", 0) for value in found.get("gatewayapi.ExitMessage", ())]
    return Details(
        text,
        tuple(each for value in found.get("errdefs.Source", ()) for each in _ranges(value)),
        vertices[-1] if vertices else "",
        codes[-1] if codes else None,
    )


def _typed(trailers: Iterable[tuple[str, str | bytes]] | None) -> Iterable[tuple[str, Any]]:
    from google.protobuf.message import DecodeError

    from okplug_buildkit.proto import status_pb2

    for key, value in trailers or ():
        if key != _TRAILER or not isinstance(value, bytes):
            continue
        status = status_pb2.Status()
        try:
            status.ParseFromString(value)
        except DecodeError:
            continue
        for detail in status.details:
            document = _document(detail.value)
            if isinstance(document, dict):
                yield detail.type_url.rpartition("/")[2].removesuffix("+json"), document


def _document(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _ranges(value: dict[str, Any]) -> Iterable[Range]:
    filename = (value.get("info") or {}).get("filename", "")
    for each in value.get("ranges") or ():
        start = (each.get("start") or {}).get("line", 0)
        end = (each.get("end") or {}).get("line", 0)
        if start:
            yield Range(filename, start, max(start, end))

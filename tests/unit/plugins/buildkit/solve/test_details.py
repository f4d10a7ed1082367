"""BuildKit's typed errors, as they come in trailers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import grpc  # noqa: TID253  # the error is grpc's
import pytest

from okplug_buildkit.proto import status_pb2
from okplug_buildkit.solve.details import Details, Range, details_of, read_details

PREFIX = "github.com/moby/buildkit/"


def trailers(*details: tuple[str, Any]) -> list[tuple[str, str | bytes]]:
    status = status_pb2.Status(code=2, message="x")
    for name, value in details:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        status.details.add(type_url=f"{PREFIX}{name}+json", value=data)
    return [("content-type", "x"), ("grpc-status-details-bin", status.SerializeToString())]


def source(filename: str, *lines: tuple[int, int]) -> tuple[str, Any]:
    ranges = [{"start": {"line": start}, "end": {"line": end}} for start, end in lines]
    return "errdefs.Source", {"info": {"filename": filename}, "ranges": ranges}


def test_a_failing_run() -> None:
    found = read_details(
        'process "/bin/sh -c false" did not complete successfully: exit code: 7',
        trailers(
            ("gatewayapi.ExitMessage", {"Code": 7}),
            ("errdefs.Vertex", {"digest": "sha256:1"}),
            source("Dockerfile", (3, 4)),
        ),
    )
    assert found.exit_code == 7
    assert found.vertex == "sha256:1"
    assert found.ranges == (Range("Dockerfile", 3, 4),)


def test_nothing_but_a_message() -> None:
    assert read_details("target stage could not be found", None) == Details(
        "target stage could not be found"
    )


def test_nested_calls_are_not_shown() -> None:
    text = "failed to solve: rpc error: code = Unknown desc = rpc error: code = NotFound desc = no"
    assert read_details(text, ()).message == "no"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[1]", b"null", b"3"])
def test_details_that_cannot_be_read_are_left_out(data: bytes) -> None:
    found = read_details("m", trailers(("errdefs.Vertex", data), source("D", (2, 2))))
    assert found == Details("m", (Range("D", 2, 2),))


def test_a_trailer_that_is_no_status() -> None:
    assert read_details("m", [("grpc-status-details-bin", b"\xff\xff\xff")]) == Details("m")
    assert read_details("m", [("grpc-status-details-bin", "text")]) == Details("m")


def test_positions_that_are_left_out() -> None:
    found = read_details(
        "m",
        trailers(
            ("errdefs.Source", {"info": None, "ranges": [{"start": {"line": 5}}, {}]}),
            ("errdefs.Source", {"ranges": None}),
        ),
    )
    assert found.ranges == (Range("", 5, 5),)


def test_the_first_named_file_comes_first_and_the_last_vertex_counts() -> None:
    found = read_details(
        "m",
        trailers(
            source("A", (1, 1)),
            ("errdefs.Vertex", {"digest": "outer"}),
            source("B", (2, 2)),
            ("errdefs.Vertex", {"digest": "inner"}),
        ),
    )
    assert [each.filename for each in found.ranges] == ["A", "B"]
    assert found.vertex == "inner"


class Metadatum(NamedTuple):
    """One trailer, as grpc has it."""

    key: str
    value: str | bytes


class Failed(grpc.RpcError):
    """A call, as grpc raises it."""

    def details(self) -> str:
        """Return the message."""
        return "m"

    def trailing_metadata(self) -> Any:
        """Return the trailers."""
        return tuple(Metadatum(*each) for each in trailers(source("D", (2, 2))))


def test_a_call_that_failed() -> None:
    assert details_of(Failed()) == Details("m", (Range("D", 2, 2),))

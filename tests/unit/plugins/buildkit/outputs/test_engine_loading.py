"""Loading images into engines that take them, and that do not."""

from __future__ import annotations

import io
import threading
import time
from typing import TYPE_CHECKING

import pytest

from okplug import BuildError, CancelledError, UsageError
from okplug.testing import RecordingControl
from okplug_buildkit.outputs.engine import load_archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.plugins.buildkit.outputs.conftest import Engine

DATA = b"an archive" * 100_000


def load(environ: dict[str, str]) -> None:
    load_archive(io.BytesIO(DATA), len(DATA), environ, RecordingControl())


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(BuildError) as caught:
        load(environ)
    return str(caught.value)


def test_an_engine_gets_the_archive_in_one_request(engine: Engine) -> None:
    load(engine.environ)
    ((path, headers, body),) = engine.requests
    assert path == "/images/load?quiet=1"
    assert headers["Content-Type"] == "application/x-tar"
    assert headers["Content-Length"] == str(len(DATA))
    assert body == DATA


def test_from_where_the_archive_stands(engine: Engine) -> None:
    archive = io.BytesIO(b"read already" + DATA)
    archive.seek(12)
    load_archive(archive, len(DATA), engine.environ, RecordingControl())
    assert engine.requests[0][2] == DATA


@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (500, b'{"message":"no space left on device"}', "no space left on device"),
        (403, b"", "status 403"),
        (502, b"<html>", "status 502"),
        (500, b"[1]", "status 500"),
        (200, b'{"stream":"x"}\n{"error":"invalid tar header"}\n', "invalid tar header"),
    ],
)
def test_an_engine_that_does_not_take_it(
    engine: Engine, status: int, answer: bytes, problem: str
) -> None:
    engine.status, engine.answer = status, answer
    assert refusal(engine.environ) == (
        f"the Docker engine at {engine.address} does not take the image: {problem}"
    )


@pytest.mark.parametrize("answer", [b"", b"plain text\n", b"[1]\n", b'{"error":""}\n'])
def test_an_engine_that_says_nothing_of_importance(engine: Engine, answer: bytes) -> None:
    engine.answer = answer
    load(engine.environ)
    assert len(engine.requests) == 1


def test_an_engine_that_hangs_up(engine: Engine) -> None:
    engine.takes = False
    assert refusal(engine.environ).startswith(
        f"the image cannot be loaded into the Docker engine at {engine.address}: "
    )


def test_an_interruption_does_not_wait_for_the_engine(engine: Engine) -> None:
    engine.pause = threading.Event()
    control = RecordingControl()
    timer = threading.Timer(0.2, control.cancel)
    timer.start()
    started = time.monotonic()
    try:
        with pytest.raises(CancelledError):
            load_archive(io.BytesIO(DATA), len(DATA), engine.environ, control)
    finally:
        engine.pause.set()
        timer.join()
    assert time.monotonic() - started < 5


def test_no_engine(tmp_path: Path) -> None:
    message = refusal({"DOCKER_HOST": f"unix://{tmp_path}/s"})
    assert message == (
        f"the image cannot be loaded into the Docker engine at unix://{tmp_path}/s: "
        f"the Docker engine at unix://{tmp_path}/s: No such file or directory\n"
        "  hint: start the engine, or name it with DOCKER_HOST"
    )


def test_an_address_that_is_none() -> None:
    with pytest.raises(UsageError, match="DOCKER_HOST: 'kube-pod://x' is no engine's address"):
        load({"DOCKER_HOST": "kube-pod://x"})

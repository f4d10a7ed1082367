"""What a user reads of a failed build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from okplug import Location, Secret
from okplug.testing import BuildCase, RecordingControl
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.solve.details import Details, Range
from okplug_buildkit.solve.failures import failure_of, message_of
from okplug_buildkit.solve.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import BuildRequest

TEXT = "FROM scratch\n\nRUN make \\\n  all\nCOPY a /\n"


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    """A request whose Dockerfile has some lines."""
    (tmp_path / "Dockerfile").write_text(TEXT)
    (tmp_path / "a").write_text("a")
    return BuildCase(tmp_path).request()


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A build that has printed two lines."""
    progress = Progress(RecordingControl(), tmp_path / "Dockerfile")
    message = control_pb2.StatusResponse()
    message.logs.add(vertex="v", msg=b"cc -c a.c\nerror: no\n", stream=2)
    progress.take(message)
    return progress


def test_a_failing_run(request_: BuildRequest, progress: Progress) -> None:
    details = Details("process ...", (Range("Dockerfile", 3, 4),), "v", 2)
    error = failure_of(details, request_, progress)
    assert str(error) == f"{request_.dockerfile.path}:3: the command ended with exit code 2"
    assert error.source == ("RUN make \\", "  all")
    assert error.log == ("cc -c a.c", "error: no")


def test_an_instruction_of_several_lines(request_: BuildRequest, progress: Progress) -> None:
    """The daemon names each of them, and what comes after them is no part of it."""
    ranges = (Range("Dockerfile", 3, 3), Range("", 4, 4), Range("", 1, 1), Range("x", 5, 5))
    error = failure_of(Details("m", ranges), request_, progress)
    assert error.source == ("RUN make \\", "  all")


def test_a_killed_run(request_: BuildRequest, progress: Progress) -> None:
    error = failure_of(Details("x", exit_code=137), request_, progress)
    assert error.hint == "it was killed, perhaps for want of memory"


def test_a_run_that_finds_the_disk_full(request_: BuildRequest, progress: Progress) -> None:
    message = control_pb2.StatusResponse()
    message.logs.add(vertex="w", msg=b"cp: write: No space left on device\n", stream=2)
    progress.take(message)
    full = failure_of(Details("x", vertex="w", exit_code=1), request_, progress)
    assert full.hint == "the daemon's disk is full: okplug builder prune makes room"
    assert failure_of(Details("x", vertex="v", exit_code=1), request_, progress).hint == ""


def test_no_place(request_: BuildRequest, progress: Progress) -> None:
    error = failure_of(Details("something broke.\nmore"), request_, progress)
    assert str(error) == "something broke"
    assert error.location is None
    assert (error.source, error.log) == ((), ())


@pytest.mark.parametrize("ranges", [(Range("other", 3, 3),), (Range("Dockerfile", 99, 99),), ()])
def test_places_that_are_not_in_the_dockerfile(
    request_: BuildRequest, progress: Progress, ranges: tuple[Range, ...]
) -> None:
    error = failure_of(Details("m", ranges), request_, progress)
    assert error.location is None
    assert error.source == ()


REFUSED = "granting entitlement network.host is not allowed by build daemon configuration"


def test_what_the_daemon_does_not_allow_is_where_the_dockerfile_wants_it(
    tmp_path: Path, progress: Progress
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nRUN --network=host \\\n  make\n")
    case = BuildCase(tmp_path)
    error = failure_of(Details(REFUSED), case.request(), progress)
    assert error.location == Location(tmp_path / "Dockerfile", 2)
    assert error.source == ("RUN --network=host \\", "  make")
    other = REFUSED.replace("network.host", "security.insecure")
    assert failure_of(Details(other), case.request(), progress).location is None


def test_or_where_the_manifest_wants_it(
    request_: BuildRequest, progress: Progress, tmp_path: Path
) -> None:
    place = Location(tmp_path / "okteto.yaml", 4, 5)
    image = replace(request_.image, network="host", places={"network": place})
    error = failure_of(Details(REFUSED), replace(request_, image=image), progress)
    assert error.location == place
    assert error.source == ()


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("env", "set the variable TOKEN, which it is in"),
        ("file", "give it in the manifest: secrets of this image"),
    ],
)
def test_a_secret_that_is_given_and_not_there(
    request_: BuildRequest, progress: Progress, kind: str, hint: str
) -> None:
    place = Location(request_.dockerfile.path, 1)
    secrets = (Secret("other", "env", "OTHER", place), Secret("token", kind, "TOKEN", place))
    request = replace(request_, secrets=secrets)
    assert failure_of(Details("secret token: not found"), request, progress).hint == hint


@pytest.mark.parametrize(
    "message",
    [
        "failed to resolve source metadata for r.test/front:1: not found",
        "invalid context name r.test/front:1: invalid reference format",
    ],
)
def test_the_frontend_of_the_settings(
    request_: BuildRequest, progress: Progress, message: str
) -> None:
    error = failure_of(Details(message), request_, progress, "r.test/front:1")
    assert error.hint == (
        "the setting frontend_image names it, or OKTETO_BUILDKIT_FRONTEND_IMAGE: correct that"
    )
    other = failure_of(Details(message), request_, progress, "r.test/else:1")
    assert "frontend_image" not in other.hint


def test_a_range_that_ends_below_the_file(request_: BuildRequest, progress: Progress) -> None:
    error = failure_of(Details("m", (Range("Dockerfile", 5, 9),)), request_, progress)
    assert error.source == ("COPY a /",)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (
            "failed to copy: write /x: no space left on device",
            "the daemon's disk is full: okplug builder prune makes room",
        ),
        (
            (
                "failed to push r.example.com/a/b: failed to authorize: failed to fetch oauth token: "
                "unauthorized"
            ),
            (
                "log in with docker login r.example.com; okplug takes credentials from Docker's "
                "config.json"
            ),
        ),
        (
            (
                "r.example.com:5000/x:1: failed to resolve source metadata for r.example.com:5000/x:1: "
                "unexpected status from HEAD request to https://r.example.com:5000/v2/x/manifests/1: "
                "401 Unauthorized"
            ),
            (
                "log in with docker login r.example.com:5000; okplug takes credentials from Docker's "
                "config.json"
            ),
        ),
        (
            (
                "failed to resolve source metadata for docker.io/library/nope:1: "
                "docker.io/library/nope:1: not found"
            ),
            (
                "there is no such image: look at its name, its tag, and whether there is one for the "
                "platform"
            ),
        ),
        (
            (
                'failed to do request: Head "https://r.example.com/v2/": dial tcp: lookup '
                "r.example.com: no such host"
            ),
            "the daemon cannot reach the registry; it is the daemon's network that counts",
        ),
        (
            "failed to push r/x: unexpected status from PUT request: 500 Internal Server Error",
            "the registry did not take the image; its log tells more. Build again to go on",
        ),
        (
            (
                'failed to do request: Head "https://r/v2/": http: server gave HTTP response to HTTPS '
                "client"
            ),
            'the registry speaks plain HTTP: [registry."HOST"] http = true in buildkitd.toml',
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            (
                "the daemon does not trust the registry's certificate: its buildkitd.toml takes a ca "
                "for a registry"
            ),
        ),
        ("secret token: not found", "give it in the manifest: secrets of this image"),
        (
            'no SSH key "" forwarded from the client',
            "give it in the manifest: ssh of this image",
        ),
        (
            'failed to load cache key: Get "http://r/x": dial tcp: lookup r: no such host',
            "the daemon fetches it itself: see whether it is there, and the daemon's network",
        ),
        (
            "granting entitlement network.host is not allowed by build daemon configuration",
            "the daemon must allow it: insecure-entitlements in buildkitd.toml",
        ),
        ("target stage nope could not be found", ""),
    ],
)
def test_causes_and_remedies(
    request_: BuildRequest, progress: Progress, message: str, hint: str
) -> None:
    assert failure_of(Details(message), request_, progress).hint == hint


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "r/x:1: failed to resolve source metadata for r/x:1: r/x:1: not found",
            "cannot get the image r/x:1: not found",
        ),
        (
            "failed to resolve source metadata for r/x:1: failed to do request: EOF.",
            "cannot get the image r/x:1: failed to do request: EOF",
        ),
        (
            "error fetching default branch: git stderr:\nfatal: no",
            "error fetching default branch: git stderr",
        ),
        ("", "the build failed"),
    ],
)
def test_what_is_wrong_in_one_line(message: str, shown: str) -> None:
    assert message_of(Details(message)) == shown

"""Credentials of a run: files and helpers together, asked from many threads."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from okplug.credentialhelpers import HelperError, UnusableHelperError, ask_helper
from okplug.credentials import DOCKER_HUB, Credentials, Login, credentials_of
from okplug.errors import UsageError
from okplug.stash import Stash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "registry.example.com"
ANSWER = '{"ServerURL": "x", "Username": "cindy", "Secret": "s3cret"}'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".docker").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": f"{home}/bin:/usr/bin:/bin"}


@pytest.fixture
def helper(home: Path) -> Callable[[str, str], Path]:
    """Install a helper that keeps its standard input and its arguments, and runs a script."""

    def install(name: str, script: str) -> Path:
        path = home / "bin" / f"docker-credential-{name}"
        path.write_text(f'#!/bin/sh\necho "$*" >>{home}/calls\ncat >>{home}/calls\n{script}\n')
        path.chmod(0o755)
        return home / "calls"

    return install


def configure(home: Path, **document: Any) -> None:
    (home / ".docker" / "config.json").write_text(json.dumps(document))


def auth(username: str, secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{secret}".encode()).decode()}


# ------------------------------------------------------------------------------------------ helpers


def test_a_helper_is_told_the_server_on_standard_input(
    environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    calls = helper("test", f"echo '{ANSWER}'")
    assert ask_helper("test", HOST, environ) == Login("cindy", "s3cret")
    assert calls.read_text() == f"get\n{HOST}"


def test_a_helper_runs_in_the_environment_of_the_run(
    environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    helper("test", """echo "{\\"Username\\": \\"u\\", \\"Secret\\": \\"$TOKEN\\"}" """)
    assert ask_helper("test", HOST, {**environ, "TOKEN": "t1"}) == Login("u", "t1")


def test_a_token_as_the_user(environ: dict[str, str], helper: Callable[[str, str], Path]) -> None:
    helper("test", """echo '{"Username": "<token>", "Secret": "idt"}'""")
    assert ask_helper("test", HOST, environ) == Login(identity_token="idt")


@pytest.mark.parametrize(
    "text", ["credentials not found in native keychain", "no credentials server URL"]
)
def test_a_helper_that_does_not_know_the_server(
    environ: dict[str, str], helper: Callable[[str, str], Path], text: str
) -> None:
    helper("test", f"echo '{text}'; exit 1")
    assert ask_helper("test", HOST, environ) is None


def test_an_empty_secret_is_none(
    environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    helper("test", """echo '{"Username": "", "Secret": ""}'""")
    assert ask_helper("test", HOST, environ) is None


@pytest.mark.parametrize("name", ["gone", "../evil", "", "a b", "-x"])
def test_a_helper_that_is_not_there(environ: dict[str, str], name: str) -> None:
    with pytest.raises(UnusableHelperError) as caught:
        ask_helper(name, HOST, environ)
    assert str(caught.value) == (
        f"'docker-credential-{name}' is not installed\n"
        "  hint: credHelpers and credsStore in Docker's config.json say which helper is asked"
    )


def test_a_helper_that_hangs(environ: dict[str, str], helper: Callable[[str, str], Path]) -> None:
    helper("test", "echo s3cret; exec sleep 60")
    with pytest.raises(UnusableHelperError) as caught:
        ask_helper("test", HOST, environ, timeout=0.2)
    assert caught.value.message == "docker-credential-test did not answer within 0.2 seconds"
    assert caught.value.__cause__ is None


def test_a_helper_that_cannot_be_run(
    home: Path, environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    helper("test", "")
    (home / "bin" / "docker-credential-test").write_text("#!/no/such/shell\n")
    with pytest.raises(
        UnusableHelperError, match=r"^docker-credential-test cannot be run: No such"
    ):
        ask_helper("test", HOST, environ)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo locked; echo more; exit 1", f"docker-credential-test failed for {HOST}: locked"),
        ("echo locked >&2; exit 2", f"docker-credential-test failed for {HOST}: locked"),
        ("exit 3", f"docker-credential-test failed for {HOST}: exit code 3"),
        (f"echo '{ANSWER}'; exit 1", f"docker-credential-test failed for {HOST}: exit code 1"),
        ("echo s3cret", "docker-credential-test answered without Username and Secret"),
        ("echo '[1]'", "docker-credential-test answered without Username and Secret"),
        (
            """echo '{"Secret": "s3cret"}'""",
            "docker-credential-test answered without Username and Secret",
        ),
        (
            """echo '{"Username": 1, "Secret": "s3cret"}'""",
            "docker-credential-test answered without Username and Secret",
        ),
    ],
)
def test_a_helper_that_fails_tells_no_secret(
    environ: dict[str, str], helper: Callable[[str, str], Path], script: str, message: str
) -> None:
    helper("test", script)
    with pytest.raises(HelperError) as caught:
        ask_helper("test", HOST, environ)
    assert caught.value.message == message
    assert not isinstance(caught.value, UnusableHelperError)
    assert caught.value.__cause__ is None


# -------------------------------------------------------------------------------------------- a run


def test_without_files_everybody_is_anonymous(environ: dict[str, str]) -> None:
    assert Credentials(environ).for_host(HOST) is None


def test_the_first_file_that_knows_the_host_counts(home: Path, environ: dict[str, str]) -> None:
    configure(home, auths={HOST: auth("docker", "1"), "b.example": auth("docker", "2")})
    (home / "containers").mkdir()
    (home / "containers/auth.json").write_text(json.dumps({"auths": {HOST: auth("podman", "3")}}))
    credentials = Credentials({**environ, "XDG_RUNTIME_DIR": str(home)})
    assert credentials.for_host(HOST) == Login("podman", "3")
    assert credentials.for_host("b.example") == Login("docker", "2")


def test_a_file_is_read_when_it_is_wanted_and_once(home: Path, environ: dict[str, str]) -> None:
    credentials = Credentials(environ)
    configure(home, auths={HOST: auth("u", "1")})
    assert credentials.find(HOST, "a/b") == Login("u", "1")
    configure(home, auths={HOST: auth("u", "2")})
    assert credentials.find(HOST) == Login("u", "1")


def test_a_broken_file_is_an_error_each_time(home: Path, environ: dict[str, str]) -> None:
    (home / ".docker/config.json").write_text("{")
    credentials = Credentials(environ)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"config.json:1:2: no JSON"):
            credentials.for_host(HOST)


def test_a_helper_goes_before_the_file_that_names_it(
    home: Path, environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    calls = helper("test", f"echo '{ANSWER}'")
    configure(home, auths={"docker.io": auth("file", "x")}, credsStore="test")
    assert Credentials(environ).for_host("registry-1.docker.io") == Login("cindy", "s3cret")
    assert calls.read_text() == f"get\n{DOCKER_HUB}"


def test_a_file_knows_what_its_helper_does_not(
    home: Path, environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    warnings: list[str] = []
    helper("test", "echo credentials not found in native keychain; exit 1")
    configure(home, auths={HOST: auth("file", "x")}, credsStore="test")
    assert Credentials(environ, warnings.append).for_host(HOST) == Login("file", "x")
    assert warnings == []


def test_threads_share_one_call_of_a_helper(
    home: Path, environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    calls = helper("test", f"echo '{ANSWER}'")
    configure(home, credHelpers={HOST: "test"})
    credentials = Credentials(environ)
    start = threading.Barrier(8)

    def ask(_: int) -> Login | None:
        start.wait()
        return credentials.find(HOST, "a/b")

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {Login("cindy", "s3cret")}
    assert calls.read_text().count("get") == 1


def test_an_answer_grows_old(
    home: Path,
    environ: dict[str, str],
    helper: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = helper("test", f"echo '{ANSWER}'")
    configure(home, credHelpers={HOST: "test"})
    credentials = Credentials(environ)
    now = 1000.0
    monkeypatch.setattr("okplug.credentials.time.monotonic", lambda: now)
    credentials.for_host(HOST)
    credentials.for_host(HOST)
    assert calls.read_text().count("get") == 1
    now += 300
    credentials.for_host(HOST)
    assert calls.read_text().count("get") == 2


def test_a_helper_that_is_not_there_is_told_once(home: Path, environ: dict[str, str]) -> None:
    warnings: list[str] = []
    configure(home, auths={HOST: auth("file", "x")}, credsStore="desktop.exe")
    credentials = Credentials(environ, warnings.append)
    assert credentials.for_host(HOST) == Login("file", "x")
    assert credentials.for_host("other.example") is None
    (warning,) = warnings
    assert warning == (
        "'docker-credential-desktop.exe' is not installed; going on without it "
        "(credHelpers and credsStore in Docker's config.json say which helper is asked)"
    )


def test_a_helper_that_fails_for_one_host_is_asked_for_another(
    home: Path, environ: dict[str, str], helper: Callable[[str, str], Path]
) -> None:
    warnings: list[str] = []
    helper("test", f"tail -n1 {home}/calls | grep -q bad && exit 7\necho '{ANSWER}'")
    configure(home, credsStore="test")
    credentials = Credentials(environ, warnings.append)
    assert credentials.for_host("bad.example") is None
    (home / "calls").write_text("")
    assert credentials.for_host("bad.example") is None
    assert credentials.for_host(HOST) == Login("cindy", "s3cret")
    assert [text.partition(";")[0] for text in warnings] == [
        "docker-credential-test failed for bad.example: exit code 7"
    ]


def test_nobody_needs_to_hear_warnings(home: Path, environ: dict[str, str]) -> None:
    configure(home, credsStore="gone")
    assert Credentials(environ).for_host(HOST) is None


def test_all_plugins_of_a_run_share_its_credentials(environ: dict[str, str]) -> None:
    class Run:
        def __init__(self) -> None:
            self.environ, self.stash, self.warn = environ, Stash(), print

    run = Run()
    first = credentials_of(run)  # type: ignore[arg-type]  # has what is asked of a Config
    assert credentials_of(run) is first  # type: ignore[arg-type]  # the same

"""What ``builder = "auto"`` finds, in which order, and what it passes over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug_buildkit.pool import discovery
from okplug_buildkit.pool.discovery import Found, discover

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.plugins.buildkit.pool.conftest import Programs

TOP = Path(__file__).parents[5]
NOTHING = Found((), "no BuildKit found")


@pytest.fixture(autouse=True)
def _no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(discovery, "DOCKER_SOCKET", str(tmp_path / "docker.sock"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], list[str]]:
    """Have every engine refuse for a cause, or with None answer; the list tells who was asked."""

    def answer(cause: str | None) -> list[str]:
        asked: list[str] = []

        def refusal(address: str, _timeout: float, *, is_tls: bool) -> str | None:
            assert not is_tls
            asked.append(address)
            return cause

        monkeypatch.setattr("okplug_buildkit.pool.engineping.refusal", refusal)
        return asked

    return answer


def test_where_nothing_is_nothing_is_found(programs: Programs) -> None:
    assert discover(programs.environ, is_root=True) == NOTHING
    assert discover({}, is_root=True) == NOTHING


def test_buildkit_host_comes_first(
    programs: Programs, engine: Callable[[str | None], list[str]]
) -> None:
    asked = engine(None)
    programs.add("buildkitd")
    environ = {
        **programs.environ,
        "BUILDKIT_HOST": " tcp://builder:1234 ",
        "DOCKER_HOST": "tcp://docker:2375",
    }
    assert discover(environ) == Found(("tcp://builder:1234",), "BUILDKIT_HOST")
    assert asked == []


def test_an_engine_comes_before_buildkitd(
    programs: Programs, engine: Callable[[str | None], list[str]]
) -> None:
    asked = engine(None)
    programs.add("buildkitd")
    programs.add("runc")
    environ = {**programs.environ, "DOCKER_HOST": "tcp://docker:2375", "BUILDKIT_HOST": ""}
    found = discover(environ, is_root=True)
    assert found == Found(("docker://",), "the Docker engine at tcp://docker:2375")
    assert asked == ["tcp://docker:2375"]


def test_the_default_socket_is_asked_only_if_it_is_there(
    programs: Programs, engine: Callable[[str | None], list[str]], tmp_path: Path
) -> None:
    asked = engine(None)
    assert discover(programs.environ, is_root=True) == NOTHING
    assert asked == []
    (tmp_path / "docker.sock").touch()
    found = discover(programs.environ, is_root=True)
    assert found == Found(("docker://",), f"the Docker engine at unix://{tmp_path}/docker.sock")


def test_the_engine_of_the_chosen_context(
    programs: Programs,
    engine: Callable[[str | None], list[str]],
    docker_contexts: Callable[..., dict[str, str]],
) -> None:
    asked = engine(None)
    environ = {**programs.environ, **docker_contexts("far", "tcp://far:2376", current=True)}
    found = discover(environ, is_root=True)
    assert found == Found(("docker://",), "the Docker engine at tcp://far:2376 of the context far")
    assert asked == ["tcp://far:2376"]
    there = discover({**environ, "DOCKER_HOST": "tcp://near:2375"}, is_root=True)
    assert there.reason == "the Docker engine at tcp://near:2375"


def test_a_context_that_is_not_there_is_passed_over(
    programs: Programs,
    engine: Callable[[str | None], list[str]],
    docker_contexts: Callable[..., dict[str, str]],
) -> None:
    asked = engine(None)
    environ = {**programs.environ, **docker_contexts("far", ""), "DOCKER_CONTEXT": "near"}
    assert discover(environ, is_root=True).passed_over == ("there is no Docker context 'near'",)
    assert asked == []


def test_a_context_without_a_host_is_the_usual_socket(
    programs: Programs,
    engine: Callable[[str | None], list[str]],
    docker_contexts: Callable[..., dict[str, str]],
) -> None:
    asked = engine(None)
    environ = {**programs.environ, **docker_contexts("far", "", current=True)}
    assert discover(environ, is_root=True) == NOTHING
    assert asked == []


def test_an_engine_that_does_not_answer_is_passed_over_with_its_cause(
    programs: Programs, engine: Callable[[str | None], list[str]]
) -> None:
    engine("connection refused")
    programs.add("buildkitd")
    programs.add("runc")
    environ = {**programs.environ, "DOCKER_HOST": "tcp://docker:2375"}
    assert discover(environ, is_root=True) == Found(
        ("buildkitd://",),
        "buildkitd on the PATH",
        ("the Docker engine at tcp://docker:2375: connection refused",),
    )


def test_buildkitd_on_the_path(programs: Programs) -> None:
    programs.add("buildkitd")
    programs.add("runc")
    assert discover(programs.environ, is_root=True) == Found(
        ("buildkitd://",), "buildkitd on the PATH"
    )


def test_without_runc_there_is_no_daemon(programs: Programs) -> None:
    programs.add("buildkitd")
    assert discover(programs.environ, is_root=True).passed_over == (
        "buildkitd on the PATH: runc, which it needs, is not installed",
    )


def test_runc_may_be_where_only_root_looks(programs: Programs, tmp_path: Path) -> None:
    programs.add("buildkitd")
    (tmp_path / "system").mkdir()
    programs.add("../system/runc")
    assert discover(programs.environ, is_root=True).addresses == ("buildkitd://",)


def test_runc_may_have_buildkits_own_name(programs: Programs) -> None:
    programs.add("buildkitd")
    programs.add("buildkit-runc")
    assert discover(programs.environ, is_root=True).addresses == ("buildkitd://",)


def test_who_is_not_root_needs_rootlesskit(programs: Programs) -> None:
    programs.add("buildkitd")
    programs.add("runc")
    found = discover(programs.environ, is_root=False)
    assert found == Found(
        (),
        "no BuildKit found",
        ("buildkitd on the PATH: only root can start it, and rootlesskit is not on the PATH",),
    )
    programs.add("rootlesskit")
    assert discover(programs.environ, is_root=False).addresses == ("buildkitd://",)


def test_who_we_are_is_seen_if_it_is_not_said(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.add("buildkitd")
    programs.add("runc")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert discover(programs.environ).addresses == ("buildkitd://",)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert discover(programs.environ).addresses == ()


def test_a_program_that_may_not_be_run_is_none(programs: Programs) -> None:
    programs.add("buildkitd").chmod(0o644)
    programs.add("runc")
    assert discover(programs.environ, is_root=True) == NOTHING


def test_looking_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """\
import sys
from okplug_buildkit.pool import discovery
discovery.DOCKER_SOCKET = sys.argv[1]
assert discovery.discover({"PATH": sys.argv[1]}).addresses == ()
print(*sorted({"grpc", "google.protobuf", "subprocess", "http.client"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "none")],
        env={"PYTHONPATH": f"{TOP}:{TOP}/plugins", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"

"""``okplug builder check``: which steps, in which order, and what stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from okplug import BuildError
from okplug_buildkit.commands import checking
from okplug_buildkit.commands.checking import security
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.connect.tls import TLS, TLSFiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from okplug import Config
    from okplug_buildkit.pool.pool import Pool

CONFIG = cast("Config", None)


class FakeTrials:
    """Stands for the builds."""

    def __init__(self, repository: str | None = None, **failures: Exception) -> None:
        self.channel = ChannelOptions()
        self.repository = repository
        self.failures = failures

    def build(self, _daemon: object) -> str:
        """Build, or fail."""
        if "build" in self.failures:
            raise self.failures["build"]
        return "0.12 s"

    def push(self, _daemon: object) -> str:
        """Push, or fail."""
        if "push" in self.failures:
            raise self.failures["push"]
        return "localhost:5000/okteto/okplug-check@sha256:0"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeTrials], None]:
    """Put trials in place of the real ones."""

    def replace(trials: FakeTrials) -> None:
        monkeypatch.setattr("okplug_buildkit.commands.trials.Trials", lambda _config: trials)

    return replace


def test_all_that_works_is_told(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials("localhost:5000/okteto/okplug-check"))
    assert checking.run(CONFIG, pool_of(one=fake())) == 0
    assert capsys.readouterr().out == (
        "tcp://one:1234\n"
        "  connection  ok      by TCP, in the clear\n"
        "  version     ok      v0.32.2\n"
        "  platforms   ok      linux/amd64, linux/386\n"
        "  build       ok      0.12 s\n"
        "  push        ok      localhost:5000/okteto/okplug-check@sha256:0\n"
    )


def test_no_push_to_a_registry_that_no_daemon_reaches(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials())
    assert checking.run(CONFIG, pool_of(one=fake())) == 0
    assert "push" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("labels", "images", "is_pushed"),
    [
        ({}, "kept by graph drivers; okplug brings them to the registry itself", False),
        ({"org.mobyproject.buildkit.worker.snapshotter": "x"}, "kept in containerd", True),
    ],
)
def test_a_docker_engine(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
    labels: dict[str, str],
    images: str,
    *,
    is_pushed: bool,
) -> None:
    use(FakeTrials("localhost:5000/okteto/okplug-check"))
    assert checking.run(CONFIG, pool_of(docker=fake(labels=labels))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "docker://"
    assert f"  images      ok      {images}" in lines
    assert any(line.startswith("  push ") for line in lines) is is_pushed


def test_a_daemon_that_is_too_old(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials())
    assert checking.run(CONFIG, pool_of(one=fake(version="v0.12.5"))) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("  version     failed  the BuildKit 0.12.5 at ")
    assert lines[-1].startswith("              hint: update the daemon, ")


def test_the_first_thing_that_does_not_work_is_the_last(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials("x", build=BuildError("no space left on device", hint="make room")))
    assert checking.run(CONFIG, pool_of(one=fake())) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  build       failed  no space left on device",
        "              hint: make room",
    ]


def test_a_failure_without_a_remedy(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials("x", push=BuildError("500")))
    assert checking.run(CONFIG, pool_of(one=fake())) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "  push        failed  500"


def test_every_daemon_is_checked(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials())
    broken = fake(failures={"info": BuildError("refused", hint="start it")})
    assert checking.run(CONFIG, pool_of(one=broken, two=fake())) == 1
    assert capsys.readouterr().out.splitlines()[:4] == [
        "tcp://one:1234",
        "  connection  failed  refused",
        "              hint: start it",
        "tcp://two:1234",
    ]


def test_a_worker_that_does_not_answer(
    pool_of: Callable[..., Pool],
    fake: Any,
    use: Callable[[FakeTrials], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakeTrials())
    daemon = fake(failures={"workers": BuildError("it is stuck")})
    assert checking.run(CONFIG, pool_of(one=daemon)) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "  platforms   failed  it is stuck"


@pytest.mark.parametrize(
    ("address", "tls", "text"),
    [
        ("unix:///run/b.sock", None, "by unix"),
        ("buildkitd://", None, "by a socket, to a daemon of okplug's own"),
        ("docker-container://b", None, "by docker-container"),
        ("tcp://a:1", None, "by TCP, in the clear"),
        ("tcp://a:1", TLS(TLSFiles(), None), "by TCP with TLS"),
        ("tcp://a:1", TLS(TLSFiles(), None, b"cert", b"key"), "by TCP with mutual TLS"),
    ],
)
def test_how_a_connection_is_protected(address: str, tls: TLS | None, text: str) -> None:
    assert security(parse_address(address), ChannelOptions(tls=tls)) == text

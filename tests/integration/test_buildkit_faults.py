"""What goes wrong around a build on BuildKit: each cause is told apart, and nothing is left behind.

After each fault the exit code, the message, the registry and what the process has are looked at, and
the next run builds.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from okplug import Artifact, Event, ExitCode, Step, StepLog, hookimpl
from okplug.testing import Outcome, make_workspace
from okplug_buildkit.connect import keepalive, settings
from okplug_buildkit.pool import member, pool
from okplug_buildkit.pool.rendezvous import preferences
from okplug_buildkit.sync.trees import SnapshotTree
from okplug_layout.registry import LayoutRegistry
from tests.certificates import Authority
from tests.integration.conftest import program
from tests.integration.faulty import (
    Buildkitd,
    Remains,
    Way,
    buildkitd,
    faulty_registry,
    served_tags,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug.testing import Workspace
    from tests.integration.conftest import BuildKit, TLSBuildKit
    from tests.integration.registries import RegistryServer

#: a system of one program
SHELL = 'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n'


class Shop:
    """A workspace of one image, and what its runs leave in the registry and elsewhere.

    :param name: of the image, which no other test has.
    """

    def __init__(self, workspace: Workspace, temporary: Path) -> None:
        self.workspace = workspace
        self.name = f"app-{secrets.token_hex(4)}"
        self.registry = ""
        self._temporary = temporary
        self._remains = Remains(temporary)
        workspace.write({"okteto.yaml": f"build: {{{self.name}: .}}\n"})
        shutil.copy(program("busybox"), workspace.root / "busybox")

    def write(self, instructions: str, manifest: str = ".") -> None:
        """Write the Dockerfile, what comes after its shell, and what the manifest says."""
        files = {"Dockerfile": SHELL + instructions}
        files["okteto.yaml"] = f"build: {{{self.name}: {manifest}}}\n"
        self.workspace.write(files)

    def environ(self, builder: str) -> dict[str, str]:
        """Return what the environment has besides the workspace's."""
        found = {"OKPLUG_BUILDER": builder}
        if self.registry:
            found["OKPLUG_REGISTRY"] = self.registry
        return found

    def run(self, builder: str, *plugins: object, **environ: str) -> Outcome:
        """Build."""
        environ = {**self.environ(builder), **environ}
        self._remains = Remains(self._temporary)
        return self.workspace.run("build", plugins=plugins, environ=environ)

    def key(self) -> str:
        """Return the image's key."""
        (word, *_) = self.workspace.run("hash").assert_ok().stdout.split()
        return word

    def start(self, builder: str, *arguments: str) -> subprocess.Popen[str]:
        """Build in a process and a process group of its own."""
        environ = {
            **self.workspace.environ,
            **self.environ(builder),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "TMPDIR": str(self._temporary),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "okplug", "build", *arguments],
            cwd=self.workspace.root,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finished(self, process: subprocess.Popen[str], seconds: float = 60) -> Outcome:
        """Wait for a process's end, and see that nothing of its group or its files is left."""
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"it does not end: {process.communicate()}")
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert list(self._temporary.iterdir()) == []
        return Outcome(process.returncode, stdout, stderr)

    def tags(self) -> set[str]:
        """Return the tags that the image has, anywhere."""
        if self.registry:
            return set().union(
                *(served_tags(self.registry, f"{user}/{self.name}") for user in USERS)
            )
        found = set()
        for index in self.workspace.home.rglob("index.json"):
            for entry in json.loads(index.read_bytes())["manifests"]:
                found.add(entry.get("annotations", {}).get("org.opencontainers.image.ref.name"))
        return found - {None}

    def assert_failed(self, outcome: Outcome) -> None:
        """Assert that a run failed, tagged nothing, and left nothing behind."""
        outcome.assert_exit(ExitCode.FAILED)
        assert "Traceback" not in outcome.stderr
        self._remains.assert_nothing_is_left()
        assert self.tags() == set()

    def assert_built(self, outcome: Outcome) -> None:
        """Assert that a run built the image, and left nothing behind."""
        outcome.assert_ok()
        assert f"{self.name}  BUILT" in outcome.stderr
        self._remains.assert_nothing_is_left()
        assert len(self.tags()) == 2


USERS = ("okteto", "cindy")


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="okp-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def workspace_of(tmp_path: Path) -> Callable[[], Shop]:
    """Return what makes workspaces of one image."""

    def make() -> Shop:
        folder = tmp_path / secrets.token_hex(4)
        (folder / "temporary").mkdir(parents=True)
        return Shop(make_workspace(folder), folder / "temporary")

    return make


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a workspace of one image."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return Shop(workspace, temporary)


class When:
    """A plugin that does something, once, when a build prints a line."""

    def __init__(self, line: str, act: Callable[[], object]) -> None:
        self.act = once(act)
        self._line = line

    @hookimpl
    def okplug_event(self, event: Event) -> None:
        """Look at the lines."""
        if isinstance(event, StepLog) and event.text == self._line:
            self.act()


def once(act: Callable[[], object]) -> Callable[..., None]:
    """Return a function that acts when it is first called."""
    done = threading.Event()

    def call(*_: Any) -> None:
        if not done.is_set():
            done.set()
            act()

    return call


def act_before(
    patch: pytest.MonkeyPatch, owner: type, name: str, act: Callable[[], object]
) -> None:
    """Do something before each call of a method."""
    method = getattr(owner, name)

    def call(self: object, *args: object, **more: object) -> object:
        act()
        return method(self, *args, **more)

    patch.setattr(owner, name, call)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what never comes back given up soon."""
    monkeypatch.setattr(pool, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(member, "_PATIENCE", 0.2)


def failure(outcome: Outcome) -> list[str]:
    """Return what is printed of the one image that failed.

    A daemon that has pushed a layer before asks for a mount; whether it has depends on other tests.
    """
    _, _, told = outcome.stderr.partition(" failures ")
    mount = re.compile(r'\?mount=[^\s"]*[^\s":]|pushing with mount from \S+: ')
    lines = told.partition("= warnings ")[0].splitlines()
    return [mount.sub("", line) for line in lines[2:-1]]


def warnings(outcome: Outcome) -> list[str]:
    """Return the warnings at the end."""
    _, _, told = outcome.stderr.partition(" warnings ")
    return told.splitlines()[1:-1]


# --------------------------------------------------------------------------- daemons that are killed

#: each phase of a build, as what sets a trap in it
PHASES = ("file sync", "solve", "export", "push")


@contextmanager
def trap(phase: str, shop: Shop, act: Callable[[], object], server: str) -> Iterator[list[object]]:
    """Act once in a phase of the build; yields the plugins that this takes."""
    act = once(act)
    shop.write("RUN echo begun; usleep 300000; echo 1 > /one\n")
    with pytest.MonkeyPatch.context() as patch:
        if phase == "file sync":
            act_before(patch, SnapshotTree, "open", act)
        elif phase == "export":
            act_before(patch, LayoutRegistry, "write_blob", act)
        if phase == "push":
            with faulty_registry(server) as registry:
                registry.fault = lambda method, _: method == "POST" and act() is not None
                shop.registry = registry.host
                yield []
        else:
            yield [When("begun", act)] if phase == "solve" else []


@pytest.mark.parametrize("phase", PHASES)
def test_a_daemon_that_is_killed_and_comes_back_builds(
    phase: str, shop: Shop, short: Path, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        killed = []

        def restart() -> None:
            killed.append(phase)
            daemon.kill()
            daemon.start()

        with trap(phase, shop, restart, registry_server.host) as plugins:
            shop.assert_built(shop.run(daemon.address, *plugins))
        assert killed == [phase]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("phase", PHASES)
def test_a_daemon_that_is_killed_and_stays_away_is_one_clear_error(
    phase: str, shop: Shop, short: Path, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        with trap(phase, shop, daemon.kill, registry_server.host) as plugins:
            outcome = shop.run(daemon.address, *plugins)
            shop.assert_failed(outcome)
        assert failure(outcome) == [
            f"lost BuildKit at {daemon.address}: the connection was closed; then connection refused",
            "  hint: start a buildkitd there, or name another builder with --builder or BUILDKIT_HOST",
        ]
        daemon.start()
        if shop.registry:
            shop.registry = registry_server.host
        shop.assert_built(shop.run(daemon.address))


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_killed_daemon_leaves_the_other_builds(
    phase: str, shop: Shop, short: Path, buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    with buildkitd(short) as daemon:
        addresses = [daemon.address, buildkit.address]
        while preferences(f":{shop.name}", addresses)[0] != daemon.address:
            shop.name = f"app-{secrets.token_hex(4)}"
        with trap(phase, shop, daemon.kill, registry_server.host) as plugins:
            outcome = shop.run(",".join(addresses), *plugins)
            shop.assert_built(outcome)
        lost = f"lost BuildKit at {daemon.address}: the connection was closed"
        assert warnings(outcome) == [
            f"a daemon is left out: {lost}",
            f":{shop.name}: BuildKit service connection failure. Retrying... ({lost})",
        ]


def test_a_daemon_that_is_not_there_is_not_waited_for(shop: Shop, short: Path) -> None:
    shop.write("RUN echo 1 > /one\n")
    began = time.monotonic()
    outcome = shop.run(f"unix://{short}/bk.sock")
    assert time.monotonic() - began < 5  # of which a slow machine needs the most
    shop.assert_failed(outcome)
    assert "there is no such socket" in outcome.stderr


def test_a_daemon_that_is_not_there_yet_is_waited_for_where_that_is_wanted(
    shop: Shop, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options_of = settings.options_of
    monkeypatch.setattr(settings, "options_of", lambda config: replace(options_of(config), wait=10))
    shop.write("RUN echo 1 > /one\n")
    with buildkitd(short) as daemon:
        daemon.kill()
        timer = threading.Timer(0.5, daemon.start)
        timer.name = "daemon of a test"
        timer.start()
        outcome = shop.run(daemon.address)
        timer.join()
        shop.assert_built(outcome)


@pytest.mark.usefixtures("hasty")
def test_a_daemon_that_was_killed_before_is_one_clear_error(shop: Shop, short: Path) -> None:
    shop.write("RUN echo 1 > /one\n")
    with buildkitd(short) as daemon:
        daemon.kill()
        outcome = shop.run(daemon.address)
        shop.assert_failed(outcome)
        assert outcome.stderr.splitlines()[-2:] == [
            f"error: no BuildKit at {daemon.address}: connection refused",
            "  hint: start a buildkitd there, or name another builder with --builder or BUILDKIT_HOST",
        ]


# ---------------------------------------------------------------------------- builds that are wrong

#: nothing listens there
NOWHERE = "127.0.0.1:1"
NO_SUCH_IMAGE = (
    "  hint: there is no such image: look at its name, its tag, and whether there is one for the "
    "platform"
)
NOT_REACHED = "  hint: the daemon cannot reach the registry; it is the daemon's network that counts"
ENTITLEMENT = "  hint: the daemon must allow it: insecure-entitlements in buildkitd.toml"

#: what comes after the shell -> what is printed of it; HOST is a registry
WRONG = {
    "RUN echo fine\nRUN echo one; echo two; \\\n  exit 3\nRUN echo never\n": """\
Dockerfile:5: the command ended with exit code 3
  >  5 | RUN echo one; echo two; \\
     6 |   exit 3
  | one
  | two
""",
    "RUN nothere\n": """\
Dockerfile:4: the command ended with exit code 127
  >  4 | RUN nothere
  | sh: nothere: not found
""",
    "COPY nothere /x\n": """\
Dockerfile:4:1: nothere is not in the context
  >  4 | COPY nothere /x
  hint: write it, or correct the instruction
""",
    "FROM scratch AS other\nLABEL a=b\nFROM scratch\nCOPY --from=other /nothere /x\n": """\
Dockerfile:7: lstat /nothere: no such file or directory
  >  7 | COPY --from=other /nothere /x
""",
    "FROM HOST/nothere:1\nLABEL a=b\n": f"""\
Dockerfile:4: cannot get the image HOST/nothere:1: not found
  >  4 | FROM HOST/nothere:1
{NO_SUCH_IMAGE}
""",
    f"FROM {NOWHERE}/nothere:1\nLABEL a=b\n": f"""\
Dockerfile:4: cannot get the image {NOWHERE}/nothere:1: failed to do request: Head "http://{NOWHERE}/v2/nothere/manifests/1": dial tcp {NOWHERE}: connect: connection refused
  >  4 | FROM {NOWHERE}/nothere:1
{NOT_REACHED}
""",
    "COPY --from=HOST/other:1 / /x\n": f"""\
Dockerfile:4: cannot get the image HOST/other:1: not found
  >  4 | COPY --from=HOST/other:1 / /x
{NO_SUCH_IMAGE}
""",
    f"ADD http://{NOWHERE}/x /x\n": f"""\
failed to load cache key: Get "http://{NOWHERE}/x": dial tcp {NOWHERE}: connect: connection refused
  hint: the daemon fetches it itself: see whether it is there, and the daemon's network
""",
    "RUN --mount=type=secret,id=token,required echo 1\n": """\
Dockerfile:4: secret token: not found
  >  4 | RUN --mount=type=secret,id=token,required echo 1
  hint: give it in the manifest: secrets of this image
""",
    "RUN --mount=type=ssh,required echo 1\n": """\
Dockerfile:4: no SSH key "" forwarded from the client
  >  4 | RUN --mount=type=ssh,required echo 1
  hint: give it in the manifest: ssh of this image
""",
    "RUN --network=host echo 1\n": f"""\
Dockerfile:4: granting entitlement network.host is not allowed by build daemon configuration
  >  4 | RUN --network=host echo 1
{ENTITLEMENT}
""",
    "RUN --security=insecure echo 1\n": f"""\
Dockerfile:4: granting entitlement security.insecure is not allowed by build daemon configuration
  >  4 | RUN --security=insecure echo 1
{ENTITLEMENT}
""",
}


@pytest.mark.parametrize("instructions", WRONG)
def test_a_build_that_is_wrong(
    instructions: str, shop: Shop, buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    host = registry_server.host
    shop.write(instructions.replace("HOST", host))
    outcome = shop.run(buildkit.address)
    shop.assert_failed(outcome)
    assert failure(outcome) == WRONG[instructions].replace("HOST", host).splitlines()
    shop.write("RUN echo fine\n")
    shop.assert_built(shop.run(buildkit.address))


@pytest.mark.parametrize(
    ("syntax", "told"),
    [
        ("HOST/frontend:1", ["not found", NO_SUCH_IMAGE]),
        (
            f"{NOWHERE}/frontend:1",
            [
                f'failed to do request: Head "http://{NOWHERE}/v2/frontend/manifests/1": dial tcp {NOWHERE}: connect: connection refused',
                NOT_REACHED,
            ],
        ),
    ],
)
def test_a_frontend_that_cannot_be_had(
    syntax: str,
    told: list[str],
    shop: Shop,
    buildkit: BuildKit,
    registry_server: RegistryServer,
) -> None:
    syntax = syntax.replace("HOST", registry_server.host)
    shop.workspace.write({"Dockerfile": f"# syntax={syntax}\nFROM scratch\nCOPY busybox /\n"})
    outcome = shop.run(buildkit.address)
    shop.assert_failed(outcome)
    assert failure(outcome) == [
        f"Dockerfile:1: cannot get the image {syntax}: {told[0]}",
        f"  >  1 | # syntax={syntax}",
        told[1],
    ]


@pytest.mark.parametrize(
    ("instructions", "manifest", "told"),
    [
        (
            "RUM x\n",
            ".",
            "error: Dockerfile:4:1: unknown instruction 'RUM', did you mean 'RUN'?",
        ),
        (
            "RUN x\n",
            "{context: ., target: nope}",
            "error: okteto.yaml:1:36: no stage 'nope' in the Dockerfile",
        ),
    ],
)
def test_what_is_wrong_before_a_daemon_is_asked(
    instructions: str, manifest: str, told: str, shop: Shop
) -> None:
    shop.write(instructions, manifest)
    outcome = shop.run("unix:///nowhere").assert_exit(ExitCode.USAGE_ERROR)
    assert outcome.stderr.splitlines()[-2] == told


def test_a_secret_that_cannot_be_read(shop: Shop, buildkit: BuildKit) -> None:
    shop.write(
        "RUN --mount=type=secret,id=token,required echo 1\n",
        "{context: ., secrets: {token: /nowhere}}",
    )
    outcome = shop.run(buildkit.address)
    shop.assert_failed(outcome)
    assert failure(outcome) == [
        "okteto.yaml:1:46: the secret token cannot be read: /nowhere: No such file or directory",
        "  hint: the file is to be there when the image is built",
    ]


def test_a_failing_run_is_run_once(shop: Shop, buildkit: BuildKit) -> None:
    seen: list[str] = []

    class Plugin:
        @hookimpl
        def okplug_event(self, event: Event) -> None:
            if isinstance(event, StepLog):
                seen.append(event.text)

    shop.write("RUN echo here I am; exit 1\n")
    shop.assert_failed(shop.run(buildkit.address, Plugin()))
    assert seen == ["here I am"]


# ---------------------------------------------------------------------------------------------- TLS


def tls_environ(ca: Path, files: tuple[Path, Path] | None) -> dict[str, str]:
    found = {"OKPLUG_BUILDER_CA": str(ca)}
    if files:
        found["OKPLUG_BUILDER_CERT"], found["OKPLUG_BUILDER_KEY"] = map(str, files)
    return found


@pytest.mark.usefixtures("hasty")
def test_what_is_wrong_with_tls(
    shop: Shop, tls_buildkit: TLSBuildKit, tcp_buildkit: BuildKit, tmp_path: Path
) -> None:
    shop.write("RUN echo 1\n")
    right, other = tls_buildkit.authority, Authority.make(tmp_path / "other", "another")
    client = right.sign("client")
    address = tls_buildkit.address

    def told(address: str, **environ: str) -> list[str]:
        outcome = shop.run(address, **environ)
        shop.assert_failed(outcome)
        return outcome.stderr.splitlines()[-2:]

    assert told(address, **tls_environ(other.ca, client)) == [
        f"error: cannot use BuildKit at {address}: its certificate is not trusted: unable to get local issuer certificate",
        "  hint: set builder_ca to the certificate of the authority that signed the daemon's",
    ]
    wanted = [
        f"error: cannot use BuildKit at {address}: the daemon refuses our certificate, or wants one",
        "  hint: set builder_cert and builder_key to what an authority that the daemon trusts signed",
    ]
    assert told(address, **tls_environ(right.ca, None)) == wanted
    assert told(address, **tls_environ(right.ca, other.sign("client"))) == wanted
    assert told(address) == [
        f"error: cannot use BuildKit at {address}: the daemon speaks only TLS there",
        "  hint: set builder_ca to the certificate of the authority that signed the daemon's, and builder_cert and builder_key if it asks for them",
    ]
    assert told(tcp_buildkit.address, **tls_environ(right.ca, client)) == [
        f"error: cannot use BuildKit at {tcp_buildkit.address}: the daemon speaks no TLS there",
        "  hint: set none of builder_ca, builder_cert, builder_key and builder_server_name",
    ]
    shop.assert_built(shop.run(address, **tls_environ(right.ca, client)))


# --------------------------------------------------------------------------- connections that break


@pytest.fixture(scope="module")
def daemon() -> Iterator[Buildkitd]:
    """Run a daemon whose processes can be looked at."""
    with (
        tempfile.TemporaryDirectory(prefix="okp-", dir="/tmp") as folder,
        buildkitd(Path(folder)) as daemon,
    ):
        yield daemon


def write_large(shop: Shop, size: int = 8_000_000) -> None:
    """Have the image copy a large file that no daemon has seen."""
    (shop.workspace.root / "large").write_bytes(os.urandom(size))
    shop.write("COPY large /large\n")


@pytest.mark.usefixtures("hasty")
def test_a_connection_that_is_cut_at_once(shop: Shop, daemon: Buildkitd) -> None:
    shop.write("RUN echo 1 > /one\n")
    with Way(daemon.address) as way:
        way.when_sent(1, way.cut, again=True)
        outcome = shop.run(way.address)
        shop.assert_failed(outcome)
        assert way.connections > 1
    assert outcome.stderr.splitlines()[-2:] == [
        f"error: no BuildKit at {way.address}: the connection was closed",
        "  hint: see whether the daemon still runs and what its log says, or name another builder with --builder or BUILDKIT_HOST",
    ]


def test_a_connection_that_is_cut_in_a_transfer_is_made_again(
    shop: Shop, daemon: Buildkitd
) -> None:
    write_large(shop)
    with Way(daemon.address) as way:
        way.when_sent(2_000_000, way.cut)
        shop.assert_built(shop.run(way.address))
        assert way.connections == 2
        assert way.sent > 8_000_000


@pytest.mark.usefixtures("hasty")
def test_a_connection_that_is_cut_in_every_transfer_is_one_clear_error(
    shop: Shop, daemon: Buildkitd
) -> None:
    write_large(shop)
    with Way(daemon.address) as way:
        way.when_sent(2_000_000, way.cut, again=True)
        outcome = shop.run(way.address)
        shop.assert_failed(outcome)
    assert failure(outcome) == [
        f"lost BuildKit at {way.address}: the connection was closed",
        "  hint: see whether the daemon still runs and what its log says, or name another builder with --builder or BUILDKIT_HOST",
    ]
    shop.assert_built(shop.run(daemon.address))


def test_keep_alive_notices_a_connection_that_has_gone_dead(
    shop: Shop, daemon: Buildkitd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepalive, "_FLOOR", 200)
    shop.write("RUN echo begun; usleep 100000\n")
    with Way(daemon.address) as way:
        outcome = shop.run(
            way.address,
            When("begun", way.stall),
            OKTETO_KEEPALIVE_CLIENT_TIME_MS="200",
            OKTETO_KEEPALIVE_CLIENT_TIMEOUT_MS="300",
        )
        shop.assert_built(outcome)
        assert way.connections == 2


# ------------------------------------------------------------------------------------- registries


NOT_TAKEN = "  hint: the registry did not take the image; its log tells more. Build again to go on"
LOG_IN = "  hint: log in with docker login HOST; okplug takes credentials from Docker's config.json"
UPLOADS = "http://HOST/v2/okteto/NAME/blobs/uploads/"

#: the answer to a request for an upload -> what is printed after the repository, and the remedy
PUSHES: dict[int | bool, tuple[str, str]] = {
    500: (
        f"unexpected status from POST request to {UPLOADS}: 500 Internal Server Error",
        NOT_TAKEN,
    ),
    401: (f"unexpected status from POST request to {UPLOADS}: 401 Unauthorized", LOG_IN),
    403: (f"unexpected status from POST request to {UPLOADS}: 403 Forbidden", LOG_IN),
    True: (f'failed to do request: Post "{UPLOADS}": EOF', NOT_TAKEN),
}


def refuse_uploads(answer: int | bool, method: str, _: str) -> int | bool:  # noqa: FBT001  # it is either
    return answer if method == "POST" else False


def test_registries_that_fail_in_the_push(
    workspace_of: Callable[[], Shop], buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    """All at once, because the daemon tries each for a while."""
    with ExitStack() as stack:
        runs = []
        for answer in PUSHES:
            registry = stack.enter_context(faulty_registry(registry_server.host))
            registry.fault = partial(refuse_uploads, answer)
            shop = workspace_of()
            shop.registry = registry.host
            shop.write(f"RUN echo {shop.name} > /name\n")
            runs.append((answer, shop, shop.start(buildkit.address), registry))
        for answer, shop, process, registry in runs:
            outcome = shop.finished(process).assert_exit(ExitCode.FAILED)
            message, hint = (
                text.replace("HOST", registry.host).replace("NAME", shop.name)
                for text in PUSHES[answer]
            )
            assert failure(outcome) == [
                f"failed to push {registry.host}/okteto/{shop.name}: {message}",
                hint,
            ]
            assert shop.tags() == set()
            registry.fault = lambda _method, _path: False
            shop.assert_built(shop.run(buildkit.address))


def test_a_registry_of_these_tests_ends_connections_that_are_not_used(tmp_path: Path) -> None:
    remains = Remains(tmp_path)
    with faulty_registry("127.0.0.1:1") as registry:
        host, _, port = registry.host.partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            assert connection.recv(1) == b""
    remains.assert_nothing_is_left()


def test_a_push_is_tried_again(
    shop: Shop, buildkit: BuildKit, registry_server: RegistryServer
) -> None:
    answers = iter((500, True))
    with faulty_registry(registry_server.host) as registry:
        registry.fault = lambda method, _: next(answers, False) if method == "POST" else False
        shop.registry = registry.host
        shop.write("RUN echo 1\n")
        shop.assert_built(shop.run(buildkit.address))
        assert list(answers) == []


# ------------------------------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(short: Path) -> Iterator[Path]:
    """Return a daemon's folder that is 48 MiB large."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "okplug-tests", str(short)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"a small disk cannot be mounted: {done.stderr}; this test has to run as root")
    yield short
    subprocess.run(["umount", "-l", str(short)], check=True)


def test_a_full_disk_of_the_daemon(shop: Shop, small_disk: Path) -> None:
    hint = "  hint: the daemon's disk is full: okplug builder prune makes room"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4_000_000))
    with buildkitd(small_disk) as daemon:
        shop.write("RUN dd if=/dev/zero of=/large bs=1M count=100\n")
        outcome = shop.run(daemon.address)
        shop.assert_failed(outcome)
        assert failure(outcome)[:4] == [
            "Dockerfile:4: the command ended with exit code 1",
            "  >  4 | RUN dd if=/dev/zero of=/large bs=1M count=100",
            hint,
            "  | dd: error writing '/large': No space left on device",
        ]
        write_large(shop, 60_000_000)
        outcome = shop.run(daemon.address)
        shop.assert_failed(outcome)
        message, remedy = failure(outcome)
        assert message.endswith(": no space left on device")
        assert remedy == hint
        ballast.unlink()  # to remove something, too, it needs a little room
        environ = shop.environ(daemon.address)
        shop.workspace.run("builder", "prune", "--force", environ=environ).assert_ok()
        shop.write("RUN echo 1\n")
        shop.assert_built(shop.run(daemon.address))


# ------------------------------------------------------------------------------------------ Ctrl-C


def interrupt(shop: Shop, process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C, and see that the run ends as it should."""
    process.send_signal(signal.SIGINT)
    outcome = shop.finished(process, 5).assert_exit(ExitCode.INTERRUPTED)
    assert outcome.stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in outcome.stderr
    assert shop.tags() == set()


def test_ctrl_c_ends_what_runs_on_the_daemon(shop: Shop, daemon: Buildkitd) -> None:
    shop.write(f"RUN echo {shop.name}; sleep 60\n")
    process = shop.start(daemon.address)
    wait_until(lambda: "sleep" in daemon.programs(), "the build never ran")
    interrupt(shop, process)
    wait_until(lambda: "sleep" not in daemon.programs(), "the build still runs")
    wait_until(lambda: daemon.builds() == 0, "the daemon still builds")
    shop.write("RUN echo 1\n")
    shop.assert_built(shop.run(daemon.address))


def test_ctrl_c_in_a_transfer(shop: Shop, daemon: Buildkitd) -> None:
    write_large(shop, 100_000_000)
    with Way(daemon.address) as way:
        begun = threading.Event()
        way.when_sent(5_000_000, begun.set)
        process = shop.start(way.address)
        assert begun.wait(30)
        interrupt(shop, process)
        assert way.sent < 100_000_000
    wait_until(lambda: daemon.builds() == 0, "the daemon still builds")


def test_ctrl_c_while_the_daemon_hangs(shop: Shop, daemon: Buildkitd) -> None:
    shop.write(f"RUN echo {shop.name}; sleep 60\n")
    process = shop.start(daemon.address)
    wait_until(lambda: "sleep" in daemon.programs(), "the build never ran")
    with daemon.stopped():
        interrupt(shop, process)
    wait_until(lambda: "sleep" not in daemon.programs(), "the build still runs")


def test_ctrl_c_while_a_daemon_that_hangs_is_asked(shop: Shop, daemon: Buildkitd) -> None:
    shop.write("RUN echo 1\n")
    with daemon.stopped(), Way(daemon.address) as way:
        asked = threading.Event()
        way.when_sent(1, asked.set)
        process = shop.start(way.address)
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        shop.finished(process, 5).assert_exit(ExitCode.INTERRUPTED)


def test_ctrl_c_on_a_dead_connection_without_keep_alive(shop: Shop, daemon: Buildkitd) -> None:
    shop.write(f"RUN echo {shop.name}; sleep 60\n")
    with Way(daemon.address) as way:
        process = shop.start(way.address)
        wait_until(lambda: "sleep" in daemon.programs(), "the build never ran")
        way.stall()
        interrupt(shop, process)
    wait_until(lambda: "sleep" not in daemon.programs(), "the build still runs")


@pytest.mark.parametrize("more", [(), ("--all-or-nothing",)])
@pytest.mark.parametrize("kind", ["local", "tar"])
def test_ctrl_c_while_files_are_unpacked(
    kind: str, more: tuple[str, ...], shop: Shop, daemon: Buildkitd, tmp_path: Path
) -> None:
    write_large(shop, 30_000_000)
    shop.assert_built(shop.run(daemon.address))
    target = tmp_path / "out" / kind
    with Way(daemon.address) as way:
        begun = threading.Event()

        def stall() -> None:
            way.stall()
            begun.set()

        way.when_received(5_000_000, stall)
        process = shop.start(way.address, f"--output=type={kind},dest={target}", *more)
        assert begun.wait(30)
        wait_until(lambda: list(target.parent.rglob(".okplug-*")), "no file was begun")
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        outcome = shop.finished(process, 5).assert_exit(ExitCode.INTERRUPTED)
        assert time.monotonic() - pressed < 2  # of which a slow machine needs the most
    assert outcome.stderr.splitlines()[-1] == "interrupted"
    assert [path.name for path in target.parent.rglob("*") if path.is_file()] in ([], ["busybox"])
    wait_until(lambda: daemon.builds() == 0, "the daemon still builds")


# --------------------------------------------------------------------------------- files that change


class Editor:
    """A plugin that changes a file between its hashing and its sending, as a race would."""

    def __init__(self, path: Path) -> None:
        self.edit = once(lambda: path.write_text("new\n"))

    @hookimpl(tryfirst=True)
    def okplug_build(self, step: Step) -> Artifact | None:
        """Leave the building to others."""
        self.edit(step)
        return None


@pytest.mark.parametrize("moment", ["before the transfer", "in the transfer"])
def test_a_file_that_changes_is_never_under_the_key_of_another(
    moment: str, shop: Shop, daemon: Buildkitd, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write("COPY file /file\nRUN echo 1\n")
    path = shop.workspace.root / "file"
    path.write_text("new\n")
    new = shop.key()
    path.write_text("old\n")
    old = shop.key()
    plugins = [Editor(path)]
    if moment == "in the transfer":
        act_before(monkeypatch, SnapshotTree, "open", plugins.pop().edit)
    outcome = shop.run(daemon.address, *plugins)
    shop.assert_built(outcome)
    assert warnings(outcome) == [
        "file: the file changed while it was in use: its content is another; it is hashed and built again"
    ]
    assert new in shop.tags()
    assert old not in shop.tags()

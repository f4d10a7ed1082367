"""The BuildKit inside a Docker engine, with both of the stores that an engine can keep images in."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import okplug_registry
from okplug import ROOT_ANNOTATION, BuildError
from okplug.credentials import Credentials
from okplug.oci import DOCKER_MANIFEST
from okplug.reference import Reference
from okplug.testing import BuilderContract, FakeRegistry, ImageView, RecordingControl, push_image
from okplug_buildkit.builder import BuildKitBuilder, Setup
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.enginesockets import open_unix
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import connect
from okplug_buildkit.pool.engineping import refusal
from okplug_buildkit.pool.member import Member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.services import Services
from okplug_buildkit.solve.caches import CacheReader
from okplug_buildkit.solve.options import SolveOptions
from tests.integration.conftest import ROOT, SEARCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from okplug import Registry
    from okplug.testing import Workspace
    from okplug.testing.builder import Build, MakeCase, View
    from tests.integration.registries import RegistryServer

STORES = {"drivers": "{}", "containerd": '{"features": {"containerd-snapshotter": true}}'}
OLD_STORE = "the old image store of the Docker engine at "


@dataclass(frozen=True)
class Engine:
    """A Docker engine of the tests' own."""

    socket: Path

    @property
    def address(self) -> str:
        """As the setting ``builder`` has it."""
        return f"docker://{self.socket}"

    @property
    def environ(self) -> dict[str, str]:
        """What makes it the engine of a user."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def ask(self, path: str, method: str = "GET") -> Any:  # JSON
        """Return an answer of its API."""
        connection = HTTPConnection("docker", timeout=10)
        connection.sock = open_unix(str(self.socket))
        with closing(connection):
            connection.request(method, path)
            return json.loads(connection.getresponse().read())

    def names(self) -> list[str]:
        """Return the names of all its images."""
        return [name for image in self.ask("/images/json?all=1") for name in image["RepoTags"]]


@contextmanager
def running_engine(store: str) -> Iterator[Engine]:
    """Start an engine, wait until it answers, and end it."""
    programs = ROOT / ".tox/bin/docker"
    if not (programs / "dockerd").exists():
        pytest.fail("dockerd is not there; tests/run gets it")
    folder = Path(tempfile.mkdtemp(prefix="okp-"))  # paths of its sockets are short enough
    engine = Engine(folder / "s")
    (folder / "daemon.json").write_text(STORES[store])
    flags = {
        "config-file": folder / "daemon.json",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "host": f"unix://{engine.socket}",
        "pidfile": folder / "pid",
        "bridge": "none",
        "iptables": "false",
        "ip6tables": "false",
    }
    environ = {**os.environ, "PATH": f"{programs}:{SEARCHED}"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [programs / "dockerd", *(f"--{name}={value}" for name, value in flags.items())],
            stdout=log,
            stderr=log,
            env=environ,
        ) as daemon,
    ):
        try:
            _wait_until_ready(engine, daemon, folder / "log")
            yield engine
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(engine: Engine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while refusal(f"unix://{engine.socket}", 5, is_tls=False) is not None:
        assert daemon.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)


@pytest.fixture(scope="module")
def drivers() -> Iterator[Engine]:
    """An engine that keeps images by graph drivers."""
    with running_engine("drivers") as engine:
        yield engine


@pytest.fixture(scope="module")
def containerd() -> Iterator[Engine]:
    """An engine that keeps images in containerd."""
    with running_engine("containerd") as engine:
        yield engine


@contextmanager
def building(engine: Engine, folder: Path, options: SolveOptions) -> Iterator[BuildKitBuilder]:
    """Have a builder on an engine."""
    member = Member(
        parse_address(engine.address), lambda address: connect(address, ChannelOptions())
    )
    with closing(Pool([member], pytest.fail)) as pool:
        services = Services(Credentials({}), {})
        setup = Setup(pool, "test", services, options, CacheReader(folder, {}), "tests")
        yield BuildKitBuilder(setup)


@pytest.fixture
def options() -> SolveOptions:
    """The settings, for tests to replace."""
    return SolveOptions()


@pytest.fixture
def http_registry(registry_server: RegistryServer, workspace: Workspace) -> Iterator[Registry]:
    """A registry that the engine reaches by itself."""
    config = workspace.config(
        plugins=[okplug_registry], settings={"registry": registry_server.host}
    )
    found = config.plugins.registry(registry_server.host, config)
    assert found is not None
    yield found
    config.plugins.unconfigure(config)


def unique_names(registry: Registry) -> Callable[[str], Reference]:
    """Return what makes names that no other test has."""
    prefix = secrets.token_hex(4)
    return lambda name: Reference(registry.host, f"{prefix}/{name}")


class TestInContainerd(BuilderContract):
    """The engine pushes to a registry by itself, and keeps nothing."""

    @pytest.fixture
    def builder(self, containerd: Engine, tmp_path: Path) -> Iterator[BuildKitBuilder]:
        """Return the builder."""
        with building(containerd, tmp_path, SolveOptions()) as builder:
            yield builder

    @pytest.fixture
    def registry(self, http_registry: Registry) -> Registry:
        """Return a real registry."""
        return http_registry

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return what makes names that no other test has."""
        return unique_names(registry)

    def test_the_engine_keeps_no_image(
        self, case: MakeCase, build: Build, containerd: Engine
    ) -> None:
        """What is built is in the registry, and not among the engine's images."""
        build(case("FROM scratch\nCOPY a /\n", {"a": "1"}))
        assert containerd.names() == []


class ByDrivers(BuilderContract):
    """What is otherwise with graph drivers: one platform only, and no image without a layer."""

    @pytest.fixture
    def builder(
        self, drivers: Engine, tmp_path: Path, options: SolveOptions
    ) -> Iterator[BuildKitBuilder]:
        """Return the builder; it leaves nothing in the engine."""
        with building(drivers, tmp_path, options) as builder:
            yield builder
        assert drivers.names() == []

    def test_the_platform(self, view: View) -> None:
        """An image says what it is for."""
        image = view("FROM scratch\nCOPY a /\n", {"a": "1"}, platforms=("linux/arm/v7",))
        found = [image.config[name] for name in ("os", "architecture", "variant")]
        assert found == ["linux", "arm", "v7"]

    def test_annotations_of_the_entry(
        self, case: MakeCase, build: Build, registry: Registry
    ) -> None:
        """They are of the manifest, beside those that the request wants."""
        wanted, own = {ROOT_ANNOTATION: "ab" * 32}, {"org.opencontainers.image.title": "An image"}
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"}, annotations=wanted, own_annotations=own)
        manifest = ImageView.read(registry, build(made).reference).manifest
        assert (wanted | own).items() <= manifest["annotations"].items()

    def test_several_platforms_are_an_index(
        self, case: MakeCase, build: Build, registry: Registry
    ) -> None:
        """They are refused before anything is built, with the remedy."""
        made = case(
            "FROM scratch\nCOPY a /\n", {"a": "1"}, platforms=("linux/amd64", "linux/arm64")
        )
        with pytest.raises(BuildError, match=f"{OLD_STORE}.* several platforms") as caught:
            build(made)
        assert "containerd-snapshotter" in caught.value.hint
        assert caught.value.location is not None
        del registry

    def test_shell_form(self, view: View) -> None:
        """An image without a layer is refused with the remedy."""
        with pytest.raises(BuildError, match=f"{OLD_STORE}.* no image that has no layers"):
            view("FROM scratch\nCMD a b\n")

    def test_labels_of_the_manifest(self, view: View) -> None:
        """They are labels of the image."""
        image = view("FROM scratch\nCOPY a /\nLABEL a=1\n", {"a": "1"}, labels={"b": "2"})
        assert image.config["config"]["Labels"] == {"a": "1", "b": "2"}


class TestByDriversWithParts(ByDrivers):
    """Dependencies are loaded into the engine, from a registry that it knows nothing of."""

    @pytest.fixture
    def registry(self) -> Registry:
        """Return a registry in memory."""
        return FakeRegistry()

    def test_layers_of_a_dependency_are_mounted(
        self, view: View, registry: FakeRegistry, repository: Callable[[str], Reference]
    ) -> None:
        """They stay what they are in the registry, byte for byte."""
        base = repository("okteto/base")
        pushed = push_image(registry, base, files=[{"a": "1"}, {"b": "2"}])
        own = ImageView.read(registry, base.with_digest(pushed.digest)).manifest["layers"]
        named = {"base.example.com/base:1": base.with_digest(pushed.digest)}
        image = view("FROM base.example.com/base:1\nCOPY c /\n", {"c": "3"}, images=named)
        assert image.manifest["layers"][:2] == own
        assert len(image.manifest["layers"]) == 3
        assert registry.calls["mount_blob"] >= 2
        assert set(image.tree()) == {"a", "b", "c"}

    def test_two_builds_are_one_image(self, case: MakeCase, build: Build) -> None:
        """A layer is compressed to the same bytes each time."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1" * 10_000})
        assert build(made) == build(made)

    @pytest.mark.parametrize(
        "options", [SolveOptions(compression="uncompressed", oci_mediatypes=False)]
    )
    def test_other_forms(self, view: View) -> None:
        """Layers without compression, and Docker's media types."""
        image = view("FROM scratch\nCOPY a /\n", {"a": "1"})
        assert image.manifest["mediaType"] == DOCKER_MANIFEST
        (layer,) = image.manifest["layers"]
        assert layer["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar"
        assert [layer["digest"]] == image.config["rootfs"]["diff_ids"]

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            (SolveOptions(compression="zstd"), "compression=zstd"),
            (SolveOptions(provenance="mode=max"), "holds no attestations"),
            (SolveOptions(cache_to=("type=registry,ref=localhost/a",)), "of type registry"),
        ],
    )
    def test_what_the_engine_cannot_do(self, case: MakeCase, build: Build, problem: str) -> None:
        """It is refused with the remedy."""
        with pytest.raises(BuildError, match=f"{OLD_STORE}.*{problem}"):
            build(case("FROM scratch\nCOPY a /\n", {"a": "1"}))

    def test_the_times_of_layers(
        self, case: MakeCase, builder: BuildKitBuilder, registry: Registry
    ) -> None:
        """They cannot be set, so it is refused to say that they are."""
        made = case("FROM scratch\nCOPY a /\n", {"a": "1"}, source_date_epoch=0)
        with pytest.raises(BuildError, match=f"{OLD_STORE}.*SOURCE_DATE_EPOCH"):
            builder.build(made.request(), registry, RecordingControl())


class TestByDriversWithARegistry(ByDrivers):
    """Dependencies are pulled by the engine, and results are pushed by this side."""

    @pytest.fixture
    def registry(self, http_registry: Registry) -> Registry:
        """Return a real registry."""
        return http_registry

    @pytest.fixture
    def repository(self, registry: Registry) -> Callable[[str], Reference]:
        """Return what makes names that no other test has."""
        return unique_names(registry)


@pytest.mark.parametrize("store", STORES)
def test_an_image_is_loaded(
    store: str, request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    engine: Engine = request.getfixturevalue(store)
    workspace.write(
        {
            "okteto.yaml": "build: {loaded: .}\n",
            "Dockerfile": "FROM scratch\nCOPY a /a\nLABEL a=1\n",
            "a": "1",
        }
    )
    workspace.run("build", "--load", environ=engine.environ).assert_ok()
    (image,) = [
        image
        for image in engine.ask("/images/json")
        if any("loaded" in name for name in image["RepoTags"])
    ]
    assert image["Labels"] == {"a": "1"}
    for name in image["RepoTags"]:
        engine.ask(f"/images/{name}", "DELETE")


@pytest.mark.parametrize("store", STORES)
def test_a_workspace_is_built_and_the_files_of_an_image_are_had(
    store: str, request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    engine: Engine = request.getfixturevalue(store)
    workspace.write(
        {
            "okteto.yaml": "build: {base: base, top: {context: top, depends_on: base}}\n",
            "base/Dockerfile": "FROM scratch\nCOPY a /a\n",
            "base/a": "1",
            "top/Dockerfile": "ARG OKTETO_BUILD_BASE_IMAGE\nFROM ${OKTETO_BUILD_BASE_IMAGE}\n"
            "COPY b /b\n",
            "top/b": "2",
        }
    )
    environ = {**engine.environ, "OKPLUG_BUILDER": "docker://"}
    done = workspace.run("build", "--output=out", ":top", environ=environ).assert_ok()
    assert done.stderr.count(" BUILT ") == 2
    found = {path.name: path.read_text() for path in (workspace.root / "out").iterdir()}
    assert found == {"a": "1", "b": "2"}
    assert engine.names() == []


@pytest.mark.parametrize("store", STORES)
def test_it_can_be_found_and_checked(
    store: str, request: pytest.FixtureRequest, workspace: Workspace
) -> None:
    engine: Engine = request.getfixturevalue(store)
    environ = {**engine.environ, "OKPLUG_BUILDER": "auto"}
    done = workspace.run("builder", "check", environ=environ).assert_ok()
    assert done.stdout.startswith("docker://\n")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["build", "ok"] in [line[:2] for line in lines]
    (images,) = [line for line in lines if line[0] == "images"]
    assert images[1:3] == ["ok", "kept"]
    assert store in " ".join(images)


def test_the_engine_of_a_context(containerd: Engine, workspace: Workspace) -> None:
    """Found by ``auto``, built on, and loaded into."""
    workspace.write(
        {
            "okteto.yaml": "build: {chosen: .}\n",
            "Dockerfile": "FROM scratch\nCOPY a /a\n",
            "a": secrets.token_hex(),
        }
    )
    folder = workspace.home / ".docker"
    meta = folder / "contexts/meta" / hashlib.sha256(b"mine").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    host = f"unix://{containerd.socket}"
    meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": host}}}))
    (folder / "config.json").write_text('{"currentContext": "mine"}')
    done = workspace.run("build", "--load", environ={"OKPLUG_BUILDER": "auto"}).assert_ok()
    assert f"(the Docker engine at {host} of the context mine)" in done.stderr
    names = [name for name in containerd.names() if "chosen" in name]
    assert names
    for name in names:
        containerd.ask(f"/images/{name}", "DELETE")

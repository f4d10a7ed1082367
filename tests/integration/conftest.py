"""Real servers and tools for the integration tests; what is missing is a failure, not a skip."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.oci import read_document
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView
from tests.certificates import Authority
from tests.integration.fronts import front
from tests.integration.registries import (
    certificate,
    htpasswd_registry_server,
    other_registry_server,
    registry_server,
    serve,
    tls_registry_server,
    token_registry_server,
    token_server,
)
from tests.integration.team import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.fronts import Front

__all__ = [  # fixtures of another file
    "certificate",
    "htpasswd_registry_server",
    "other_registry_server",
    "registry_server",
    "tls_registry_server",
    "token_registry_server",
    "token_server",
]

ROOT = Path(__file__).parents[2]
SEARCHED = f"{os.environ['PATH']}:/usr/sbin:/sbin:{ROOT}/.tox/bin"


def program(name: str) -> str:
    """Return the path of a program that the tests cannot do without."""
    path = shutil.which(name, path=SEARCHED)
    if path is None:
        pytest.fail(f"{name} is not installed; tests/run installs it")
    return path


@dataclass(frozen=True)
class BuildKit:
    """A daemon of the tests' own."""

    address: str

    def build(self, context: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Build a Dockerfile with the daemon's own frontend."""
        return subprocess.run(
            [
                *(program("buildctl"), "--addr", self.address, "build", "--progress=plain"),
                *("--frontend=dockerfile.v0", f"--local=context={context}"),
                *(f"--local=dockerfile={context}", *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@contextmanager
def running_buildkit(
    folder: Path, address: str, *flags: str, client: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Start buildkitd with all that it has in a folder, wait until it answers, and end it.

    :param client: what ``buildctl`` needs to be let in.
    """
    config = folder / "buildkitd.toml"
    config.write_text(f'[otel]\nsocketPath = "{folder}/otel.sock"\n')
    command = [program("buildkitd"), f"--config={config}", f"--root={folder}/root"]
    program("runc")
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(
            [*command, f"--addr={address}", *flags],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": SEARCHED},
        ) as daemon,
    ):
        try:
            _wait_until_ready(("--addr", address, *client), daemon)
            yield daemon
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)


def _wait_until_ready(client: tuple[str, ...], daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    command = [program("buildctl"), *client, "debug", "workers"]
    while subprocess.run(command, capture_output=True, check=False).returncode:
        assert daemon.poll() is None, "buildkitd ended by itself"
        assert time.monotonic() < deadline, "buildkitd does not answer"
        time.sleep(0.1)


def free_port() -> int:
    """Return a port of this machine where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def buildkit_addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Start a daemon that listens on a socket and on a port, and end it."""
    folder = tmp_path_factory.mktemp("buildkit")
    addresses = f"unix://{folder}/bk.sock", f"tcp://127.0.0.1:{free_port()}"
    with running_buildkit(folder, addresses[0], f"--addr={addresses[1]}"):
        yield addresses


@pytest.fixture(scope="session")
def buildkit(buildkit_addresses: tuple[str, str]) -> BuildKit:
    """A daemon at a socket."""
    return BuildKit(buildkit_addresses[0])


@pytest.fixture(scope="session")
def tcp_buildkit(buildkit_addresses: tuple[str, str]) -> BuildKit:
    """The same daemon at a port, in the clear."""
    return BuildKit(buildkit_addresses[1])


@dataclass(frozen=True)
class TLSBuildKit:
    """A daemon that wants the certificate of its clients.

    :param authority: has signed for the daemon, and for ``client``.
    """

    address: str
    authority: Authority


@pytest.fixture(scope="session")
def tls_buildkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TLSBuildKit]:
    """Start a daemon at a port where both sides show certificates, and end it."""
    folder = tmp_path_factory.mktemp("tlsbuildkit")
    authority = Authority.make(folder / "certificates")
    server, client = authority.sign("server"), authority.sign("client")
    address = f"tcp://127.0.0.1:{free_port()}"
    flags = ("cert", server[0]), ("key", server[1]), ("cacert", authority.ca)
    with running_buildkit(
        folder,
        address,
        *(f"--tls{name}={path}" for name, path in flags),
        client=(f"--tlscacert={authority.ca}", f"--tlscert={client[0]}", f"--tlskey={client[1]}"),
    ):
        yield TLSBuildKit(address, authority)


@pytest.fixture
def from_archive() -> Callable[[Path], ImageView]:
    """Return what reads the OCI archive that BuildKit exports."""
    return _read_archive


def _read_archive(path: Path) -> ImageView:
    """Read the OCI archive that BuildKit exports."""
    registry = FakeRegistry()
    reference = Reference.parse("localhost/oracle:1")
    with tarfile.open(path) as archive:

        def read(name: str) -> bytes:
            stream = archive.extractfile(name)
            assert stream is not None
            return stream.read()

        descriptor = json.loads(read("index.json"))["manifests"][0]
        data = read(f"blobs/sha256/{descriptor['digest'][7:]}")
        for blob in read_document(data).blobs:
            content = io.BytesIO(read(f"blobs/sha256/{blob.digest[7:]}"))
            registry.write_blob(reference, content, blob.media_type)
        written = registry.write_manifest(reference, descriptor["mediaType"], data)
    return ImageView.read(registry, reference.with_tag("").with_digest(written.digest))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Front]:
    """Return a registry of the test's own, empty, which it can see through and have fail."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve(folder) as server, front(server.host) as opened:
        yield opened


@pytest.fixture
def registry(store: Front) -> Store:
    """Return what the test's own registry has."""
    return Store(store.host)

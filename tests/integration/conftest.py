"""Real servers and tools for the integration tests; what is missing is a failure, not a skip."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from okplug.oci import read_document
from okplug.reference import Reference
from okplug.testing import FakeRegistry, ImageView
from tests.integration.registries import (
    certificate,
    htpasswd_registry_server,
    registry_server,
    tls_registry_server,
    token_registry_server,
    token_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [  # fixtures of another file
    "certificate",
    "htpasswd_registry_server",
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


@pytest.fixture(scope="session")
def buildkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildKit]:
    """Start buildkitd on a socket of its own, and end it."""
    folder = tmp_path_factory.mktemp("buildkit")
    socket = f"unix://{folder}/bk.sock"
    config = folder / "buildkitd.toml"
    config.write_text(f'[otel]\nsocketPath = "{folder}/otel.sock"\n')
    log = (folder / "log").open("wb")
    path = {**os.environ, "PATH": SEARCHED}
    command = [program("buildkitd"), f"--root={folder}/root", f"--addr={socket}"]
    program("runc")
    with (
        log,
        subprocess.Popen(
            [*command, f"--config={config}"], stdout=log, stderr=log, env=path
        ) as daemon,
    ):
        try:
            _wait_until_ready(socket, daemon)
            yield BuildKit(socket)
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)


def _wait_until_ready(address: str, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    command = [program("buildctl"), "--addr", address, "debug", "workers"]
    while subprocess.run(command, capture_output=True, check=False).returncode:
        assert daemon.poll() is None, "buildkitd ended by itself"
        assert time.monotonic() < deadline, "buildkitd does not answer"
        time.sleep(0.1)


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

"""Images on their way to where they are wanted."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import okplug_buildkit
from okplug import (
    Artifact,
    BuildError,
    CancelledError,
    Reference,
    Registry,
    RegistryError,
    hookimpl,
)
from okplug.testing import FakeRegistry, RecordingControl, push_image
from okplug_buildkit.outputs import delivery
from okplug_buildkit.outputs.delivery import Delivery
from okplug_buildkit.outputs.unpacking import Unpacked
from okplug_buildkit.outputs.wanted import WantedOutput

if TYPE_CHECKING:
    from pathlib import Path

    from okplug import Step
    from okplug.testing import Workspace
    from tests.unit.plugins.buildkit.outputs.conftest import Engine

HERE = Reference("registry.test", "okteto/api")
NAME = Reference.parse("registry.test/cindy/api:okteto")
STEP = cast(
    "Step",
    SimpleNamespace(
        address="services/api:api", personal=(NAME,), image=SimpleNamespace(platforms=())
    ),
)


class Registries:
    """A plugin with a registry in memory."""

    def __init__(self) -> None:
        self.registry = FakeRegistry()

    @hookimpl
    def okplug_registry(self) -> Registry:
        """Serve all hosts."""
        return self.registry


class Deliveries:
    """Brings an image to places."""

    def __init__(self, workspace: Workspace) -> None:
        registries = Registries()
        self.registry = registries.registry
        self.workspace = workspace
        self.control = RecordingControl()
        self.plugins = [okplug_buildkit, registries]
        descriptor = push_image(self.registry, HERE, files={"a": "1"})
        self.artifact = Artifact(HERE.with_digest(descriptor.digest), descriptor)

    def bring(self, *outputs: WantedOutput, load: bool = False, pool: object = None) -> None:
        """Bring it there."""
        config = self.workspace.config(plugins=self.plugins)
        delivery = Delivery(config, outputs, load, cast("Any", pool), self.control)
        delivery.deliver(STEP, self.artifact)


@pytest.fixture
def deliveries(workspace: Workspace) -> Deliveries:
    """What brings an image to places."""
    return Deliveries(workspace)


def names_of(data: bytes) -> list[str]:
    """Return what the image in an archive is called."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        stream = archive.extractfile("manifest.json")
        assert stream is not None
        return [name for entry in json.load(stream) for name in entry["RepoTags"]]


def test_files_in_folders_that_are_not_there_yet(deliveries: Deliveries, tmp_path: Path) -> None:
    oci, docker = tmp_path / "out/a/oci.tar", tmp_path / "out/docker.tar"
    deliveries.bring(WantedOutput("oci", oci), WantedOutput("docker", docker))
    assert names_of(oci.read_bytes()) == [str(NAME)]
    assert oci.read_bytes() == docker.read_bytes()
    assert oci.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.glob("out/*")) == ["a", "docker.tar"]


def test_what_was_there_is_replaced(deliveries: Deliveries, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    deliveries.bring(WantedOutput("oci", tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert names_of((tmp_path / "file").read_bytes()) == [str(NAME)]


def test_an_image_that_cannot_be_read_leaves_the_old_file(
    deliveries: Deliveries, tmp_path: Path
) -> None:
    (tmp_path / "a.tar").write_text("old")
    deliveries.registry.failures["open_blob"] = RegistryError("no")
    with pytest.raises(RegistryError, match="no"):
        deliveries.bring(WantedOutput("oci", tmp_path / "a.tar"))
    assert (tmp_path / "a.tar").read_text() == "old"
    assert [path.name for path in tmp_path.glob("*a.tar*")] == ["a.tar"]
    assert list(tmp_path.glob(".okplug-*")) == []


@pytest.mark.parametrize("load", [False, True])
def test_an_interruption_leaves_the_old_file(
    deliveries: Deliveries, tmp_path: Path, *, load: bool
) -> None:
    (tmp_path / "a.tar").write_text("old")
    deliveries.control.cancel()
    outputs = () if load else (WantedOutput("oci", tmp_path / "a.tar"),)
    with pytest.raises(CancelledError):
        deliveries.bring(*outputs, load=load)
    assert [path.read_text() for path in tmp_path.glob("*.tar")] == ["old"]
    assert list(tmp_path.glob(".okplug-*")) == []


def test_standard_output(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    deliveries.bring(WantedOutput("docker", None))
    assert names_of(stream.buffer.getvalue()) == [str(NAME)]


def test_a_named_pipe_is_written_to_and_stays_one(deliveries: Deliveries, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    deliveries.bring(WantedOutput("oci", tmp_path / "pipe"))
    reader.join(10)
    assert names_of(read[0]) == [str(NAME)]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("dest", "reason"),
    [("file/a.tar", "cannot write the output"), ("folder", "Is a directory")],
)
def test_a_place_that_cannot_be_written(
    deliveries: Deliveries, tmp_path: Path, dest: str, reason: str
) -> None:
    (tmp_path / "file").write_text("stays")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BuildError) as caught:
        deliveries.bring(WantedOutput("oci", tmp_path / dest))
    assert f"cannot write the output {tmp_path / dest}: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint
    assert (tmp_path / "file").read_text() == "stays"
    assert list((tmp_path / "folder").iterdir()) == []


def test_an_engine(deliveries: Deliveries, engine: Engine) -> None:
    deliveries.workspace.environ.update(engine.environ)
    deliveries.bring(load=True)
    ((_, _, body),) = engine.requests
    assert names_of(body) == [str(NAME)]


def test_files_need_a_daemon(deliveries: Deliveries, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        deliveries.bring(WantedOutput("local", tmp_path))
    assert str(caught.value) == (
        "the files of services/api:api cannot be unpacked without a BuildKit\n"
        "  hint: name one with --builder; type=oci and type=docker need none"
    )


def test_files_are_unpacked_by_the_image_s_own_daemon_for_its_platform(
    deliveries: Deliveries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(delivery, "unpack", lambda *given: asked.append(given))
    output = WantedOutput("local", tmp_path)
    deliveries.bring(output, pool="the pool")
    image = Unpacked("services/api:api", deliveries.artifact, ("linux/amd64",))
    ((*given, environ, control),) = asked
    assert control is deliveries.control
    assert given == ["the pool", deliveries.registry, image, output]
    assert "HOME" in cast("dict[str, str]", environ)

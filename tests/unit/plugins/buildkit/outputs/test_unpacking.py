"""What a daemon is asked for to have the files of an image."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from okplug import Artifact, BuildControl, BuildError, CancelledError, Reference
from okplug.testing import FakeRegistry, RecordingControl, push_image
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.outputs import unpacking
from okplug_buildkit.outputs.unpacking import Unpacked, unpack
from okplug_buildkit.outputs.wanted import WantedOutput
from okplug_buildkit.solve.job import SolveFailed
from okplug_buildkit.sync import receiver
from okplug_buildkit.sync.archives import ArchiveOutput, StreamOutput
from okplug_buildkit.sync.exports import FolderOutput
from tests.fakeengine import FakeEngine

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from okplug_buildkit.pool.pool import Pool
    from okplug_buildkit.solve.job import Job
    from okplug_buildkit.sync.receiver import Output

HERE = Reference("registry.test", "okteto/api")
DAEMON = SimpleNamespace(address=parse_address("tcp://daemon:1"))
CONTENT = "/containerd.services.content.v1.Content/"


class Remote(FakeRegistry):
    """A registry that the daemon reaches by itself."""

    is_remote = True


class Bench:
    """A pool that notes who is asked for what."""

    def __init__(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        self.registry = registry
        self.addresses: list[str] = []
        self.jobs: list[Job] = []
        self.outputs: list[Output] = []
        self.ends: list[str] = []
        descriptor = push_image(registry, HERE, files={"a": "1"})
        artifact = Artifact(HERE.with_digest(descriptor.digest), descriptor)
        self.image = Unpacked("services/api:api", artifact, ("linux/amd64", "linux/arm64"))
        self.failure: Exception | None = None
        self.daemon = DAEMON
        self.control = RecordingControl()
        self.interruptions: list[bool] = []
        self.cancelled: threading.Event | None = None
        monkeypatch.setattr(unpacking, "run_job", self._run_job)
        serve = receiver.serve_outputs

        def note(outputs: dict[int, Output]) -> Any:
            self.outputs.extend(outputs.values())
            return serve(outputs)

        monkeypatch.setattr(receiver, "serve_outputs", note)
        for kind in (ArchiveOutput, FolderOutput, StreamOutput):
            for name in ("commit", "discard"):
                monkeypatch.setattr(kind, name, lambda _, name=name: self.ends.append(name))

    def run(self, address: str, work: Callable[[object], None], cancelled: threading.Event) -> None:
        """Have work done, in the place of a pool."""
        self.cancelled = cancelled
        self.addresses.append(address)
        work(self.daemon)

    def _run_job(
        self, daemon: object, job: Job, control: BuildControl, _: object
    ) -> dict[str, str]:
        assert daemon is self.daemon
        self.jobs.append(job)
        control.on_cancel(lambda: self.interruptions.append(control.is_cancelled))
        if self.failure is not None:
            raise self.failure
        return {}

    def unpack(self, kind: str, path: Path | None) -> None:
        """Unpack the image."""
        wanted = WantedOutput(kind, path)
        unpack(cast("Pool", self), self.registry, self.image, wanted, {}, self.control)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An image in a registry that only this side reaches."""
    return Bench(FakeRegistry(), monkeypatch)


def test_the_image_is_built_from_by_its_digest(bench: Bench, tmp_path: Path) -> None:
    bench.unpack("local", tmp_path / "out")
    digest = bench.image.artifact.reference.digest
    (job,) = bench.jobs
    assert dict(job.attributes) == {
        "filename": "Dockerfile",
        "platform": "linux/amd64,linux/arm64",
        "context:okplug-image": f"oci-layout://okteto/api@{digest}",
    }
    assert [exporter.type for exporter in job.exporters] == ["local"]
    assert any(method.startswith(CONTENT) for method in job.handlers)
    assert bench.addresses == ["services/api:api"]
    assert bench.ends == ["commit", "discard"]


def test_a_daemon_that_reaches_the_registry_reads_it_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench = Bench(Remote(), monkeypatch)
    bench.unpack("tar", tmp_path / "a.tar")
    (job,) = bench.jobs
    reference = bench.image.artifact.reference
    assert job.attributes["context:okplug-image"] == f"docker-image://{reference}"
    assert not any(method.startswith(CONTENT) for method in job.handlers)


def test_an_engine_with_graph_drivers_has_it_loaded(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeEngine() as engine:
        address = parse_address(f"docker://{engine.path}")
        bench.daemon = SimpleNamespace(address=address, workers=lambda: ())
        bench.image = replace(bench.image, platforms=("linux/amd64",))
        there: list[str] = []

        def run_job(_daemon: object, job: Job, *_: object) -> dict[str, str]:
            bench.jobs.append(job)
            there.extend(engine.images)
            return {}

        monkeypatch.setattr(unpacking, "run_job", run_job)
        bench.unpack("local", tmp_path / "out")
        assert engine.images == {}
    (job,) = bench.jobs
    assert [job.attributes["context:okplug-image"]] == [f"docker-image://{name}" for name in there]
    assert not any(method.startswith(CONTENT) for method in job.handlers)


def test_such_an_engine_holds_one_platform(bench: Bench, tmp_path: Path) -> None:
    bench.daemon = SimpleNamespace(address=parse_address("docker://"), workers=lambda: ())
    with pytest.raises(BuildError, match="holds no image of several platforms"):
        bench.unpack("local", tmp_path / "out")
    assert bench.jobs == []


@pytest.mark.parametrize(
    ("kind", "name", "output"),
    [
        ("local", "out", FolderOutput),
        ("tar", "new/a.tar", ArchiveOutput),
        ("tar", "", StreamOutput),
    ],
)
def test_where_it_goes(
    bench: Bench, tmp_path: Path, kind: str, name: str, output: type[object]
) -> None:
    bench.unpack(kind, tmp_path / name if name else None)
    (found,) = bench.outputs
    assert isinstance(found, output)
    assert [exporter.type for exporter in bench.jobs[0].exporters] == [kind]


def test_the_folder_of_an_archive_is_made(bench: Bench, tmp_path: Path) -> None:
    bench.unpack("tar", tmp_path / "new/folder/a.tar")
    assert (tmp_path / "new/folder").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match="cannot write the output"):
        bench.unpack("tar", tmp_path / "file/a.tar")


class Failed(SolveFailed):
    """A build that failed."""

    def __init__(self, lost: BuildError | None) -> None:
        class Error(Exception):
            def details(self) -> str:
                return "failed to solve: no space left on device"

            def trailing_metadata(self) -> tuple[()]:
                return ()

        super().__init__(cast("Any", Error()), is_connection=lost is not None)
        self._lost = lost

    def loss(self, daemon: object) -> Any:
        """Return what was lost."""
        assert daemon is DAEMON
        return self._lost


def test_a_failure_says_what_and_why(bench: Bench, tmp_path: Path) -> None:
    bench.failure = Failed(None)
    with pytest.raises(BuildError) as caught:
        bench.unpack("local", tmp_path / "out")
    assert str(caught.value) == (
        f"the files of {bench.image.artifact.reference} cannot be unpacked: "
        "no space left on device\n"
        "  hint: the daemon's disk is full: okplug builder prune makes room"
    )
    assert bench.ends == ["discard"]


def test_a_daemon_that_is_lost_is_the_pool_s_to_replace(bench: Bench, tmp_path: Path) -> None:
    lost = BuildError("it is gone")
    bench.failure = Failed(lost)
    with pytest.raises(BuildError) as caught:
        bench.unpack("local", tmp_path / "out")
    assert caught.value is lost
    assert bench.ends == ["discard"]


def test_an_interruption_of_the_run_reaches_all_that_is_at_work(
    bench: Bench, tmp_path: Path
) -> None:
    bench.unpack("local", tmp_path / "out")
    assert bench.cancelled is not None
    assert (bench.interruptions, bench.cancelled.is_set()) == ([], False)
    bench.control.cancel()
    assert (bench.interruptions, bench.cancelled.is_set()) == ([True], True)


def test_what_an_interruption_breaks_is_no_failure(bench: Bench, tmp_path: Path) -> None:
    bench.control.cancel()
    bench.failure = BuildError("the engine hangs up")
    with pytest.raises(CancelledError):
        bench.unpack("local", tmp_path / "out")
    assert bench.ends == ["discard"]


def test_standard_output_is_written_as_bytes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    bench.unpack("tar", None)
    (found,) = bench.outputs
    assert vars(found)["_stream"] is stream.buffer

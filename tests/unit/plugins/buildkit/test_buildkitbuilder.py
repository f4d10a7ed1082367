"""The builder: which daemon is asked for what, and what becomes of its answers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import grpc  # noqa: TID253  # failed calls are its errors
import pytest

from okplug import (
    Artifact,
    BuildError,
    CancelledError,
    ContextChangedError,
    Descriptor,
    Reference,
    UsageError,
)
from okplug.credentials import Credentials
from okplug.testing import BuildCase, FakeRegistry, RecordingControl, push_image
from okplug_buildkit.attach.folderstore import FolderStore
from okplug_buildkit.attach.registrystore import RegistryStore
from okplug_buildkit.builder import BuildKitBuilder, Setup
from okplug_buildkit.connect.addresses import Address, parse_address
from okplug_buildkit.connect.failures import DaemonError, DaemonLostError, Fault
from okplug_buildkit.daemon import Version
from okplug_buildkit.pool.failures import DaemonLost
from okplug_buildkit.pool.member import Member
from okplug_buildkit.pool.pool import Pool
from okplug_buildkit.services import Services
from okplug_buildkit.solve.caches import CacheReader
from okplug_buildkit.solve.job import Job, SolveFailed
from okplug_buildkit.solve.options import SolveOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from okplug import BuildRequest
    from okplug_buildkit.daemon import Daemon

DIGEST = "sha256:" + "5" * 64
FIELDS = {"mediaType": "m", "digest": DIGEST, "size": 7, "annotations": {"a": "b"}}
RESPONSE = {"containerimage.descriptor": base64.b64encode(json.dumps(FIELDS).encode()).decode()}


class Remote(FakeRegistry):
    """A registry that the daemon reaches by itself."""

    is_remote = True


class Answering:
    """A daemon that is there.

    :param cause: why it is not.
    """

    def __init__(self, address: Address, cause: DaemonError | None = None) -> None:
        self.address = address
        self.cause = cause
        self.asked = 0

    def info(self, timeout: float, absence: float = 1.0) -> Version:
        """Tell the version."""
        assert timeout > 0 < absence
        self.asked += 1
        if self.cause is not None:
            raise self.cause
        return Version(version="v0.99.0")

    def explain(self, _: grpc.RpcError) -> DaemonError:
        """Say why a call failed."""
        return DaemonLostError("it is gone", Fault.LOST)

    def close(self) -> None:
        """Do nothing."""


class Call(grpc.RpcError):
    """A call that failed."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str:
        """Return the message."""
        return self._details

    def trailing_metadata(self) -> tuple[()]:
        """Return nothing."""
        return ()


@dataclasses.dataclass
class Bench:
    """A builder, what its daemon is asked for, and what that answers.

    :ivar answers: one for each solve: a response, or what it raises; the last one stays.
    """

    folder: Path
    options: SolveOptions = dataclasses.field(default_factory=SolveOptions)
    cause: DaemonError | None = None
    answers: list[Any] = dataclasses.field(default_factory=lambda: [RESPONSE])
    jobs: list[Job] = dataclasses.field(default_factory=list)
    control: RecordingControl = dataclasses.field(default_factory=RecordingControl)
    registry: FakeRegistry = dataclasses.field(default_factory=Remote)

    def __post_init__(self) -> None:
        (self.folder / "ctx").mkdir()
        (self.folder / "ctx/Dockerfile").write_text("FROM scratch\nCOPY a /\n")
        (self.folder / "ctx/a").write_text("1")
        self.daemon = Answering(parse_address("tcp://a:1"), self.cause)
        member = Member(self.daemon.address, lambda _: cast("Daemon", self.daemon))
        self.pool = Pool([member], pytest.fail)

    @property
    def builder(self) -> BuildKitBuilder:
        """The builder, which forgets what it was shown before."""
        services = Services(Credentials({}), {})
        reader = CacheReader(self.folder, {})
        return BuildKitBuilder(Setup(self.pool, "test", services, self.options, reader, "me"))

    def request(self, **fields: Any) -> BuildRequest:
        """Return the request for the folder."""
        request = BuildCase(self.folder / "ctx").request()
        image = dataclasses.replace(request.image, **fields)
        return dataclasses.replace(request, image=image)

    def build(self, request: BuildRequest | None = None) -> Artifact:
        """Build."""
        return self.builder.build(request or self.request(), self.registry, self.control)

    def run(self, daemon: object, job: Job, *_: object) -> dict[str, str]:
        """Answer in the place of ``run_job``."""
        assert daemon is self.daemon
        self.jobs.append(job)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return cast("dict[str, str]", answer)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A builder on a daemon that is there, with a registry that the daemon reaches."""
    bench = Bench(tmp_path)
    monkeypatch.setattr("okplug_buildkit.builder.run_job", bench.run)
    with closing(bench.pool):
        yield bench


def failed(code: grpc.StatusCode, text: str, *, is_connection: bool = False) -> SolveFailed:
    return SolveFailed(Call(code, text), is_connection=is_connection)


def test_what_it_says_of_itself(bench: Bench) -> None:
    assert bench.builder.name == "buildkit"
    assert bench.builder.describe() == "BuildKit at tcp://a:1 (test)"
    assert bench.builder.jobs == 16


def test_the_daemon_is_asked_whether_it_is_there(bench: Bench) -> None:
    bench.builder.check([])
    assert bench.daemon.asked == 0
    bench.builder.check([BuildCase(bench.folder / "ctx").outline()] * 2)
    assert bench.daemon.asked == 1
    assert bench.pool.members[0].running == 0


def test_a_daemon_that_is_not_there_ends_the_run_at_once(bench: Bench) -> None:
    bench.daemon.cause = DaemonError("it is no BuildKit", Fault.NOT_BUILDKIT, hint="start one")
    with pytest.raises(DaemonError, match="it is no BuildKit"):
        bench.builder.check([BuildCase(bench.folder / "ctx").outline()])
    assert bench.jobs == []


def test_the_daemon_pushes_where_it_can(bench: Bench) -> None:
    artifact = bench.build()
    assert artifact == Artifact(
        Reference.parse(f"registry.test/okteto/image@{DIGEST}"),
        Descriptor("m", DIGEST, 7, {"a": "b"}),
    )
    (job,) = bench.jobs
    (exporter,) = job.exporters
    assert exporter.type == "image"
    assert exporter.attributes["push"] == "true"
    assert job.attributes["filename"] == "Dockerfile"
    assert not any("Content" in method for method in job.handlers)
    assert job.shared_key


def test_this_side_takes_the_parts_where_the_daemon_cannot_push(bench: Bench) -> None:
    bench.registry = FakeRegistry()
    bench.build()
    (job,) = bench.jobs
    assert [exporter.type for exporter in job.exporters] == ["oci"]
    assert any("Content" in method for method in job.handlers)


def test_an_answer_that_has_the_digest_only(bench: Bench) -> None:
    descriptor = push_image(bench.registry, Reference("registry.test", "okteto/image"))
    bench.answers = [{"containerimage.digest": descriptor.digest}]
    artifact = bench.build()
    assert artifact.reference.digest == artifact.descriptor.digest == descriptor.digest


@pytest.mark.parametrize("response", [{}, {"containerimage.digest": DIGEST}])
def test_an_answer_that_names_no_image(bench: Bench, response: dict[str, str]) -> None:
    bench.answers = [response]
    with pytest.raises(BuildError) as caught:
        bench.build()
    assert str(caught.value) == (
        "the daemon did not say what it built\n"
        "  hint: it may be too old: okplug needs BuildKit 0.13 or later"
    )


def test_an_interrupted_run_asks_nobody(bench: Bench) -> None:
    bench.control.cancel()
    with pytest.raises(CancelledError):
        bench.build()
    assert (bench.jobs, bench.daemon.asked) == ([], 0)


def test_a_build_that_fails_is_not_tried_again(bench: Bench) -> None:
    bench.answers = [failed(grpc.StatusCode.UNKNOWN, "failed to solve: no such thing")]
    with pytest.raises(BuildError) as caught:
        bench.build()
    assert caught.value.message == "no such thing"
    assert caught.value.location is None
    assert len(bench.jobs) == 1


@pytest.mark.parametrize(
    "loss",
    [
        failed(grpc.StatusCode.UNAVAILABLE, "Socket closed", is_connection=True),
        failed(grpc.StatusCode.UNKNOWN, "no active session", is_connection=True),
    ],
)
def test_a_daemon_that_is_lost_is_asked_again(bench: Bench, loss: SolveFailed) -> None:
    bench.answers = [loss, RESPONSE]
    assert bench.build().reference.digest == DIGEST
    assert len(bench.jobs) == 2
    (warning,) = bench.control.warnings
    assert warning.startswith("BuildKit service connection failure. Retrying... (")


def test_a_daemon_that_stays_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("okplug_buildkit.pool.pool._PAUSES", (0, 0))
    bench.answers = [failed(grpc.StatusCode.UNKNOWN, "no active session", is_connection=True)]
    with pytest.raises(DaemonLost, match="lost BuildKit at tcp://a:1: no active session"):
        bench.build()
    assert len(bench.jobs) == 3


def sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many contexts each build sends, as a list that grows."""
    counts: list[int] = []
    handlers = Services.handlers

    def note(self: Services, request: Any, snapshots: Any, *rest: Any) -> Any:
        counts.append(len(snapshots))
        return handlers(self, request, snapshots, *rest)

    monkeypatch.setattr(Services, "handlers", note)
    assert bench.jobs == []
    return counts


def test_images_of_one_context_send_it_once_until_a_file_changes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = sent(bench, monkeypatch)
    case = BuildCase(bench.folder / "ctx")
    first = case.request()
    (bench.folder / "ctx/Dockerfile").write_text("FROM scratch\nCOPY a Dockerfile /\n")
    second = case.request()
    outlines = [
        dataclasses.replace(case.outline(), context=request.context) for request in (first, second)
    ]
    builder = bench.builder
    builder.check(outlines)
    bench.answers = [RESPONSE, ContextChangedError("it changed"), RESPONSE]
    builder.build(first, bench.registry, bench.control)
    with pytest.raises(ContextChangedError):
        builder.build(second, bench.registry, bench.control)
    builder.build(second, bench.registry, bench.control)
    builder.build(first, bench.registry, bench.control)
    assert counts == [2, 2, 1, 1]


def test_caches_of_the_image_and_of_the_run(bench: Bench) -> None:
    bench.options = SolveOptions(("r/all",), ("inline",))
    bench.build(bench.request(cache_from=("r/one",), export_cache=("type=registry,ref=r/one",)))
    (job,) = bench.jobs
    assert [cache.attributes for cache in job.imports] == [{"ref": "r/one"}, {"ref": "r/all"}]
    assert [cache.type for cache in job.exports] == ["registry", "inline"]
    assert "r/one" in job.attributes["cache-imports"]


def test_a_cache_that_is_wrong(bench: Bench) -> None:
    with pytest.raises(UsageError, match="the cache 'type=ftp' is wrong"):
        bench.build(bench.request(cache_from=("type=ftp",)))
    assert bench.jobs == []


def test_a_cache_in_a_folder_can_be_found_after_the_build(bench: Bench) -> None:
    data = b"{}"
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    store = FolderStore(bench.folder / "cache")
    store.write("manifest", io.BytesIO(data))
    written = json.dumps({"mediaType": "m", "digest": digest, "size": 2})
    bench.answers = [{**RESPONSE, "cache.manifest": written}]
    bench.build(bench.request(export_cache=("type=local,dest=cache",)))
    assert store.find() == digest


def test_dependencies_that_only_this_side_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each repository is a store of its own, which is closed whatever happens."""
    registry = bench.registry = FakeRegistry()
    images = {}
    for number in range(2):
        reference = Reference("registry.test", "okteto/base")
        descriptor = push_image(registry, reference, files={str(number): ""})
        images[f"base{number}"] = reference.with_digest(descriptor.digest)
    closed: list[object] = []

    def close(store: RegistryStore) -> None:
        closed.append(store)

    monkeypatch.setattr(RegistryStore, "close", close)
    request = dataclasses.replace(bench.request(), images=images)
    bench.answers = [failed(grpc.StatusCode.UNKNOWN, "no")]
    with pytest.raises(BuildError):
        bench.build(request)
    (job,) = bench.jobs
    assert job.attributes["context:base0"] == (f"oci-layout://okteto/base@{images['base0'].digest}")
    assert len(closed) == 1

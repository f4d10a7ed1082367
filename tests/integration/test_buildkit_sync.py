"""Files to and from a real BuildKit: what arrives is what ``buildctl`` would have sent."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import tarfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc  # noqa: TID253  # a build that fails raises its errors
import pytest

from okplug import ContextChangedError
from okplug.testing import BuildCase
from okplug_buildkit.connect.addresses import parse_address
from okplug_buildkit.connect.options import ChannelOptions
from okplug_buildkit.daemon import Daemon, connect
from okplug_buildkit.proto import control_pb2
from okplug_buildkit.session import Session
from okplug_buildkit.sync import receiver, sender
from okplug_buildkit.sync.archives import ArchiveOutput
from okplug_buildkit.sync.exports import FolderOutput
from okplug_buildkit.sync.trees import MemoryTree, SnapshotTree
from tests.foldertree import FolderTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from okplug import ContextSnapshot
    from okplug_buildkit.sync.entries import Tree
    from okplug_buildkit.sync.receiver import Output
    from tests.integration.conftest import BuildKit

REPEATABLE = {"build-arg:SOURCE_DATE_EPOCH": "0"}
REWRITTEN = {"rewrite-timestamp": "true"}
ALL = "FROM scratch\nCOPY . /all/\n"


@dataclass
class Builds:
    """Builds of Dockerfiles on one daemon, under a shared key of their own.

    :ivar sent: bytes of files that the last build sent.
    :ivar errors: what its handlers raised.
    """

    daemon: Daemon
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    sent: int = 0
    errors: list[BaseException] = field(default_factory=list)

    def run(
        self,
        dockerfile: str,
        context: Tree,
        output: Output | None = None,
        kind: str = "local",
        *,
        options: Mapping[str, str] | None = None,
        attributes: Mapping[str, str] | None = None,
        trees: Mapping[str, Tree] | None = None,
    ) -> None:
        """Build, and commit what is exported."""
        served = {
            "context": context,
            "dockerfile": MemoryTree({"Dockerfile": dockerfile.encode()}),
            **(trees or {}),
        }
        totals = [0]
        handlers = {sender.METHOD: sender.serve_trees(served, on_bytes=totals.append)}
        exporters = []
        if output is not None:
            handlers[receiver.METHOD] = receiver.serve_outputs({0: output})
            exporters.append(control_pb2.Exporter(type=kind, attrs=options or {}))
        session = Session(self.daemon, handlers, shared_key=self.key)
        try:
            with session:
                request = control_pb2.SolveRequest(
                    ref=f"{session.id}-{time.monotonic_ns()}",
                    session=session.id,
                    frontend="dockerfile.v0",
                    frontend_attrs=attributes,
                    exporters=exporters,
                )
                self.daemon.solve(request).result(120)
            if output is not None:
                output.commit()
        finally:
            self.errors = session.errors
            self.sent = totals[-1] - len(dockerfile.encode())  # which is always asked for
            if output is not None:
                output.discard()

    def layers(self, dockerfile: str, context: Tree, path: Path) -> list[str]:
        """Return the digests of the layers that a build gives."""
        output = ArchiveOutput(path)
        self.run(dockerfile, context, output, "oci", options=REWRITTEN, attributes=REPEATABLE)
        return layers_of(path)


@pytest.fixture
def builds(buildkit: BuildKit) -> Iterator[Builds]:
    with connect(parse_address(buildkit.address), ChannelOptions()) as daemon:
        yield Builds(daemon)


def layers_of(path: Path) -> list[str]:
    """Return the digests of the layers in an OCI archive."""
    with tarfile.open(path) as archive:

        def read(name: str) -> Any:
            stream = archive.extractfile(name)
            assert stream is not None
            return json.loads(stream.read())

        (manifest,) = read("index.json")["manifests"]
        layers = read(f"blobs/sha256/{manifest['digest'][7:]}")["layers"]
    return [layer["digest"] for layer in layers]


def oracle(buildkit: BuildKit, folder: Path, dockerfile: str, path: Path) -> list[str]:
    """Return the digests of the layers that buildctl gives."""
    (folder / "Dockerfile").write_text(dockerfile)
    options = ("--opt=build-arg:SOURCE_DATE_EPOCH=0",)
    done = buildkit.build(folder, *options, f"--output=type=oci,dest={path},rewrite-timestamp=true")
    assert done.returncode == 0, done.stderr
    return layers_of(path)


def write(folder: Path, path: str | bytes, data: bytes = b"", mode: int = 0o644) -> None:
    place = folder / os.fsdecode(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    place.chmod(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A context with files of all kinds."""
    folder = tmp_path / "context"
    write(folder, "a", b"1")
    write(folder, "a.b/x", b"2")
    write(folder, "sub/a/b", b"3")
    write(folder, "sub/a.c", b"4", 0o755)
    write(folder, "sub/run.sh", b"#!/bin/sh\n", 0o755)
    write(folder, "küche/größe", "groß".encode())
    write(folder, b"bad\xff\xfe/n\xe9", b"6")
    write(folder, "[odd] name", b"7")
    write(folder, "empty")
    write(folder, "large", bytes(range(256)) * 10_000)
    (folder / "void").mkdir()
    for name, target in {
        "link": "a",
        "chain": "link",
        "absolute": "/sub/a",
        "dangling": "nowhere",
        "out": "../../etc/passwd",
        "sub/up": "../küche",
    }.items():
        (folder / name).symlink_to(target)
    return folder


def odd(folder: Path) -> None:
    """Add what no key knows: modes of all kinds, and a pipe."""
    write(folder, "suid", b"8", 0o4755)
    write(folder, "private", b"9", 0o600)
    write(folder, "sticky/f", b"10")
    (folder / "sticky").chmod(0o1777)
    (folder / "void").chmod(0o2750)
    os.mkfifo(folder / "pipe", 0o620)


def snapshot(folder: Path, dockerfile: str) -> ContextSnapshot:
    """Return the files that okplug takes for those that the Dockerfile reads."""
    (folder / "Dockerfile").write_text(dockerfile)
    return BuildCase(folder).request().context


# ---------------------------------------------------------------------------------------- sending


def test_a_folder_as_it_is_gives_buildctl_s_layers(
    builds: Builds, buildkit: BuildKit, folder: Path, tmp_path: Path
) -> None:
    odd(folder)
    expected = oracle(buildkit, folder, ALL, tmp_path / "theirs.tar")
    assert builds.layers(ALL, FolderTree(folder), tmp_path / "ours.tar") == expected


@pytest.mark.parametrize(
    "copies",
    [
        "COPY . /all/",
        "COPY a /",
        "COPY sub /s/",
        "COPY sub/a.c a.b/x /",
        "COPY link /",
        "COPY chain /x",
        "COPY absolute /x/",
        "COPY absolute/b /",
        "COPY sub/up/größe /",
        "COPY küche /k",
        'COPY ["[[]odd] name", "/odd"]',
        "COPY l* /x/",
        "COPY */a* /x/",
        "COPY s*/run.sh /",
        "COPY void /v",
        "COPY bad* /b",
        "COPY a /1\nCOPY sub/a /2\nCOPY large /3",
        "COPY --exclude=*.c sub /s",
        "COPY --parents sub/a/b küche /p",
    ],
)
def test_the_files_of_a_key_give_buildctl_s_layers(
    builds: Builds,
    buildkit: BuildKit,
    folder: Path,
    tmp_path: Path,
    copies: str,
) -> None:
    dockerfile = f"FROM scratch\n{copies}\n"
    files = [snapshot(folder, dockerfile)]
    expected = oracle(buildkit, folder, dockerfile, tmp_path / "theirs.tar")
    for tree in (SnapshotTree(files, is_whole=True), SnapshotTree(files), FolderTree(folder)):
        assert builds.layers(dockerfile, tree, tmp_path / "ours.tar") == expected


@pytest.mark.parametrize(
    "ignored", ["sub\n!sub/a\n", "*\n!küche\n!a*\n", "**/a*\n", "# all\n\nbad*\nlink\n"]
)
def test_what_is_ignored_is_ignored_by_both(
    builds: Builds,
    buildkit: BuildKit,
    folder: Path,
    tmp_path: Path,
    ignored: str,
) -> None:
    """Also where the daemon is told of it by the file itself."""
    (folder / ".dockerignore").write_text(ignored)
    files = [snapshot(folder, ALL)]
    expected = oracle(buildkit, folder, ALL, tmp_path / "theirs.tar")
    for tree in (SnapshotTree(files, is_whole=True), SnapshotTree(files), FolderTree(folder)):
        assert builds.layers(ALL, tree, tmp_path / "ours.tar") == expected


def test_ten_thousand_files(builds: Builds, buildkit: BuildKit, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for number in range(10_000):
        write(folder, f"{number % 100}/file {number}", b"%d\n" % number)
    tree = SnapshotTree([snapshot(folder, ALL)])
    expected = oracle(buildkit, folder, ALL, tmp_path / "theirs.tar")
    assert builds.layers(ALL, tree, tmp_path / "ours.tar") == expected
    assert builds.sent > 0
    builds.run(ALL, tree)
    assert builds.sent == 0


def test_another_checkout_sends_nothing(builds: Builds, folder: Path, tmp_path: Path) -> None:
    """Times, owners and most modes are of no account."""
    builds.run(ALL, SnapshotTree([snapshot(folder, ALL)]))
    assert builds.sent > 2_560_000
    other = folder.rename(tmp_path / "other")
    for path in other.rglob("*"):
        os.utime(path, (7, 7), follow_symlinks=False)
    (other / "a").chmod(0o600)
    builds.run(ALL, SnapshotTree([snapshot(other, ALL)]))
    assert builds.sent == 0


def test_a_change_of_the_same_size_and_time_is_sent(
    builds: Builds, folder: Path, tmp_path: Path
) -> None:
    before = builds.layers(ALL, SnapshotTree([snapshot(folder, ALL)]), tmp_path / "1.tar")
    times = (folder / "a").stat().st_mtime_ns
    write(folder, "a", b"9")
    os.utime(folder / "a", ns=(times, times))
    after = builds.layers(ALL, SnapshotTree([snapshot(folder, ALL)]), tmp_path / "2.tar")
    assert builds.sent == 1
    assert before != after


def test_images_that_share_a_context_send_it_once(builds: Builds, folder: Path) -> None:
    """Each reads another part; where only that is sent, the daemon drops the rest every time."""
    dockerfiles = [f"FROM scratch\nCOPY {name} /\n" for name in ("large", "küche", "sub")]
    snapshots = [snapshot(folder, dockerfile) for dockerfile in dockerfiles]
    sent = []
    for dockerfile in dockerfiles * 2:
        builds.run(dockerfile, SnapshotTree(snapshots, is_whole=True))
        sent.append(builds.sent)
    assert sent[0] > 2_560_000
    assert sent[1:] == [0] * 5


def test_a_file_that_changed_fails_the_build(builds: Builds, folder: Path) -> None:
    tree = SnapshotTree([snapshot(folder, ALL)])
    write(folder, "large", bytes(2_560_000))
    with pytest.raises(grpc.RpcError):
        builds.run(ALL, tree)
    (error,) = builds.errors
    assert isinstance(error, ContextChangedError)
    assert error.location is not None
    assert error.location.path == folder / "large"


def test_a_named_context_is_a_folder_of_its_own(
    builds: Builds, folder: Path, tmp_path: Path
) -> None:
    dockerfile = "FROM scratch\nCOPY --from=kitchen größe /x\n"
    output = FolderOutput(tmp_path / "out")
    attributes = {"context:kitchen": "local:küche +"}
    trees = {"küche +": FolderTree(folder / "küche")}
    builds.run(dockerfile, MemoryTree({}), output, attributes=attributes, trees=trees)
    assert (tmp_path / "out/x").read_bytes() == "groß".encode()


# -------------------------------------------------------------------------------------- receiving


def listed(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what is in a folder: kind and mode, time of files, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content: object = None
        if stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mtime_ns
        elif stat.S_ISLNK(status.st_mode):
            content = path.readlink()
        found[path.relative_to(folder).as_posix()] = (oct(status.st_mode), content)
    return found


def test_a_folder_comes_back_as_it_was_sent(builds: Builds, folder: Path, tmp_path: Path) -> None:
    odd(folder)
    for path in folder.rglob("*"):
        os.utime(path, ns=(0, 1_600_000_000_123_456_789), follow_symlinks=False)
    builds.run("FROM scratch\nCOPY . /\n", FolderTree(folder), FolderOutput(tmp_path / "out"))
    assert listed(tmp_path / "out") == listed(folder)


def test_ten_thousand_files_come_back(builds: Builds, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for number in range(10_000):
        write(folder, f"{number % 100}/file {number}", b"%d\n" % number)
    builds.run("FROM scratch\nCOPY . /\n", FolderTree(folder), FolderOutput(tmp_path / "out"))
    assert listed(tmp_path / "out") == listed(folder)


def test_names_of_one_file_come_back_as_one_file(builds: Builds, tmp_path: Path) -> None:
    """A layer may hold hard links, here from an archive."""
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        member = tarfile.TarInfo("a")
        archive.addfile(member)
        member = tarfile.TarInfo("d/b")
        member.type, member.linkname = tarfile.LNKTYPE, "a"
        archive.addfile(member)
    context = MemoryTree({"links.tar": (tmp_path / "links.tar").read_bytes()})
    builds.run("FROM scratch\nADD links.tar /\n", context, FolderOutput(tmp_path / "out"))
    assert (tmp_path / "out/a").samefile(tmp_path / "out/d/b")


def test_an_export_adds_to_a_folder_or_takes_its_place(builds: Builds, tmp_path: Path) -> None:
    write(tmp_path, "out/old/file")
    context = MemoryTree({"new": b"new"})
    dockerfile = "FROM scratch\nCOPY new /\n"
    builds.run(dockerfile, context, FolderOutput(tmp_path / "out"))
    assert set(listed(tmp_path / "out")) == {"old", "old/file", "new"}
    output = FolderOutput(tmp_path / "out", delete=True)
    builds.run(dockerfile, context, output, options={"mode": "delete"})
    assert set(listed(tmp_path / "out")) == {"new"}


@pytest.mark.parametrize("mode", ["copy", "delete"])
def test_several_platforms_come_into_one_folder(builds: Builds, tmp_path: Path, mode: str) -> None:
    dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /f\n"
    context = MemoryTree({"amd64": b"amd64", "arm64": b"arm64"})
    output = FolderOutput(tmp_path / "out", delete=mode == "delete")
    attributes = {"platform": "linux/amd64,linux/arm64"}
    builds.run(dockerfile, context, output, options={"mode": mode}, attributes=attributes)
    assert (tmp_path / "out/linux_amd64/f").read_text() == "amd64"
    assert (tmp_path / "out/linux_arm64/f").read_text() == "arm64"


def test_attestations_come_with_the_files(builds: Builds, tmp_path: Path) -> None:
    context = MemoryTree({"a/x": b"1", "z": b"2"})
    attributes = {"attest:provenance": "mode=max"}
    output = FolderOutput(tmp_path / "out")
    builds.run("FROM scratch\nCOPY . /\n", context, output, attributes=attributes)
    assert set(listed(tmp_path / "out")) == {"a", "a/x", "provenance.json", "z"}


def test_an_archive_comes_whole(builds: Builds, folder: Path, tmp_path: Path) -> None:
    output = ArchiveOutput(tmp_path / "out.tar")
    builds.run("FROM scratch\nCOPY . /\n", FolderTree(folder), output, "tar")
    with tarfile.open(tmp_path / "out.tar", errors="surrogateescape") as archive:
        stream = archive.extractfile("large")
        assert stream is not None
        assert stream.read() == (folder / "large").read_bytes()
        names = {member.name for member in archive.getmembers()}
    assert names == set(listed(folder))
    assert {path.name for path in tmp_path.iterdir()} == {"context", "out.tar"}


def test_an_export_that_fails_leaves_nothing(builds: Builds, tmp_path: Path) -> None:
    context = MemoryTree({"a": b"1"})
    output = ArchiveOutput(tmp_path / "out.tar")
    attributes = {"platform": "linux/amd64,linux/arm64"}  # which this exporter has no place for
    with pytest.raises(grpc.RpcError):
        builds.run(ALL, context, output, "docker", attributes=attributes)
    assert list(tmp_path.iterdir()) == []

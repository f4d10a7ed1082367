"""Exports of folders, from a daemon that is played and need not be honest."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import BuildError
from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError
from okplug_buildkit.sync import packets
from okplug_buildkit.sync.exports import FolderOutput
from okplug_buildkit.sync.modes import to_go

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.plugins.buildkit.sync.conftest import Exporter, FakeCall

    MakeCall = Callable[..., FakeCall]

TIME = 1_600_000_000_123_456_789
MIRRORS = {"buildkit_exporter_multi_platform": "1"}


def stat_of(path: bytes | str, mode: int, **fields: int | bytes) -> filesync_pb2.Stat:
    path = path.encode() if isinstance(path, str) else path
    return filesync_pb2.Stat(path=path, mode=to_go(mode), mod_time=TIME, **fields)  # type: ignore[arg-type]  # the fields of the message


def file(path: bytes | str, mode: int = 0o644, **fields: int | bytes) -> filesync_pb2.Stat:
    return stat_of(path, stat.S_IFREG | mode, **fields)


def folder(path: bytes | str, mode: int = 0o755) -> filesync_pb2.Stat:
    return stat_of(path, stat.S_IFDIR | mode)


def link(path: bytes | str, target: bytes) -> filesync_pb2.Stat:
    return stat_of(path, stat.S_IFLNK | 0o777, linkname=target)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where exports go, made by them."""
    return tmp_path / "out"


def listed(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_folder_is_written(root: Path, make_call: MakeCall, exporter: type[Exporter]) -> None:
    entries = [
        folder("bin", 0o555),
        file("bin/run", 0o4755),
        link("bin/sh", b"run"),
        folder("void", 0o1777),
        file("void.txt", 0o600),
    ]
    content = {b"bin/run": b"#!/bin/sh\n" * 1000, b"void.txt": b""}
    daemon = exporter(make_call(), entries, content)
    output = FolderOutput(root)
    output.receive(daemon.call)
    output.commit()
    assert daemon.is_finished
    assert listed(root) == ["bin", "bin/run", "bin/sh", "void", "void.txt"]
    assert (root / "bin/run").read_bytes() == content[b"bin/run"]
    assert str((root / "bin/sh").readlink()) == "run"
    modes = {
        name: stat.S_IMODE((root / name).lstat().st_mode) for name in ("bin", "bin/run", "void")
    }
    assert modes == {"bin": 0o555, "bin/run": 0o4755, "void": 0o1777}
    assert {(root / name).lstat().st_mtime_ns for name in listed(root)} == {TIME}


def test_only_files_are_asked_for_by_their_place_in_the_list(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    entries = [folder("d"), file("d/a"), link("d/l", b"a"), file("d/n", linkname=b"d/a"), file("z")]
    daemon = exporter(make_call(), entries, {b"d/a": b"1", b"z": b"2"})
    FolderOutput(root).receive(daemon.call)
    assert daemon.requests == [1, 4]


def test_files_may_come_all_at_once(root: Path, make_call: MakeCall) -> None:
    """In pieces of one and another, the last one first."""
    call = make_call()
    names = [f"f{number}" for number in range(5)]
    for name in names:
        call.put(filesync_pb2.Packet(stat=file(name)).SerializeToString())
    call.put(b"")
    for piece in (b"a", b"b", b""):
        for number in reversed(range(5)):
            call.put(b"".join(packets.data_packet(number, piece * (number + 1))))
    call.put(packets.FINISHED, None)
    FolderOutput(root).receive(call)
    assert [(root / name).read_text() for name in names] == ["a" * n + "b" * n for n in range(1, 6)]


def test_requests_go_out_together_but_not_without_end(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    entries = [file(f"{number:05}") for number in range(5000)]
    daemon = exporter(make_call(), entries)
    FolderOutput(root).receive(daemon.call)
    assert len(daemon.requests) == 5000
    assert len(daemon.call.batches[0]) == 4096
    assert len(listed(root)) == 5000


def test_names_of_one_file_are_one_file(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    entries = [file("a"), folder("d"), file("d/b", linkname=b"a"), file("e", linkname=b"a")]
    daemon = exporter(make_call(), entries, {b"a": b"text"})
    FolderOutput(root).receive(daemon.call)
    assert (root / "a").samefile(root / "d/b")
    assert (root / "e").read_text() == "text"
    assert (root / "a").stat().st_nlink == 3


def test_names_are_bytes(root: Path, make_call: MakeCall, exporter: type[Exporter]) -> None:
    daemon = exporter(make_call(), [file(b"\xff"), file("ü")], {b"\xff": b"1"})
    FolderOutput(root).receive(daemon.call)
    assert {bytes(path) for path in root.iterdir()} == {bytes(root) + b"/\xff", bytes(root / "ü")}


def test_pipes_are_made(root: Path, make_call: MakeCall, exporter: type[Exporter]) -> None:
    daemon = exporter(make_call(), [stat_of("p", stat.S_IFIFO | 0o600)])
    FolderOutput(root).receive(daemon.call)
    assert (root / "p").is_fifo()


def test_what_is_there_stays_and_is_written_over(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    root.mkdir()
    (root / "old").write_text("old")
    (root / "f").write_text("old")
    FolderOutput(root).receive(exporter(make_call(), [file("f")], {b"f": b"new"}).call)
    assert listed(root) == ["f", "old"]
    assert (root / "f").read_text() == "new"


def test_what_is_not_exported_is_removed_on_demand(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    (root / "d/old").mkdir(parents=True)
    (root / "d/old/file").touch()
    (root / "stale").touch()
    daemon = exporter(make_call(**MIRRORS), [folder("d"), file("d/f")], {b"d/f": b"new"})
    FolderOutput(root, delete=True).receive(daemon.call)
    assert listed(root) == ["d", "d/f"]


def test_nothing_is_removed_if_the_daemon_knows_nothing_of_it(
    root: Path, make_call: MakeCall
) -> None:
    """Its platforms would come one by one, and each would remove the others."""
    root.mkdir()
    (root / "old").touch()
    with pytest.raises(RpcError, match="mode=delete needs a newer BuildKit"):
        FolderOutput(root, delete=True).receive(make_call())
    assert listed(root) == ["old"]


def test_several_platforms_go_to_one_folder(
    root: Path, make_call: MakeCall, exporter: type[Exporter]
) -> None:
    output = FolderOutput(root)
    for platform in ("linux_amd64", "linux_arm64"):
        entries = [folder(platform), file(f"{platform}/f")]
        output.receive(exporter(make_call(), entries, {entries[1].path: platform.encode()}).call)
    output.commit()
    assert (root / "linux_amd64/f").read_text() == "linux_amd64"
    assert (root / "linux_arm64/f").read_text() == "linux_arm64"


def test_nothing_received_is_no_success(root: Path) -> None:
    output = FolderOutput(root)
    output.discard()
    with pytest.raises(BuildError, match=r"^the daemon sent nothing for the output"):
        output.commit()


def test_a_build_that_ends_with_our_last_word_is_a_success(root: Path, make_call: MakeCall) -> None:
    """The daemon has no need to answer it."""
    call = make_call()
    call.put(b"", CallCancelled())
    output = FolderOutput(root)
    with pytest.raises(CallCancelled):
        output.receive(call)
    output.commit()


# ------------------------------------------------------------------------------ what goes wrong


def attack(output: FolderOutput, call: FakeCall, *entries: filesync_pb2.Stat) -> str:
    """Return what a list of entries is refused for."""
    for entry in entries:
        call.put(filesync_pb2.Packet(stat=entry).SerializeToString())
    call.put(b"")
    with pytest.raises(RpcError) as raised:
        output.receive(call)
    assert raised.value.code is Code.INVALID_ARGUMENT
    prefix, _, reason = raised.value.message.partition(": ")
    assert prefix == "the daemon breaks the rules of exports"
    return reason


@pytest.mark.parametrize(
    "path",
    ["..", "../x", "/x", "/", "", ".", "./x", "a/../../x", "a//x", "x/", "a/.", "a/..", "x\0y"],
)
@pytest.mark.parametrize("make", [file, folder, lambda path: link(path, b"/")])
def test_a_path_that_leads_elsewhere_is_refused(
    root: Path,
    tmp_path: Path,
    make_call: MakeCall,
    path: str,
    make: Callable[[str], filesync_pb2.Stat],
) -> None:
    reason = attack(FolderOutput(root), make_call(), folder("a"), make(path))
    assert reason == f"an export with the path {path!r}"
    assert listed(tmp_path) in (["out"], ["out", "out/a"])


def test_a_file_in_a_link_is_refused(root: Path, tmp_path: Path, make_call: MakeCall) -> None:
    """The link would lead out of the folder."""
    target = bytes(tmp_path)
    reason = attack(FolderOutput(root), make_call(), link("l", target), file("l/x"))
    assert reason == "an export with the path 'l/x'"
    assert listed(tmp_path) == ["out", "out/l"]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([file("a"), file("a")], "an export with the path 'a' twice"),
        ([folder("a"), link("a", b"/"), file("a/b")], "an export with the path 'a' twice"),
        ([folder("a"), file("a/b"), folder("a/b")], "an export with the path 'a/b' twice"),
        ([file("d/x")], "an export with the path 'd/x'"),
        ([file("a"), file("a/b")], "an export with the path 'a/b'"),
        ([file("n", linkname=b"../etc/passwd")], "'n' is another name of no file"),
        ([file("n", linkname=b"n")], "'n' is another name of no file"),
        ([link("l", b"x"), file("n", linkname=b"l")], "'n' is another name of no file"),
        ([link("l", b"x\0y")], "a link from 'l' to 'x\\x00y'"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    root: Path, make_call: MakeCall, entries: list[filesync_pb2.Stat], reason: str
) -> None:
    assert attack(FolderOutput(root), make_call(), *entries) == reason


@pytest.mark.parametrize(
    "message",
    [
        packets.request_packet(0),
        packets.FINISHED,
        b"".join(packets.data_packet(7, b"x")),
        b"\xff",
        b"\x08\x09",
    ],
)
def test_messages_out_of_place_are_refused_and_leave_nothing(
    root: Path, make_call: MakeCall, message: bytes
) -> None:
    call = make_call()
    call.put(filesync_pb2.Packet(stat=file("f")).SerializeToString())
    call.put(b"".join(packets.data_packet(0, b"half")), message)
    with pytest.raises(RpcError, match="the daemon breaks the rules of exports"):
        FolderOutput(root).receive(call)
    assert listed(root) == []


def test_a_second_list_is_refused(root: Path, make_call: MakeCall) -> None:
    call = make_call()
    call.put(filesync_pb2.Packet(stat=file("f")).SerializeToString(), b"", b"")
    with pytest.raises(RpcError, match="unexpected packet of type 0"):
        FolderOutput(root).receive(call)


@pytest.mark.parametrize("end", [CallCancelled(), None, packets.error_packet("out of memory")])
def test_a_transfer_that_is_cut_off_leaves_nothing_half(
    root: Path, make_call: MakeCall, end: bytes | BaseException | None
) -> None:
    call = make_call()
    for entry in (file("a"), file("b")):
        call.put(filesync_pb2.Packet(stat=entry).SerializeToString())
    call.put(b"".join(packets.data_packet(0, b"whole")), b"".join(packets.data_packet(0, b"")))
    call.put(b"".join(packets.data_packet(1, b"half")), end)
    output = FolderOutput(root)
    with pytest.raises((CallCancelled, RpcError)) as raised:
        output.receive(call)
    assert listed(root) == ["a"]
    if isinstance(end, bytes):
        assert str(raised.value) == "out of memory"
    with pytest.raises(BuildError):
        output.commit()


def test_a_folder_that_cannot_be_written_says_why(tmp_path: Path, make_call: MakeCall) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError) as raised:
        FolderOutput(tmp_path / "file").receive(make_call())
    assert raised.value.message == f"cannot write the output {tmp_path}/file: File exists"
    assert raised.value.hint == "a file is where a folder is needed: move it away"


def test_a_full_disk_says_so_and_leaves_nothing_half(
    root: Path, make_call: MakeCall, exporter: type[Exporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = exporter(make_call(), [file("f")], {b"f": b"text"})

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(BuildError, match="No space left on device"):
        FolderOutput(root).receive(daemon.call)
    assert listed(root) == []


def test_a_disk_that_takes_little_at_once_gets_all(
    root: Path, make_call: MakeCall, exporter: type[Exporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = exporter(make_call(), [file("f")], {b"f": bytes(range(200))})
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    FolderOutput(root).receive(daemon.call)
    assert (root / "f").read_bytes() == bytes(range(200))


@given(st.lists(st.binary(max_size=30), max_size=12))
def test_whatever_a_daemon_sends_ends_in_an_error_or_a_success(messages: list[bytes]) -> None:
    """Nothing unforeseen is raised, and the end of the call is never waited for in vain."""
    import tempfile
    from pathlib import Path

    from tests.unit.plugins.buildkit.sync.conftest import FakeCall

    call = FakeCall()
    call.put(*messages, None)
    with tempfile.TemporaryDirectory() as place:
        try:
            FolderOutput(Path(place)).receive(call)
        except (RpcError, BuildError):
            assert packets.FINISHED not in call.sent
        else:
            assert call.sent[-1] == packets.FINISHED

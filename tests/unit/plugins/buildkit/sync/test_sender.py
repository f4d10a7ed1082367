"""The service that daemons read folders from, with a daemon that is played."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from okplug import ContextChangedError
from okplug_buildkit.proto import filesync_pb2
from okplug_buildkit.rpc import CallCancelled, Code, RpcError
from okplug_buildkit.sync import packets
from okplug_buildkit.sync.sender import METHOD, serve_trees
from okplug_buildkit.sync.trees import MemoryTree, SnapshotTree
from tests.foldertree import FolderTree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from okplug_buildkit.sync.entries import Entry
    from tests.unit.plugins.buildkit.sync.conftest import FakeCall, FakeSnapshot, Reader

    MakeCall = Callable[..., FakeCall]

FILES = {"Dockerfile": b"FROM scratch\n", "a/b": b"one", "a.b": b"two", "empty": b""}


@pytest.fixture
def call(make_call: MakeCall) -> FakeCall:
    """A call for the context."""
    return make_call(dir_name="context")


def test_the_path_of_the_service() -> None:
    assert METHOD == "/moby.filesync.v1.FileSync/DiffCopy"


def test_all_files_arrive(call: FakeCall, reader: type[Reader]) -> None:
    daemon = reader(call)
    serve_trees({"context": MemoryTree(FILES)})(call)
    assert daemon.paths == [b"Dockerfile", b"a", b"a/b", b"a.b", b"empty"]
    assert daemon.files == {path.encode(): data for path, data in FILES.items()}
    assert daemon.is_finished


def test_only_what_is_asked_for_is_sent(call: FakeCall, reader: type[Reader]) -> None:
    daemon = reader(call, wanted={b"a/b"})
    serve_trees({"context": MemoryTree(FILES)})(call)
    assert daemon.files == {b"a/b": b"one"}
    assert daemon.is_finished


def test_a_daemon_that_has_all_gets_the_list_only(call: FakeCall, reader: type[Reader]) -> None:
    daemon = reader(call, wanted=set())
    serve_trees({"context": MemoryTree(FILES)})(call)
    assert len(daemon.stats) == 5
    assert daemon.files == {}
    assert daemon.is_finished


def test_the_call_ends_with_our_last_word(call: FakeCall, reader: type[Reader]) -> None:
    """To wait for the daemon's would be to wait for each other."""
    daemon = reader(call)
    serve_trees({"context": MemoryTree({})})(call)
    assert daemon.is_finished
    assert call.incoming.empty()
    assert call.sent[-1] == packets.FINISHED


def test_the_call_names_its_tree(make_call: MakeCall, reader: type[Reader]) -> None:
    handler = serve_trees({"context": MemoryTree(FILES), "more": MemoryTree({"x": b"1"})})
    daemon = reader(make_call(dir_name="more"))
    handler(daemon.call)
    assert daemon.files == {b"x": b"1"}


def test_filters_hold(make_call: MakeCall, reader: type[Reader]) -> None:
    call = make_call(dir_name="context", followpaths=["a", "missing"], exclude_patterns=["**/x"])
    daemon = reader(call)
    serve_trees({"context": MemoryTree({**FILES, "a/x": b""})})(call)
    assert daemon.paths == [b"a", b"a/b"]


@pytest.mark.parametrize("narrow", [True, False])
def test_a_whole_tree_is_sent_whole_unless_that_is_forbidden(
    tmp_path: Path,
    make_call: MakeCall,
    reader: type[Reader],
    take_snapshot: Callable[..., FakeSnapshot],
    narrow: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    tree = SnapshotTree([take_snapshot(tmp_path)], is_whole=True)
    daemon = reader(make_call(dir_name="context", followpaths=["a"]))
    serve_trees({"context": tree}, narrow=narrow)(daemon.call)
    assert daemon.paths == ([b"a"] if narrow else [b"a", b"b"])


def test_an_unknown_folder_is_refused(make_call: MakeCall) -> None:
    with pytest.raises(RpcError, match=r"^no access allowed to dir 'secret'$") as raised:
        serve_trees({"context": MemoryTree({})})(make_call(dir_name="secret"))
    assert raised.value.code is Code.NOT_FOUND


def test_a_large_file_comes_in_pieces(tmp_path: Path, call: FakeCall, reader: type[Reader]) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "big").write_bytes(data)
    daemon = reader(call)
    serve_trees({"context": FolderTree(tmp_path)})(call)
    assert daemon.files == {b"big": data}
    assert [size for _, size in daemon.pieces] == [1 << 20, 1 << 20, 2_560_000 - (2 << 20), 0]


def test_files_come_one_after_the_other(call: FakeCall, reader: type[Reader]) -> None:
    """The daemon holds a file open for each that has begun."""
    daemon = reader(call)
    serve_trees({"context": MemoryTree({f"{n:03}": bytes(3000) for n in range(100)})})(call)
    numbers = [number for number, _ in daemon.pieces]
    assert numbers == sorted(numbers)
    assert len(daemon.files) == 100


def test_small_packets_go_out_together(call: FakeCall, reader: type[Reader]) -> None:
    """There are far fewer sends than packets: they are what costs time."""
    daemon = reader(call)
    serve_trees({"context": MemoryTree({f"file {n}": bytes(100) for n in range(2000)})})(call)
    assert len(daemon.files) == 2000
    assert len(call.sent) > 6000
    assert len(call.batches) < 20
    assert max(sum(map(len, batch)) for batch in call.batches) < 1 << 18


def test_requests_are_taken_in_while_the_list_goes_out(
    call: FakeCall, reader: type[Reader]
) -> None:
    """Both sides would wait for each other if neither took in what the other one sends."""
    daemon = reader(call)
    answer = call.answer
    waiting = []

    def watch(message: bytes) -> None:
        waiting.append(call.incoming.qsize())
        answer(message)

    call.answer = watch
    serve_trees({"context": MemoryTree({f"file {n}": b"" for n in range(20_000)})})(call)
    assert len(daemon.files) == 20_000
    assert max(waiting) < 2_000


class _Broken(MemoryTree):
    """A tree whose files change while they are read."""

    def open(self, entry: Entry) -> BinaryIO:
        """Open nothing."""
        raise ContextChangedError(f"{entry.path!r} changed")


def test_a_file_that_changed_fails_the_call_and_is_told(
    call: FakeCall, reader: type[Reader]
) -> None:
    daemon = reader(call)
    with pytest.raises(ContextChangedError, match="changed"):
        serve_trees({"context": _Broken(FILES)})(call)
    assert daemon.failure == "the files of the build cannot be sent"
    assert daemon.is_listed
    assert not daemon.is_finished


def test_a_file_that_changes_while_it_is_read_fails_the_call(
    tmp_path: Path,
    call: FakeCall,
    reader: type[Reader],
    take_snapshot: Callable[..., FakeSnapshot],
) -> None:
    """Its last byte is never sent, so the daemon cannot take it for complete."""
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    tree = SnapshotTree([take_snapshot(tmp_path)])
    with (tmp_path / "f").open("r+b") as file:
        file.seek(2_999_999)
        file.write(b"y")
    daemon = reader(call)
    with pytest.raises(ContextChangedError):
        serve_trees({"context": tree})(call)
    assert len(daemon.files.get(b"f", b"")) < 3_000_000
    assert (0, 0) not in daemon.pieces
    assert daemon.failure


def test_a_change_is_raised_though_nobody_can_be_told(call: FakeCall) -> None:
    """What went wrong first counts."""

    def answer(message: bytes) -> None:
        packet = filesync_pb2.Packet.FromString(message)
        if packet.HasField("stat") and packet.stat.path == b"Dockerfile":
            call.put(packets.request_packet(0))
        if packet.type == packets.ERR:
            raise CallCancelled

    call.answer = answer
    with pytest.raises(ContextChangedError):
        serve_trees({"context": _Broken(FILES)})(call)


def test_a_cancelled_call_ends_at_once(call: FakeCall) -> None:
    call.put(CallCancelled())
    with pytest.raises(CallCancelled):
        serve_trees({"context": MemoryTree(FILES)})(call)
    assert len(call.batches) == 1


def test_a_daemon_that_gives_up_is_heard(call: FakeCall) -> None:
    call.put(packets.error_packet("no space left"))
    with pytest.raises(RpcError, match=r"^no space left$") as raised:
        serve_trees({"context": MemoryTree(FILES)})(call)
    assert raised.value.code is Code.ABORTED


def test_a_daemon_that_leaves_has_not_finished(call: FakeCall) -> None:
    call.put(None)
    with pytest.raises(RpcError, match=r"^the transfer was not finished$"):
        serve_trees({"context": MemoryTree(FILES)})(call)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (packets.request_packet(5), "entry 5 is no file of the list"),
        (packets.request_packet(1), "entry 1 is no file of the list"),  # a folder
        (packets.request_packet((1 << 32) - 1), "entry 4294967295 is no file of the list"),
        (b"".join(packets.data_packet(0, b"x")), "unexpected packet of type 2"),
        (packets.END_OF_LIST, "unexpected packet of type 0"),
        (b"\xff", "a packet is cut short"),
    ],
)
def test_a_daemon_that_breaks_the_rules_is_refused(
    call: FakeCall, message: bytes, reason: str
) -> None:
    call.put(message)
    with pytest.raises(RpcError, match=f"^{reason}$") as raised:
        serve_trees({"context": MemoryTree(FILES)})(call)
    assert raised.value.code is Code.INVALID_ARGUMENT


def test_what_is_sent_is_counted(make_call: MakeCall, reader: type[Reader]) -> None:
    totals: list[int] = []
    handler = serve_trees({"context": MemoryTree(FILES)}, on_bytes=totals.append)
    for _ in range(2):
        daemon = reader(make_call(dir_name="context"))
        handler(daemon.call)
    assert totals[-1] == 2 * sum(map(len, FILES.values()))
    assert totals == sorted(totals)


def test_a_file_that_has_grown_is_sent_as_it_was_listed(
    tmp_path: Path, call: FakeCall, reader: type[Reader]
) -> None:
    (tmp_path / "log").write_bytes(b"one")
    daemon = reader(call)
    answer = call.answer

    def grow(message: bytes) -> None:
        (tmp_path / "log").write_bytes(b"one and more")
        answer(message)

    call.answer = grow
    serve_trees({"context": FolderTree(tmp_path)})(call)
    assert daemon.files == {b"log": b"one"}


def test_a_file_that_has_shrunk_ends_where_it_ends(
    tmp_path: Path, call: FakeCall, reader: type[Reader]
) -> None:
    (tmp_path / "log").write_bytes(b"one and more")
    daemon = reader(call)
    answer = call.answer

    def shrink(message: bytes) -> None:
        (tmp_path / "log").write_bytes(b"one")
        answer(message)

    call.answer = shrink
    serve_trees({"context": FolderTree(tmp_path)})(call)
    assert daemon.files == {b"log": b"one"}
    assert daemon.is_finished


def test_several_calls_are_served_at_once(make_call: MakeCall, reader: type[Reader]) -> None:
    handler = serve_trees({"context": MemoryTree({f"{n}": bytes([n]) * n for n in range(200)})})
    daemons = [reader(make_call(dir_name="context")) for _ in range(8)]
    threads = [threading.Thread(target=handler, args=(daemon.call,)) for daemon in daemons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(daemon.is_finished and len(daemon.files) == 200 for daemon in daemons)


@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "c", "ü"]), min_size=2, max_size=2).map("/".join),
        st.binary(max_size=50),
        max_size=8,
    ),
    st.data(),
)
def test_any_subset_arrives_whole(files: dict[str, bytes], data: st.DataObject) -> None:
    """Whatever the daemon has already, it gets what it lacks and nothing else."""
    from tests.unit.plugins.buildkit.sync.conftest import FakeCall, Reader

    paths = sorted(path.encode() for path in files)
    wanted = data.draw(st.sets(st.sampled_from(paths))) if paths else set()
    daemon = Reader(FakeCall({"dir-name": ["context"]}), wanted)
    serve_trees({"context": MemoryTree(files)})(daemon.call)
    assert daemon.files == {path: files[path.decode()] for path in wanted}
    assert daemon.is_finished

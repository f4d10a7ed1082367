"""The history of runs: what it keeps, and what becomes of it when the file is bad."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import okplug
from okplug import state as module
from okplug.state import Entry, State

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT = Entry("api:api", "k1", "build", "sha256:1", 2.0, b"one")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is to be."""
    return tmp_path / "state.sqlite"


def remember(path: Path | None, *entries: Entry) -> None:
    with closing(State.open(path)) as state:
        state.remember_all(entries)


def recall(path: Path, address: str = "api:api") -> tuple[str | None, bytes | None]:
    with closing(State.open(path)) as state:
        return state.key(address), state.record(address)


def row(path: Path) -> tuple[object, ...]:
    """Return key, digest, verdict and record of the one image."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT key, digest, verdict, record FROM image").fetchall()
    return tuple(found)


# ------------------------------------------------------------------------------- what is remembered


def test_a_new_history_knows_nothing(path: Path) -> None:
    with closing(State.open(path)) as state:
        assert state.record("api:api") is None
        assert state.key("api:api") is None
        assert state.durations() == {}
        assert state.last_failed() == frozenset()


def test_what_is_remembered_is_there_in_the_next_run(path: Path) -> None:
    remember(path, BUILT, Entry("base:base", "k2", "reuse", "sha256:2", record=b"two"))
    with closing(State.open(path)) as state:
        assert (state.key("api:api"), state.record("api:api")) == ("k1", b"one")
        assert (state.key("base:base"), state.record("base:base")) == ("k2", b"two")
        assert state.key("web:web") is None


def test_a_history_in_memory_is_gone_with_its_run() -> None:
    with closing(State.open(None)) as state:
        state.remember_all([BUILT])
        assert state.key("api:api") == "k1"
    with closing(State.open(None)) as state:
        assert state.key("api:api") is None


def test_a_later_record_takes_the_place_of_the_former(path: Path) -> None:
    remember(path, BUILT)
    remember(path, Entry("api:api", "k2", "reuse", "sha256:2", record=b"two"))
    assert row(path) == ("k2", "sha256:2", "reuse", b"two")


def test_the_last_of_several_entries_of_an_image_counts(path: Path) -> None:
    remember(path, BUILT, dataclasses.replace(BUILT, key="k2", record=b"two"))
    assert recall(path) == ("k2", b"two")


def test_a_failure_leaves_the_record_of_the_last_success(path: Path) -> None:
    remember(path, BUILT)
    remember(path, Entry("api:api", "k2", "failed"))
    assert row(path) == ("k1", "sha256:1", "failed", b"one")


def test_a_failure_leaves_the_digest_even_of_the_same_key(path: Path) -> None:
    remember(path, BUILT)
    remember(path, Entry("api:api", "k1", "failed"))
    assert row(path) == ("k1", "sha256:1", "failed", b"one")


def test_an_image_that_only_ever_failed_has_no_key_that_was_built(path: Path) -> None:
    """Else its first success under the same key would be taken for no news."""
    remember(path, Entry("api:api", "k1", "failed"))
    assert recall(path) == (None, None)
    remember(path, BUILT)
    assert recall(path) == ("k1", b"one")


def test_the_same_key_can_come_to_another_digest(path: Path) -> None:
    remember(path, BUILT)
    remember(path, Entry("api:api", "k1", "build", "sha256:9"))
    assert row(path) == ("k1", "sha256:9", "build", b"one")


def test_what_failed_last_is_known_until_it_is_built(path: Path) -> None:
    remember(path, BUILT, Entry("web:web", "w", "failed"), Entry("db:db", "d", "failed"))
    remember(path, Entry("web:web", "w", "build", record=b"w"), Entry("api:api", "k3", "failed"))
    with closing(State.open(path)) as state:
        assert state.last_failed() == {"db:db", "api:api"}


def test_a_folder_whose_name_is_not_utf8_is_remembered(path: Path) -> None:
    address = "caf\udce9:api"
    remember(path, dataclasses.replace(BUILT, address=address))
    assert recall(path, address) == ("k1", b"one")
    assert recall(path, "caf\\xe9:other") == (None, None)


# ---------------------------------------------------------------------------------------- durations


def built_in(*seconds: float, address: str = "api:api") -> list[Entry]:
    return [Entry(address, "k", "build", duration=value, record=b"") for value in seconds]


def durations(path: Path) -> dict[str, float]:
    with closing(State.open(path)) as state:
        return state.durations()


@pytest.mark.parametrize(
    ("seconds", "median"),
    [
        pytest.param((4.0,), 4.0, id="one"),
        pytest.param((4.0, 8.0), 6.0, id="two"),
        pytest.param((1.0, 100.0, 3.0), 3.0, id="one that was slow"),
        pytest.param((500.0, 500.0, 500.0, 1.0, 2.0, 3.0, 4.0, 5.0), 3.0, id="the last five"),
    ],
)
def test_the_duration_is_the_median_of_the_last_five(
    path: Path, seconds: tuple[float, ...], median: float
) -> None:
    for entry in built_in(*seconds):
        remember(path, entry)
    assert durations(path) == {"api:api": median}


def test_what_was_not_built_has_no_duration(path: Path) -> None:
    remember(path, Entry("api:api", "k", "reuse", record=b"one"), Entry("web:web", "w", "failed"))
    assert durations(path) == {}


def test_a_reuse_does_not_count_as_a_quick_build(path: Path) -> None:
    remember(path, *built_in(60.0))
    remember(path, Entry("api:api", "k", "reuse", record=b"one"))
    assert durations(path) == {"api:api": 60.0}


def test_only_the_last_five_durations_of_each_image_are_kept(path: Path) -> None:
    for number in range(20):
        remember(path, *built_in(number), *built_in(number, address="web:web"))
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT address, seconds FROM duration ORDER BY number")
        kept = list(found)
    assert [seconds for address, seconds in kept if address == "api:api"] == [15, 16, 17, 18, 19]
    assert len(kept) == 10


@given(
    st.lists(
        st.tuples(st.sampled_from(["a:a", "b:b"]), st.floats(0, 1e6), st.booleans()), max_size=12
    )
)
def test_what_is_remembered_at_once_is_what_is_remembered_in_turn(
    runs: list[tuple[str, float, bool]],
) -> None:
    entries = [
        Entry(address, str(seconds), "build", duration=seconds, record=str(seconds).encode())
        if is_built
        else Entry(address, "x", "failed")
        for address, seconds, is_built in runs
    ]
    with closing(State.open(None)) as at_once, closing(State.open(None)) as in_turn:
        at_once.remember_all(entries)
        for entry in entries:
            in_turn.remember_all([entry])
        assert at_once.durations() == in_turn.durations()
        assert at_once.last_failed() == in_turn.last_failed()
        for address in ("a:a", "b:b"):
            keys = [e.key for e in entries if e.address == address and e.record is not None]
            assert at_once.key(address) == in_turn.key(address) == (keys[-1] if keys else None)


# ------------------------------------------------------------------------------------ bad places


def corrupt_header(path: Path) -> None:
    path.write_bytes(b"this is not a database at all, and longer than a header of one is" * 20)


def corrupt_pages(path: Path) -> None:
    remember(path, BUILT)
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    remember(path, BUILT)
    path.write_bytes(path.read_bytes()[:5000])


def of_another_version(path: Path) -> None:
    remember(path, BUILT)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE image (name TEXT); PRAGMA user_version = 1;")


def without_a_table(path: Path) -> None:
    remember(path, BUILT)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE duration")


@pytest.mark.parametrize(
    "spoil",
    [
        corrupt_header,
        corrupt_pages,
        cut_short,
        of_another_version,
        of_another_program,
        without_a_table,
        Path.touch,
    ],
)
def test_a_file_that_is_no_history_is_begun_anew(path: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(path)
    with closing(State.open(path)) as state:
        assert state.key("api:api") is None
        assert state.durations() == {}
        state.remember_all([BUILT])
    assert recall(path) == ("k1", b"one")


def spoil_pages_of(path: Path) -> None:
    """Overwrite all but the header and the schema, which is what opening reads."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


def test_a_file_that_turns_out_corrupt_on_reading_is_begun_anew(path: Path) -> None:
    remember(path, *(dataclasses.replace(BUILT, address=f"a{n}:a") for n in range(500)))
    spoil_pages_of(path)
    with closing(State.open(path)) as state:
        assert state.record("a7:a") is None
        state.remember_all([BUILT])
    assert recall(path) == ("k1", b"one")


def test_a_file_that_turns_out_corrupt_on_writing_is_begun_anew(path: Path) -> None:
    remember(path, *(dataclasses.replace(BUILT, address=f"a{n}:a") for n in range(500)))
    spoil_pages_of(path)
    remember(path, BUILT)
    assert recall(path) == ("k1", b"one")
    assert recall(path, "a7:a") == (None, None)


def test_what_sqlite_keeps_beside_a_bad_file_goes_with_it(path: Path) -> None:
    corrupt_header(path)
    for suffix in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(b"rubbish")
    State.open(path).close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_place_that_is_a_folder_is_left_alone(path: Path) -> None:
    path.mkdir()
    remember(path, BUILT)
    assert path.is_dir()


def test_a_place_whose_folder_is_missing_is_no_history(tmp_path: Path) -> None:
    remember(tmp_path / "missing" / "state.sqlite", BUILT)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_that_cannot_be_removed_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        assert missing_ok
        raise PermissionError(13, "Permission denied", str(self))

    corrupt_header(path)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "unlink", refuse)
    with closing(State.open(path)) as state:
        state.remember_all([BUILT])
        assert state.key("api:api") == "k1", "there is a history in memory"
    assert path.read_bytes() == before


def test_a_file_that_can_only_be_read_is_read(path: Path) -> None:
    remember(path, BUILT)
    before = path.read_bytes()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        state = State(connection, path)
        assert state.key("api:api") == "k1"
        state.remember_all([Entry("web:web", "w", "build", record=b"w")])
        assert state.key("web:web") is None
    assert path.read_bytes() == before


# ------------------------------------------------------------------------------- several runs at once


@pytest.fixture
def lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another run that is writing; nobody waits long for it."""
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.05)
    remember(path, BUILT)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_a_file_that_another_run_writes_is_no_history_and_stays(
    path: Path, lock: sqlite3.Connection
) -> None:
    with closing(State.open(path)) as state:
        assert state.key("api:api") is None
        state.remember_all([Entry("web:web", "w", "build", record=b"w")])
    lock.execute("COMMIT")
    assert recall(path) == ("k1", b"one")
    assert recall(path, "web:web") == (None, None)


def test_a_lock_that_comes_later_loses_what_was_to_be_written_and_no_more(
    path: Path, lock: sqlite3.Connection
) -> None:
    lock.execute("COMMIT")
    with closing(State.open(path)) as state:
        lock.execute("BEGIN EXCLUSIVE")
        assert state.record("api:api") is None
        state.remember_all([Entry("web:web", "w", "build", record=b"w")])
        lock.execute("COMMIT")
        assert state.record("api:api") == b"one"
        state.remember_all([Entry("db:db", "d", "build", record=b"d")])
    assert recall(path, "web:web") == (None, None)
    assert recall(path, "db:db") == ("d", b"d")


def test_a_run_waits_for_another_that_writes(path: Path) -> None:
    remember(path, BUILT)
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.1, other.commit)
        timer.start()
        assert recall(path) == ("k1", b"one")
        timer.join()


def test_two_runs_share_a_history(path: Path) -> None:
    with closing(State.open(path)) as one, closing(State.open(path)) as two:
        one.remember_all([BUILT])
        two.remember_all([Entry("web:web", "w", "build", record=b"w")])
        assert one.key("web:web") == "w"
        assert two.key("api:api") == "k1"


WRITER = """
import sys
from pathlib import Path
from okplug.state import Entry, State

path, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
state = State.open(path)
number = 0
while number < int(sys.argv[3]):
    number += 1
    entries = [Entry(f"{name}{n}:x", str(number), "build", record=b"x" * 500) for n in range(50)]
    state.remember_all(entries)
    print(number, flush=True)
state.close()
"""


def writer(path: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    """Start a process that rewrites 50 images of its own over and over, once a line is sent."""
    top = str(Path(okplug.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(rounds)],
        env={**os.environ, "PYTHONPATH": top},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_begin_a_history_at_once_both_write_to_it(path: Path) -> None:
    processes = [writer(path, name, 5) for name in ("a", "b", "c")]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    for name in ("a", "b", "c"):
        assert recall(path, f"{name}49:x")[0] == "5"


def test_a_run_that_is_killed_leaves_all_of_a_run_or_nothing(path: Path) -> None:
    for rounds in (1, 3, 6):
        with writer(path, "a", 10_000) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            for _ in range(rounds):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        with closing(State.open(path)) as state:
            keys = {state.key(f"a{number}:x") for number in range(50)}
        assert len(keys) == 1
        assert keys != {None}


def test_a_run_with_nothing_new_writes_nothing(path: Path) -> None:
    remember(path, BUILT)
    remember(path, Entry("api:api", "k1", "reuse", "sha256:1"))
    before = path.read_bytes(), path.stat().st_mtime_ns
    remember(path, Entry("api:api", "k1", "reuse", "sha256:1"))
    remember(path, Entry("api:api", "k1", "reuse", "sha256:1", record=b"one"))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_another_thread_may_not_use_it(path: Path) -> None:
    remember(path, BUILT)
    failures: list[str] = []

    def use(state: State) -> None:
        with pytest.raises(sqlite3.ProgrammingError) as caught:
            state.key("api:api")
        failures.append(str(caught.value))
        with pytest.raises(sqlite3.ProgrammingError) as caught:
            state.remember_all([BUILT])
        failures.append(str(caught.value))

    with closing(State.open(path)) as state:
        thread = threading.Thread(target=use, args=(state,))
        thread.start()
        thread.join()
    assert len(failures) == 2
    assert recall(path) == ("k1", b"one")

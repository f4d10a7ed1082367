"""The history of runs in one workspace: what was built last, how long it took, what failed.

It is a convenience: no verdict depends on it. A file that is corrupt, foreign or of another version
is begun anew, and where none can be written there is no history.

Everything of a run is written in one transaction, with SQLite's rollback journal: a run that dies
leaves what was there before, two runs at once wait for each other, and unlike a write-ahead log it
needs no shared memory, which network file systems do not have.
"""

from __future__ import annotations

import sqlite3
import statistics
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: in the file's header: it is one of ours
_APPLICATION = 0x6F6B706C
_VERSION = 1
_KEPT_DURATIONS = 5
_LOCK_SECONDS = 5.0
#: the file is there and fine, but not ours to use now: locked, read-only, out of space and so on
_OUT_OF_REACH = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)
_SCHEMA = f"""
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS image (
        address TEXT PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL, verdict TEXT NOT NULL,
        record BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS duration (
        number INTEGER PRIMARY KEY, address TEXT NOT NULL, seconds REAL NOT NULL
    );
    CREATE INDEX IF NOT EXISTS duration_address ON duration (address, number);
    PRAGMA application_id = {_APPLICATION};
    PRAGMA user_version = {_VERSION};
    COMMIT;
"""
#: without a record, key and digest stay those of the record that is there; what would change
#: nothing writes nothing, so that a run with nothing to do does not wait for the disk
_REMEMBER = """
    INSERT INTO image (address, key, digest, verdict, record)
    VALUES (
        :address,
        CASE WHEN :record IS NULL THEN '' ELSE :key END,
        CASE WHEN :record IS NULL THEN '' ELSE :digest END,
        :verdict,
        coalesce(:record, x'')
    )
    ON CONFLICT (address) DO UPDATE SET
        verdict = :verdict,
        key = CASE WHEN :record IS NULL THEN key ELSE :key END,
        digest = CASE
            WHEN :record IS NULL AND (key <> :key OR :digest = '') THEN digest ELSE :digest
        END,
        record = coalesce(:record, record)
    WHERE verdict <> :verdict
        OR (key = :key AND digest <> :digest AND :digest <> '')
        OR (:record IS NOT NULL AND (key <> :key OR record <> :record))
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one image in one run.

    :param verdict: ``reuse``, ``build`` or ``failed``.
    :param duration: seconds that a build took, None for what was not built.
    :param record: of its key; None leaves the record that is there, as for what failed.
    """

    address: str
    key: str
    verdict: str
    digest: str = ""
    duration: float | None = None
    record: bytes | None = None


class State:
    """An open history; used from the one thread that opened it.

    :param path: where it is begun anew if it turns out to be corrupt, None for one in memory.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path | None = None) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path | None) -> State:
        """Open the history in a file; None, or a place that cannot be used, is one in memory."""
        if path is not None:
            connection = _connect_or_begin_anew(path)
            if connection is not None:
                return cls(connection, path)
        return cls(_connect(None))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def record(self, address: str) -> bytes | None:
        """Return the record of the last run that built or reused the image, None without one."""
        rows = self._rows("SELECT record FROM image WHERE address = ?", _storable(address))
        return bytes(rows[0][0]) or None if rows else None

    def key(self, address: str) -> str | None:
        """Return the key of that record."""
        rows = self._rows("SELECT key FROM image WHERE address = ?", _storable(address))
        return str(rows[0][0]) or None if rows else None

    def durations(self) -> dict[str, float]:
        """Return for each image that was built the median seconds of its last builds."""
        found: dict[str, list[float]] = {}
        for address, seconds in self._rows("SELECT address, seconds FROM duration"):
            found.setdefault(address, []).append(seconds)
        return {address: statistics.median(values) for address, values in found.items()}

    def last_failed(self) -> frozenset[str]:
        """Return the images that failed when they were last built."""
        rows = self._rows("SELECT address FROM image WHERE verdict = 'failed'")
        return frozenset(address for (address,) in rows)

    def remember_all(self, entries: Iterable[Entry]) -> None:
        """Write what became of images, all or nothing; what cannot be written is forgotten."""
        entries = tuple(entries)
        if not self._write(entries):
            self._write(entries)

    def _write(self, entries: Iterable[Entry]) -> bool:
        """Return False if the file was corrupt, and is now a new one."""
        try:
            with self._connection:
                for entry in entries:
                    self._remember(entry)
        except sqlite3.Error as error:
            return not self._begin_anew(error)
        return True

    def _remember(self, entry: Entry) -> None:
        address, seconds = _storable(entry.address), entry.duration
        values = {"address": address, "key": entry.key, "digest": entry.digest}
        values["verdict"] = entry.verdict
        self._connection.execute(_REMEMBER, {**values, "record": entry.record})
        if seconds is not None:
            self._connection.execute(
                "INSERT INTO duration (address, seconds) VALUES (?, ?)", (address, seconds)
            )
            self._connection.execute(
                "DELETE FROM duration WHERE address = :address AND number NOT IN (SELECT number"
                " FROM duration WHERE address = :address ORDER BY number DESC LIMIT :kept)",
                {"address": address, "kept": _KEPT_DURATIONS},
            )

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._begin_anew(error)
            return []

    def _begin_anew(self, error: sqlite3.Error) -> bool:
        """Replace the file if the error says that it is corrupt; return whether that was done.

        :raises sqlite3.ProgrammingError: if it says that okplug is at fault.
        """
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        if self._path is None or _is_out_of_reach(error):
            return False
        self._connection.close()
        _remove(self._path)
        connection = _connect_or_begin_anew(self._path)
        if connection is None:
            self._path = None
        self._connection = connection or _connect(None)
        return True


def _connect_or_begin_anew(path: Path) -> sqlite3.Connection | None:
    """Open a history, a new one if the file is none; None if the place cannot be used."""
    for _ in range(2):
        try:
            return _connect(path)
        except sqlite3.Error as error:
            if _is_out_of_reach(error):
                return None
            _remove(path)
    return None


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open a file, or memory, that has the tables of this version.

    :raises sqlite3.Error: if it has not, or cannot be opened.
    """
    connection = sqlite3.connect(path or ":memory:", timeout=_LOCK_SECONDS)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, and see that others are ours."""
    with connection:
        connection.execute("BEGIN")  # another run may be making them: see all of that or nothing
        names = ("application_id", "user_version", "schema_version")
        application, version, schema = (_pragma(connection, name) for name in names)
    if (application, version, schema) == (0, 0, 0):
        connection.executescript(_SCHEMA)
    elif (application, version) != (_APPLICATION, _VERSION):
        raise _ForeignError
    connection.execute("SELECT key, digest, verdict, record FROM image LIMIT 0")
    connection.execute("SELECT number, address, seconds FROM duration LIMIT 0")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


class _ForeignError(sqlite3.DatabaseError):
    """The file is not a history of this version of okplug."""


def _is_out_of_reach(error: sqlite3.Error) -> bool:
    """Tell whether the file may be all right, for another run or another user."""
    code = getattr(error, "sqlite_errorcode", None)  # set for what SQLite itself says
    return code is not None and code & 0xFF in _OUT_OF_REACH


def _remove(path: Path) -> None:
    """Take a file that is no history away, with what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):  # then it stays as it is, and there is no history
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _storable(address: str) -> str:
    """Return the address in a form that SQLite takes: it stores no lone surrogates."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

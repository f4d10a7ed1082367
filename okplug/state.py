"""The history of runs in one workspace: what was built last, how long it took, what failed.

It is a convenience: no verdict depends on it. A file that is corrupt, foreign or of another version
is begun anew, and where none can be written there is no history.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_VERSION = 1
_KEPT_DURATIONS = 5
_LOCK_SECONDS = 10.0
_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS image (
        address TEXT PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL, verdict TEXT NOT NULL,
        time REAL NOT NULL, record BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS duration (
        address TEXT NOT NULL, time REAL NOT NULL, seconds REAL NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS duration_address ON duration (address, time);
    PRAGMA user_version = {_VERSION};
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
    """An open history; used from one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path | None) -> State:
        """Open the history in a file; None, or a place that cannot be written, is one in memory."""
        if path is not None:
            for _ in range(2):
                try:
                    return cls(_connect(path))
                except sqlite3.OperationalError:
                    break
                except sqlite3.DatabaseError:
                    _remove(path)
        return cls(_connect(None))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def record(self, address: str) -> bytes | None:
        """Return the record of the last run that built or reused the image, None without one."""
        return self._value("SELECT record FROM image WHERE address = ?", address)

    def key(self, address: str) -> str | None:
        """Return the key of that record."""
        return self._value("SELECT key FROM image WHERE address = ?", address)

    def durations(self) -> dict[str, float]:
        """Return for each image that was built the median seconds of its last builds."""
        found: dict[str, list[float]] = {}
        rows = self._rows("SELECT address, seconds FROM duration ORDER BY time DESC")
        for address, seconds in rows:
            values = found.setdefault(str(address), [])
            if len(values) < _KEPT_DURATIONS:
                values.append(float(seconds))
        return {address: statistics.median(values) for address, values in found.items()}

    def last_failed(self) -> frozenset[str]:
        """Return the images whose last run failed."""
        rows = self._rows("SELECT address FROM image WHERE verdict = 'failed'")
        return frozenset(str(address) for (address,) in rows)

    def remember_all(self, entries: Iterable[Entry]) -> None:
        """Write what became of images, all or nothing; what cannot be written is forgotten."""
        now = time.time()
        try:
            with self._connection:
                for entry in entries:
                    self._remember(entry, now)
        except sqlite3.Error:
            return

    def _remember(self, entry: Entry, now: float) -> None:
        self._connection.execute(
            "INSERT INTO image VALUES (:address, :key, :digest, :verdict, :now, :new) "
            "ON CONFLICT (address) DO UPDATE SET verdict = :verdict, time = :now, "
            "key = iif(:record IS NULL, key, :key), "
            "digest = iif(:record IS NULL, digest, :digest), "
            "record = coalesce(:record, record)",
            {
                "address": entry.address,
                "key": entry.key,
                "digest": entry.digest,
                "verdict": entry.verdict,
                "now": now,
                "record": entry.record,
                "new": entry.record or b"",
            },
        )
        if entry.duration is not None:
            row = (entry.address, now, entry.duration)
            self._connection.execute("INSERT INTO duration VALUES (?, ?, ?)", row)
            self._connection.execute(
                "DELETE FROM duration WHERE address = ?1 AND time NOT IN "
                "(SELECT time FROM duration WHERE address = ?1 ORDER BY time DESC LIMIT ?2)",
                (entry.address, _KEPT_DURATIONS),
            )

    def _value(self, query: str, address: str) -> Any:  # noqa: ANN401  # a column's type
        for row in self._rows(query, address):
            return row[0] or None
        return None

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return []


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open a file, or memory, that has the tables of this version."""
    connection = sqlite3.connect(path or ":memory:", timeout=_LOCK_SECONDS)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise _OtherVersionError
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        connection.execute("SELECT record FROM image LIMIT 0")
    except BaseException:
        connection.close()
        raise
    return connection


class _OtherVersionError(sqlite3.DatabaseError):
    """The file is a history of another version of okplug."""


def _remove(path: Path) -> None:
    """Take a file that is no history away, with what SQLite keeps beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

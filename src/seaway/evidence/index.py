"""The derived index: what each leaf is about, in SQLite, rebuilt whenever it cannot be trusted.

Nothing is known by the index alone. A row that lies is found when its leaf is proved; a row that is missing would hide
evidence, so the rows are chained by hashes and the chain is checked when the file is opened: an index that was
changed, cut or lags behind is thrown away. Unsynced on purpose.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

_LAYOUT = 1
_COLUMNS = "leaf, id, type, subject, key, envelope"
_TABLES = """
CREATE TABLE head (layout INTEGER NOT NULL, size INTEGER NOT NULL, chain BLOB NOT NULL) STRICT;
CREATE TABLE entry (leaf INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,
                    key TEXT NOT NULL, envelope TEXT NOT NULL, UNIQUE (id, key)) STRICT;
CREATE INDEX entry_subject ON entry (subject, type);
CREATE INDEX entry_type ON entry (type);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One leaf as it is indexed; digests are hex."""

    leaf: int
    id: str
    type: str
    subject: str
    key: str
    envelope: str


class Index:
    """The index in a file or, for readers who may not write, in memory."""

    def __init__(self, connection: sqlite3.Connection, size: int, chain: bytes) -> None:
        """Takes an open database whose chain was checked."""
        self._connection = connection
        self.size = size
        self._chain = chain

    @classmethod
    def create(cls, path: Path | None) -> Self:
        """Makes an empty index, in memory without a path."""
        if path is not None:
            for name in (path, path.with_name(f"{path.name}-journal")):
                name.unlink(missing_ok=True)
        connection = _connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(f"BEGIN; {_TABLES} INSERT INTO head VALUES ({_LAYOUT}, 0, x''); COMMIT;")
        return cls(connection, 0, b"")

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Self | None:
        """Opens an index and checks all of it; None if there is none that can be trusted."""
        if not path.is_file():
            return None
        connection = _connect(path, readonly=readonly)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            layout, size, chain = connection.execute("SELECT layout, size, chain FROM head").fetchone()
            rows = connection.execute(f"SELECT {_COLUMNS} FROM entry ORDER BY leaf")
            count, found = 0, b""
            for values in rows:
                count, found = count + 1, _link(found, Row(*values))
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except (sqlite3.DatabaseError, TypeError, ValueError):
            connection.close()
            return None
        if not sound or (layout, size, chain) != (_LAYOUT, count, found):
            connection.close()
            return None
        return cls(connection, size, chain)

    def add(self, rows: Iterable[Row]) -> None:
        """Adds the rows that follow, in one transaction; raises sqlite3.Error."""
        fresh = list(rows)
        chain = self._chain
        for row in fresh:
            chain = _link(chain, row)
        with self._connection:
            self._connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", map(astuple, fresh))
            self._connection.execute("UPDATE head SET size = size + ?, chain = ?", (len(fresh), chain))
        self.size, self._chain = self.size + len(fresh), chain

    def find(self, statement: str, key: str) -> int | None:
        """Returns the leaf of a statement by a key."""
        query = "SELECT leaf FROM entry WHERE id = ? AND key = ?"
        found = self._connection.execute(query, (statement, key)).fetchone()
        return None if found is None else int(found[0])

    def select(self, equal: dict[str, str], first: int, end: int) -> Iterator[Row]:
        """Yields the rows of leaves `first` to `end` whose columns equal the given values."""
        where = "".join(f" AND {column} = ?" for column in equal)
        query = f"SELECT {_COLUMNS} FROM entry WHERE leaf >= ? AND leaf < ?{where} ORDER BY leaf"
        for values in self._connection.execute(query, (first, end, *equal.values())):
            yield Row(*values)

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()


def _connect(path: Path | None, *, readonly: bool = False) -> sqlite3.Connection:
    name = f"{path.absolute().as_uri()}{'?mode=ro' if readonly else ''}" if path else ":memory:"
    return sqlite3.connect(name, timeout=10, uri=path is not None)


def _link(chain: bytes, row: Row) -> bytes:
    return hashlib.sha256(chain + "\n".join(map(str, astuple(row))).encode()).digest()

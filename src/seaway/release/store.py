"""The working state of releases in SQLite: one row an environment, replaced by compare-and-swap.

Rules: WAL with synchronous=FULL and BEGIN IMMEDIATE, so a write is whole and durable or absent; `swap` carries the
row's new state, its ticks and its ledger entries in one transaction, and fails if version or epoch moved. This state
can be lost without losing a fact: facts are in the ledger. Not here: what a row means (`controller`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seaway.errors import NameUnknown, StaleEpoch, StepsRefused
from seaway.release.asked import require_askable
from seaway.release.document import decode, encode
from seaway.release.evidence import Evidence, Group
from seaway.release.machine import ENDS, Position
from seaway.release.steps import Plan

_TABLES = """
CREATE TABLE IF NOT EXISTS releases (key TEXT PRIMARY KEY, version INTEGER NOT NULL, epoch INTEGER NOT NULL,
  body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ticks (key TEXT, release INTEGER, number INTEGER, body TEXT NOT NULL,
  PRIMARY KEY (key, release, number)) STRICT;
CREATE TABLE IF NOT EXISTS outbox (key TEXT, sequence INTEGER, body BLOB NOT NULL, acknowledged INTEGER NOT NULL,
  PRIMARY KEY (key, sequence)) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """Something a person or the outside asked for: one of VERBS, by whom, why, and its leaf in the ledger."""

    verb: str
    by: str
    reason: str = ""
    leaf: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A release as stored: `since` when its state was entered, `shifted` the last weight change, `mark` the canary
    requests at entry, `sequence` the ledger entries written, `following` the release that waits for this one's end,
    `waived` that a person skipped the judging that was left.
    """

    plan: Plan
    position: Position
    evidence: Evidence
    since: float
    shifted: float = 0.0
    mark: int = 0
    asked: tuple[Ask, ...] = ()
    sequence: int = 0
    following: Plan | None = None
    begun: float = 0.0
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A row with what compare-and-swap needs."""

    row: Row
    version: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A ledger entry not yet acknowledged: the bytes are fixed when it is written."""

    sequence: int
    body: bytes


class Conflict(Exception):  # an inner signal: the turn ends and is tried again, no user meets it
    """The row has changed since it was read."""


class Store:
    """Rows, ticks and the outbox of one user and project."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Runs one durable write, whole or not at all."""
        self._database.execute("BEGIN IMMEDIATE")
        ends = "ROLLBACK"
        try:
            yield self._database
            ends = "COMMIT"
        finally:
            self._database.execute(ends)

    def keys(self) -> tuple[str, ...]:
        """Returns the environments that have a release, sorted."""
        return tuple(key for (key,) in self._database.execute("SELECT key FROM releases ORDER BY key"))

    def read(self, key: str) -> Stored:
        """Returns the release of an environment; raises NameUnknown."""
        found = self._database.execute("SELECT body, version, epoch FROM releases WHERE key=?", (key,)).fetchone()
        if found is None:
            raise NameUnknown(f"no release is known in {key}", hint=f"seaway release {key}")
        body, version, epoch = found
        return Stored(_row(json.loads(body)), version, epoch)

    def submit(self, key: str, plan: Plan, now: float, *, position: Position | None = None, sequence: int = 0) -> None:
        """Plans a release; one that runs is superseded and this one follows. Raises StepsRefused for an old number.

        `position` and `sequence` are those of a release taken over from the ledger, else it begins.
        """
        with self._writing() as database:
            known = database.execute("SELECT body, version, epoch FROM releases WHERE key=?", (key,)).fetchone()
            row = _row(json.loads(known[0])) if known else None
            newest = max((each.release for each in (row.plan, row.following) if each), default=0) if row else 0
            if plan.release <= newest:
                raise StepsRefused(f"release {plan.release} is not after {newest}", hint=f"seaway status {key}")
            row = _followed(row, plan) if row else planned(plan, now, position=position, sequence=sequence)
            version, epoch = (known[1] + 1, known[2]) if known else (1, 0)
            database.execute(
                "INSERT OR REPLACE INTO releases (key, version, epoch, body) VALUES (?, ?, ?, ?)",
                (key, version, epoch, _body(row)),
            )

    def remove(self, key: str) -> None:
        """Forgets an environment's release, its ticks and what the ledger has not acknowledged of it."""
        with self._writing() as database:
            for table in ("releases", "ticks", "outbox"):
                database.execute(f"DELETE FROM {table} WHERE key=?", (key,))

    def ask(self, key: str, ask: Ask) -> None:
        """Adds a request to a release; raises UsageError or NoWayBack where it may not be asked."""
        with self._writing() as database:
            stored = self.read(key)
            require_askable(stored.row.plan, stored.row.position, ask.verb)
            row = replace(stored.row, asked=(*stored.row.asked, ask))
            database.execute("UPDATE releases SET body=?, version=version+1 WHERE key=?", (_body(row), key))

    def take(self, key: str) -> int:
        """Takes a release over: raises its epoch, so that an older writer stops; returns the new epoch."""
        with self._writing() as database:
            database.execute("UPDATE releases SET epoch=epoch+1, version=version+1 WHERE key=?", (key,))
            return self.read(key).epoch

    def swap(
        self, key: str, before: Stored, after: Row, groups: Sequence[Group] = (), entries: Sequence[Pending] = ()
    ) -> Stored:
        """Replaces a row if it is as it was read, with its new ticks and entries; raises Conflict or StaleEpoch."""
        with self._writing() as database:
            done = database.execute(
                "UPDATE releases SET body=?, version=version+1 WHERE key=? AND version=? AND epoch<=?",
                (_body(after), key, before.version, before.epoch),
            )
            if done.rowcount != 1:
                if self.read(key).epoch > before.epoch:
                    raise StaleEpoch(f"another agent has taken over {key}", hint="nothing to do: it goes on")
                raise Conflict(key)
            first = after.evidence.ticks - len(groups) + 1
            ticks = [
                (key, after.plan.release, first + place, json.dumps(encode(each))) for place, each in enumerate(groups)
            ]
            database.executemany("INSERT OR REPLACE INTO ticks VALUES (?, ?, ?, ?)", ticks)
            rows = [(key, entry.sequence, entry.body) for entry in entries]
            database.executemany("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, 0)", rows)
        return Stored(after, before.version + 1, before.epoch)

    def ticks(self, key: str, release: int) -> tuple[Group, ...]:
        """Returns the ticks a release was judged by, in order."""
        found = self._database.execute(
            "SELECT body FROM ticks WHERE key=? AND release=? ORDER BY number", (key, release)
        )
        return tuple(decode(Group, json.loads(body)) for (body,) in found)

    def outbox(self, key: str) -> tuple[Pending, ...]:
        """Returns the entries the ledger has not acknowledged, oldest first."""
        found = self._database.execute(
            "SELECT sequence, body FROM outbox WHERE key=? AND acknowledged=0 ORDER BY sequence", (key,)
        )
        return tuple(Pending(sequence, body) for sequence, body in found)

    def acknowledge(self, key: str, sequence: int) -> None:
        """Notes that the ledger has an entry."""
        with self._writing() as database:
            database.execute("UPDATE outbox SET acknowledged=1 WHERE key=? AND sequence=?", (key, sequence))


def planned(plan: Plan, now: float, *, sequence: int = 0, position: Position | None = None) -> Row:
    """Returns the row of a release that has not begun."""
    return Row(plan, position or Position(plan.steps), Evidence.start(plan.judge), now, sequence=sequence, begun=now)


def _followed(row: Row, plan: Plan) -> Row:
    """Lets a release follow: one that runs is superseded first, one that ended clears away what it left."""
    running = row.position.state not in ENDS and not any(ask.verb == "supersede" for ask in row.asked)
    asked = (*row.asked, Ask("supersede", "seaway", f"release {plan.release}")) if running else row.asked
    return replace(row, following=plan, asked=asked)


def _body(row: Row) -> str:
    document: dict[str, Any] = encode(row)
    document["position"]["steps"] = None  # they are the plan's
    return json.dumps(document, separators=(",", ":"))


def _row(document: Any) -> Row:
    document["position"]["steps"] = document["plan"]["steps"]
    return decode(Row, document)

"""The graph in SQLite: a fold of the ledger that may be deleted at any time.

Rules: leaves are applied in order, at most 512 a transaction, and `size` and `root` move with them, so a crash leaves
a shorter fold and repeating gives the same rows. A ledger whose earlier form has another root is another ledger. What
another fold or schema made is made anew. Reading is in `reader.py`; nothing is ever deleted from a fold.
Never ANALYZE: it made a recursive query a thousand times slower.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Self

from seaway.digest import Digest, canonical
from seaway.errors import GraphForked, GraphUnreadable
from seaway.graph.change import Change, Leaf, PutAlias, PutEdge, PutNode, Supersede
from seaway.graph.feed import LedgerFeed
from seaway.graph.fold import VERSION, FoldInvalid, fold
from seaway.graph.kinds import STATE_EDGES, Edge, Node, State

SCHEMA = 1
BATCH = 512
_PATIENCE = 30.0
_REBUILD = "seaway graph rebuild"
_PRAGMAS = "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;"


class GraphStore:
    """One ledger's graph in one file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens or makes the store; raises GraphUnreadable if the file is corrupt or of a newer schema."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            store = cls(path, sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None))
            store._prepare()
        except sqlite3.DatabaseError as error:
            raise GraphUnreadable(f"not a graph: {error}", where=path, hint=_REBUILD) from error
        return store

    @classmethod
    def rebuild(cls, path: Path, feed: LedgerFeed) -> Self:
        """Deletes what is there and folds the whole ledger."""
        _delete(path)
        store = cls.open(path)
        store.follow(feed)
        return store

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    @property
    def size(self) -> int:
        """How many leaves are folded."""
        return int(self._meta("size", "0"))

    @property
    def skipped(self) -> int:
        """How many of them did not count or could not be folded."""
        return int(self._meta("skipped", "0"))

    def follow(self, feed: LedgerFeed) -> None:
        """Folds what the ledger has beyond the store; raises GraphForked if it is not the ledger folded before."""
        try:
            self._check(feed)
            leaves = feed.leaves(self.size) if self.size < feed.size else iter(())
            while batch := list(itertools.islice(leaves, BATCH)):
                self._apply(batch, feed)
        except sqlite3.DatabaseError as error:
            raise GraphUnreadable(f"the graph cannot be written: {error}", where=self.path, hint=_REBUILD) from error

    def content(self) -> Digest:
        """Returns the hash of all rows by key: equal for equal folds, whatever the order of writing on disk."""
        return Digest.of(b"\n".join(canonical(row) for row in self._rows()))

    def _rows(self) -> Iterator[list[object]]:
        keys = dict(self.connection.execute("SELECT id, key FROM node"))
        yield ["meta", self._meta("origin", ""), self.size, self._meta("root", ""), self.skipped]
        for row in self.connection.execute("SELECT key, kind, state, leaf, properties FROM node ORDER BY key"):
            yield ["node", *row]
        edges = self.connection.execute("SELECT src, dst, kind, since, until, state, leaf, ended, properties FROM edge")
        yield from sorted(["edge", keys[src], keys[dst], *row] for src, dst, *row in edges)
        names = self.connection.execute("SELECT name, node, leaf FROM alias")
        yield from sorted(["alias", name, keys[node], leaf] for name, node, leaf in names)

    def _prepare(self) -> None:
        self.connection.executescript(_PRAGMAS)
        if not self.connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
            self._create()
        if (schema := int(self._meta("schema", "0"))) > SCHEMA:
            raise GraphUnreadable(
                f"the graph is of schema {schema}, newer than {SCHEMA}", where=self.path, hint=_REBUILD
            )
        if (schema, self._meta("fold", "")) != (SCHEMA, str(VERSION)):
            self._create()

    def _create(self) -> None:
        text = resources.files("seaway.graph").joinpath("schema.sql").read_text()
        with self._transaction():
            for (table,) in self.connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                self.connection.execute(f"DROP TABLE {table}")
            for statement in text.split(";\n"):
                self.connection.execute(statement)
            self._set("schema", str(SCHEMA))
            self._set("fold", str(VERSION))

    def _check(self, feed: LedgerFeed) -> None:
        size, origin = self.size, self._meta("origin", feed.origin)
        if origin != feed.origin:
            raise GraphForked(f"the graph is of {origin}, not of {feed.origin}", where=self.path, hint=_REBUILD)
        if size > feed.size or (size and feed.root(size) != self._meta("root", "")):
            says = f"the ledger does not extend the {size} leaves that were folded"
            raise GraphForked(says, where=feed.origin, hint=f"seaway ledger verify, then {_REBUILD}")

    def _apply(self, batch: Sequence[Leaf], feed: LedgerFeed) -> None:
        with self._transaction():
            size = self.size
            fresh = [leaf for leaf in batch if leaf.index >= size]  # another process may have folded meanwhile
            if [leaf.index for leaf in fresh] != list(range(size, size + len(fresh))):
                raise GraphForked(f"the leaves from {size} on do not follow one another", where=feed.origin)
            skipped = sum(not self._applied(leaf) for leaf in fresh)
            end = size + len(fresh)
            values = {"origin": feed.origin, "size": end, "root": feed.root(end), "skipped": self.skipped + skipped}
            for name, value in values.items():
                self._set(name, str(value))

    def _applied(self, leaf: Leaf) -> bool:
        if not leaf.valid:
            return False
        try:
            changes = fold(leaf)
        except FoldInvalid:
            return False
        for change in changes:
            self._change(change, leaf.index)
        return True

    def _change(self, change: Change, leaf: int) -> None:
        match change:
            case PutNode():
                self._put_node(change, leaf)
            case PutEdge():
                self._put_edge(change, leaf)
            case PutAlias(name, key):
                self.connection.execute(
                    "INSERT OR IGNORE INTO alias VALUES (?, ?, ?)", (name, self._node(key, leaf), leaf)
                )
            case Supersede():
                self._supersede(change, leaf)

    def _put_node(self, node: PutNode, leaf: int) -> None:
        found = self.connection.execute(
            "SELECT id, kind, state, properties FROM node WHERE key = ?", (node.key,)
        ).fetchone()
        if found is None:
            row = (node.kind, node.key, node.state, leaf, _text(node.properties))
            self.connection.execute("INSERT INTO node(kind, key, state, leaf, properties) VALUES (?, ?, ?, ?, ?)", row)
            return
        identity, kind, state, properties = found
        certain = node.kind if kind == Node.DIGEST else kind
        merged = _text({**json.loads(properties), **node.properties})
        changed = (certain, min(state, node.state), merged, identity)
        self.connection.execute("UPDATE node SET kind = ?, state = ?, properties = ? WHERE id = ?", changed)

    def _put_edge(self, edge: PutEdge, leaf: int) -> None:
        ends = (self._node(edge.source, leaf), edge.kind, self._node(edge.target, leaf), edge.since)
        self.connection.execute(
            "INSERT INTO edge(src, kind, dst, since, state, leaf, properties) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET state = min(state, excluded.state)",
            (*ends, edge.state, leaf, _text(edge.properties)),
        )

    def _supersede(self, change: Supersede, leaf: int) -> None:
        own = self._node(change.deployment, leaf)
        for other in self._open_in(change, own):
            same = self._release(other) == self._release(own)
            for service, properties in self._serving(other):
                mine = next((said for name, said in self._serving(own) if name == service), None)
                if mine is None or _takes_over(mine, properties, same_release=same):
                    self._end(other, change.at, leaf, "AND kind = ? AND dst = ?", (Edge.SERVES, service))
            if not list(self._serving(other)):
                self._end(other, change.at, leaf)

    def _open_in(self, change: Supersede, own: int) -> list[int]:
        """Finds the other deployments open in the environment and place."""
        asked = "SELECT src FROM edge WHERE dst = ? AND kind = ? AND until IS NULL AND src != ?"
        inside = self.connection.execute(asked, (self._node(change.environment, 0), Edge.INSIDE, own))
        placed = self.connection.execute(asked, (self._node(change.place, 0), Edge.PLACED, own))
        return sorted({src for (src,) in inside} & {src for (src,) in placed})

    def _serving(self, deployment: int) -> Iterator[tuple[int, dict[str, object]]]:
        asked = "SELECT dst, properties FROM edge WHERE src = ? AND kind = ? AND until IS NULL"
        for service, properties in self.connection.execute(asked, (deployment, Edge.SERVES)).fetchall():
            yield service, json.loads(properties)

    def _release(self, deployment: int) -> object:
        asked = "SELECT dst FROM edge WHERE src = ? AND kind = ?"
        return self.connection.execute(asked, (deployment, Edge.PART)).fetchone()

    def _end(self, deployment: int, at: int, leaf: int, more: str = "", values: tuple[int, ...] = ()) -> None:
        kinds = ",".join(str(int(kind)) for kind in sorted(STATE_EDGES))
        self.connection.execute(
            "UPDATE edge SET until = max(since, ?), ended = ? "
            f"WHERE src = ? AND until IS NULL AND kind IN ({kinds}) {more}",
            (at, leaf, deployment, *values),
        )

    def _node(self, key: str, leaf: int) -> int:
        """Returns the id of a key, or of the one thing of that other name; makes an unknown if there is none."""
        for asked in ("SELECT id FROM node WHERE key = ?", "SELECT node FROM alias WHERE name = ?"):
            if len(found := self.connection.execute(asked, (key,)).fetchall()) == 1:
                return int(found[0][0])
        made = self.connection.execute(
            "INSERT INTO node(kind, key, state, leaf, properties) VALUES (?, ?, ?, ?, '{}')",
            (Node.DIGEST, key, State.UNKNOWN, leaf),
        )
        return int(made.lastrowid or 0)

    def _meta(self, name: str, default: str) -> str:
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # As a context SQLite's connection commits, and whatever ends the block rolls back: an interrupt too.
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield


def _takes_over(mine: dict[str, object], other: dict[str, object], *, same_release: bool) -> bool:
    """Tells whether a service's new state replaces an older one: all the weight, same version, or same canary.

    A version that went live as its release's canary is still called so, hence the release.
    """
    weight = mine["weight"]
    whole = isinstance(weight, int | float) and weight >= 100
    return whole or mine["version"] == other["version"] or (same_release and mine["arm"] == other["arm"])


def _text(properties: object) -> str:
    return json.dumps(properties, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)

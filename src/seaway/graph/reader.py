"""Point reads of the graph: nodes by key, name or prefix; edges out and in, as of a time."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.errors import SubjectAmbiguous, SubjectUnknown
from seaway.graph.kinds import Edge, Node, State

_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_SHOWN = 5
_COLUMNS = "e.kind, e.since, e.until, e.state, e.leaf, e.properties, n.id, n.kind, n.key, n.state, n.leaf, n.properties"


@dataclass(frozen=True, slots=True)
class Thing:
    """A node as read; `leaf` is the first that said it."""

    id: int
    kind: Node
    key: str
    state: State
    leaf: int
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as read, with the thing at its other end; `until` None where it holds still."""

    kind: Edge
    other: Thing
    since: int
    until: int | None
    state: State
    leaf: int
    properties: Mapping[str, Any]

    def overlaps(self, begin: int, end: int) -> bool:
        """Tells whether it held at some time in [begin, end)."""
        return self.since < end and (self.until is None or self.until >= begin)


class Reader:
    """Reads one store's rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, name: str) -> Thing:
        """Returns what has this key, name or unique digest prefix; raises SubjectUnknown or SubjectAmbiguous."""
        found = self.named(name) or self._prefixed(name)
        if not found:
            raise SubjectUnknown(f"nothing is known under {name!r}", hint=self._nearest(name))
        if len(found) > 1:
            shown = ", ".join(f"{one.kind.name.lower()} {one.key}" for one in found[:_SHOWN])
            raise SubjectAmbiguous(f"{name!r} may be {shown}", hint="give more of it")
        return found[0]

    def named(self, name: str) -> list[Thing]:
        """Returns the thing of this key, else all that have it as another name, by leaf."""
        exact = self._things("key = ?", (name,))
        return exact or self._things("id IN (SELECT node FROM alias WHERE name = ?)", (name,))

    def out(self, thing: Thing, *kinds: Edge) -> list[Link]:
        """Returns edges from a thing, by leaf."""
        return self._links("src", "dst", thing, kinds)

    def into(self, thing: Thing, *kinds: Edge) -> list[Link]:
        """Returns edges to a thing, by leaf; `other` is the source."""
        return self._links("dst", "src", thing, kinds)

    def _links(self, end: str, other: str, thing: Thing, kinds: Iterable[Edge]) -> list[Link]:
        chosen = ",".join(str(int(kind)) for kind in kinds)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM edge e JOIN node n ON n.id = e.{other} "
            f"WHERE e.{end} = ? AND e.kind IN ({chosen}) ORDER BY e.leaf, n.key",
            (thing.id,),
        )
        return [
            Link(Edge(row[0]), _thing(row[6:]), row[1], row[2], State(row[3]), row[4], json.loads(row[5]))
            for row in rows
        ]

    def _prefixed(self, name: str) -> list[Thing]:
        match = _PREFIX.fullmatch(name)
        return self._things("key GLOB ?", (f"sha256:{match[1]}*",)) if match else []

    def _nearest(self, name: str) -> str:
        hexadecimal = name.removeprefix("sha256:")[:4]
        near = self._things("key GLOB ?", (f"*{hexadecimal}*",)) if hexadecimal.isalnum() else []
        names = ", ".join(one.key for one in near[:_SHOWN])
        return f"known: {names}" if names else "give a request's id, a digest or a release; seaway status names some"

    def _things(self, where: str, values: tuple[str, ...]) -> list[Thing]:
        asked = f"SELECT id, kind, key, state, leaf, properties FROM node WHERE {where} ORDER BY leaf, key"
        return [_thing(row) for row in self._connection.execute(asked, values)]


def _thing(row: tuple[Any, ...]) -> Thing:
    return Thing(row[0], Node(row[1]), row[2], State(row[3]), row[4], json.loads(row[5]))

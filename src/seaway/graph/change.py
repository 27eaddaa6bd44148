"""What a statement changes: nodes, edges, other names, and what ends. Values that a store applies in order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.graph.kinds import Edge, Node, State


@dataclass(frozen=True, slots=True)
class Leaf:
    """One statement of the ledger as the fold sees it; `valid` False where it does not count.

    `id` and `envelope` are `sha256:<hex>`, `subject` is one, `person` who signed as the ledger resolved it.
    """

    index: int
    id: str
    predicate_type: str
    subject: str
    predicate: Mapping[str, Any]
    person: str = ""
    envelope: str = ""
    valid: bool = True


@dataclass(frozen=True, slots=True)
class PutNode:
    """There is such a thing; later properties are laid over earlier ones, a certain kind over DIGEST."""

    kind: Node
    key: str
    state: State = State.VERIFIED
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutEdge:
    """Two things hang together; `since` is 0 for facts; ends that are not there yet become DIGEST, unknown."""

    source: str
    kind: Edge
    target: str
    since: int = 0
    state: State = State.VERIFIED
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutAlias:
    """A thing has another name; several may share one."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """A deployment takes over: what it replaces ends at `at`.

    Of the other deployments in the same environment and place, `serves` of a service ends if this one has the same
    version of it, all its weight, the same arm in the same release, or lacks it; one that serves nothing any more ends
    whole.
    """

    deployment: str
    environment: str
    place: str
    at: int


Change = PutNode | PutEdge | PutAlias | Supersede

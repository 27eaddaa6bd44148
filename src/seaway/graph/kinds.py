"""What there is in the graph: kinds of nodes and edges and how sure each row is, as data. Pure.

A fact edge says something about immutable bytes and never ends; a state edge holds for an interval. Numbers are what
the store keeps: they are only ever appended to.
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """How sure a row is; along a path the weakest wins."""

    VERIFIED = 0
    DECLARED = 1
    UNKNOWN = 2


class Node(IntEnum):
    """Kinds of nodes; DIGEST is bytes nobody has yet said the kind of."""

    DIGEST = 0
    SERVICE = 1
    ENVIRONMENT = 2
    PLACE = 3
    BUNDLE = 4
    IMAGE = 5
    COMMIT = 6
    MODEL = 7
    DATA = 8
    PROMPT = 9
    BASE = 10
    EVALUATION = 11
    SCAN = 12
    SBOM = 13
    APPROVAL = 14
    EXCEPTION = 15
    DECISION = 16
    PROMOTION = 17
    REFUSAL = 18
    POLICY = 19
    PERSON = 20
    DEPLOYMENT = 21
    RELEASE = 22
    DEED = 23


class Edge(IntEnum):
    """Kinds of edges, named from their source."""

    BUILT = 0
    BASED = 1
    HOLDS = 2
    DESCRIBED = 3
    EVALUATED = 4
    SCANNED = 5
    APPROVED = 6
    DECIDED = 7
    WAIVED = 8
    UNDER = 9
    COUNTED = 10
    BY = 11
    PROMOTED = 12
    REFUSED = 13
    PART = 14
    RUNS = 15
    PLACED = 16
    INSIDE = 17
    SERVES = 18


STATE_EDGES = frozenset({Edge.RUNS, Edge.PLACED, Edge.INSIDE, Edge.SERVES})

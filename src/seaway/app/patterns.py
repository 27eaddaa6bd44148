"""Tables from path patterns to rules, walked beside a tree.

A pattern is dotted (`services.*.ports`); `*` stands for any key or item. A `Node` is the set of patterns still
possible after some keys; `step` returns the next one, or None where no pattern goes on, so that walks touch only
the parts of a model that have rules. Tables are data: deleting a row takes its rule away and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

R = TypeVar("R")


class Node(Generic[R]):
    """A position in a table: `rule` is that of the path walked so far, or None."""

    __slots__ = ("any", "named", "rule")

    def __init__(self, rows: Mapping[tuple[str, ...], R]) -> None:
        self.rule: R | None = rows.get(())
        below = {parts: rule for parts, rule in rows.items() if parts}
        star = {parts[1:]: rule for parts, rule in below.items() if parts[0] == "*"}
        names = {parts[0] for parts in below} - {"*"}
        self.any: Node[R] | None = Node(star) if star else None
        self.named = {
            name: Node(star | {parts[1:]: rule for parts, rule in below.items() if parts[0] == name}) for name in names
        }

    def step(self, key: object) -> Node[R] | None:
        """Returns the position after a key; every list item is `[]`."""
        return self.named.get(key, self.any) if isinstance(key, str) else self.any


def table(rows: Mapping[str, R]) -> Node[R]:
    """Compiles rows of dotted patterns."""
    return Node({tuple(pattern.split(".")): rule for pattern, rule in rows.items()})

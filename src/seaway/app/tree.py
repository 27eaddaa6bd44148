"""The trees the loader works on: plain dicts and lists that remember where each entry was written.

`Map` and `Seq` are dicts and lists with one mark beside each entry: an int that packs file, line and column, or,
for a value that overrode others, a tuple of such ints, newest first. Phases that move a value move its mark.
An entry without a mark was made by a phase; `Origins` then answers with the nearest entry around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seaway.findings import Position

Mark = int | tuple[int, ...]
Path = tuple[str | int, ...]

_LINE, _COLUMN = 24, 20
_WIDEST = (1 << _COLUMN) - 1


def pack(file: int, line: int, column: int) -> int:
    """Packs a place, counted from 1, into one int."""
    return (file << _LINE + _COLUMN) | (line << _COLUMN) | (column if column < _WIDEST else _WIDEST)


def unpack(mark: int) -> tuple[int, int, int]:
    """Returns (file, line, column) of a packed place."""
    return mark >> _LINE + _COLUMN, mark >> _COLUMN & (1 << _LINE) - 1, mark & (1 << _COLUMN) - 1


class Map(dict[str, Any]):
    """A mapping with the mark of each key."""

    __slots__ = ("at",)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.at: dict[str, Mark] = {}

    def put(self, key: str, value: object, mark: Mark | None) -> None:
        """Sets a key together with its mark."""
        self[key] = value
        if mark is not None:
            self.at[key] = mark


class Seq(list[Any]):
    """A list with the mark of each item; as many marks as items, 0 where there is none."""

    __slots__ = ("at",)

    def __init__(self, items: Any = (), at: list[Mark] | None = None) -> None:
        super().__init__(items)
        self.at: list[Mark] = [0] * len(self) if at is None else at

    def add(self, value: object, mark: Mark | None) -> None:
        """Appends an item together with its mark."""
        self.append(value)
        self.at.append(mark or 0)

    def mark(self, index: int) -> Mark | None:
        """Returns the mark of an item, or None."""
        return (self.at[index] if index < len(self.at) else 0) or None


def mark_of(node: object, key: str | int) -> Mark | None:
    """Returns the mark of an entry of a node, or None."""
    if isinstance(node, Map) and isinstance(key, str):
        return node.at.get(key)
    if isinstance(node, Seq) and isinstance(key, int):
        return node.mark(key)
    return None


def chain(newest: Mark | None, older: Mark | None) -> Mark | None:
    """Joins the mark of a value with those it overrode."""
    if newest is None or older is None:
        return newest if older is None else older
    first = newest if isinstance(newest, tuple) else (newest,)
    rest = older if isinstance(older, tuple) else (older,)
    return first + tuple(mark for mark in rest if mark not in first)


def copied(node: Any) -> Any:
    """Returns a copy of a tree that shares no container with it; marks are kept."""
    # Plain loops: one frame a level, since a tree may be as deep as the reader allows.
    if isinstance(node, dict):
        fresh = Map()
        for key, value in node.items():
            fresh[key] = copied(value)
        fresh.at = dict(node.at) if isinstance(node, Map) else {}
        return fresh
    if isinstance(node, list):
        items = []
        for item in node:
            items.append(copied(item))
        return Seq(items, list(node.at) if isinstance(node, Seq) else None)
    return node


def size(node: Any) -> int:
    """Returns how many values a tree has, its own containers among them."""
    if isinstance(node, dict):
        return 1 + sum(map(size, node.values()))
    return 1 + sum(map(size, node)) if isinstance(node, list) else 1


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the values of a loaded tree were written: `at` the newest place, `chain` also those it overrode."""

    root: Any
    files: tuple[str, ...]
    prefix: Path = ()

    def at(self, *path: str | int) -> Position | None:
        """Returns the place of the entry at `path`, or of the nearest entry around it."""
        return next(iter(self.chain(*path)), None)

    def chain(self, *path: str | int) -> tuple[Position, ...]:
        """Returns the places of the entry at `path`, newest first, or of the nearest entry around it."""
        nearest: Mark | None = None
        for mark in _marks(self.root, self.prefix + path):
            nearest = mark if mark is not None else nearest
        if nearest is None:
            return ()
        return tuple(self.position(mark) for mark in (nearest if isinstance(nearest, tuple) else (nearest,)))

    def exact(self, *path: str | int) -> tuple[Position, ...]:
        """Returns the places of the entry at `path` itself, newest first; none where it was not written."""
        marks = list(_marks(self.root, self.prefix + path))
        last = marks[-1] if marks and len(marks) == len(self.prefix + path) else None
        return () if last is None else self.chain(*path)

    def position(self, mark: int) -> Position:
        """Returns the place a mark stands for."""
        file, line, column = unpack(mark)
        return Position(self.files[file], line, column)

    def below(self, *path: str | int) -> Origins:
        """Returns the origins of a subtree, asked by paths relative to it."""
        return Origins(self.root, self.files, self.prefix + path)


def _marks(node: Any, path: Path) -> Iterator[Mark | None]:
    for key in path:
        yield mark_of(node, key)
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            return

"""Findings: what is said about a user's files or a running system.

A finding is a value, never an exception: validation, gates, drift and advice return them, `cli` prints them.
Codes are `SW-` and three or four digits: 0xx loading, 1xx `x-seaway`, 2xx workload and lifecycle, 3xx
configuration, 4xx network, 5xx storage, 6xx resources, 7xx security, 8xx AI, 9xx drift, 10xx image, 11xx
signals, 12xx graph and advice. Each code has a page in `docs/findings/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Level(StrEnum):
    """How much a finding weighs: error refuses, loss must be fixed or accepted, note is worth knowing."""

    ERROR = "error"
    LOSS = "loss"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the user's own files, by the path of the loaded app.

    `put` a value at a path (keys on the way are made), `drop` an entry, `rename` a key, `append` to a list, write the
    `default` of a variable where it is used, add a `line` to a file of variables. `places` are those where the entry
    is written now, newest first; none for what is not written yet.
    """

    do: Literal["put", "drop", "rename", "append", "default", "line"]
    path: tuple[str | int, ...]
    value: Any = field(default=None, compare=False)
    places: tuple[Position, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """What removes a finding when it is applied as it stands.

    `safe` ones leave the model outside `x-*` as it is, and what they write is known; `decide` says what a person must
    decide: then the values are examples.
    """

    edits: tuple[Edit, ...]
    safe: bool = False
    decide: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one place, with what to do next.

    `overrode` are the places of what its value lies over, `filled` the variables in it and where they are set.
    """

    code: str
    level: Level
    says: str
    where: Position | str | None = None
    hint: str | None = None
    fix: Fix | None = field(default=None, compare=False)
    overrode: tuple[Position, ...] = field(default=(), compare=False)
    filled: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        place = f"{self.where} " if self.where else ""
        return f"{place}{self.level} {self.code} {self.says}"

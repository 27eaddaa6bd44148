"""Findings: what is said about a user's files or a running system.

A finding is a value, never an exception: validation, gates, drift and advice return them, `cli` prints them.
Codes are `SW-` and three or four digits: 0xx loading, 1xx `x-seaway`, 2xx workload and lifecycle, 3xx
configuration, 4xx network, 5xx storage, 6xx resources, 7xx security, 8xx AI, 9xx drift, 10xx image, 11xx
signals, 12xx graph and advice. Each code has a page in `docs/findings/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
class Finding:
    """One statement about one place, with what to do next."""

    code: str
    level: Level
    says: str
    where: Position | str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.where} " if self.where else ""
        return f"{place}{self.level} {self.code} {self.says}"

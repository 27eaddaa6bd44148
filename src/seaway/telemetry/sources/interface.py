"""What a metric source gives: integers that add up, or the reason why it is blind.

Sources read cumulative counters and hand out differences; ratios never leave this room. The arm (canary or
baseline) is not known here: `release` adds it from the version. A source that fails is blind, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ReadingState(StrEnum):
    """Whether a reading may be judged."""

    OK = "ok"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Tick:
    """Counts of one replica in one interval.

    `at` is the end of the interval and `seconds` its length; `n` requests of which `bad` had the bad outcome of
    `criterion`, 0 <= bad <= n; `stratum` groups comparable requests ("" where there is one group); `version` is the
    service's 10 hex digits, `replica` the pod's id as the target observes it.
    """

    at: float
    seconds: float
    service: str
    criterion: str
    stratum: str
    replica: str
    version: str
    n: int
    bad: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read of a source gave; `dropped` names each replica whose tick was dropped, and why."""

    ticks: tuple[Tick, ...]
    state: ReadingState
    reason: str = ""
    dropped: tuple[tuple[str, str], ...] = ()


class Source(Protocol):
    """One place that counts."""

    name: str

    def read(self, through: float, now: float) -> Reading:
        """Returns the counts in (through, now]; a failure is a blind reading, never an exception or a zero."""

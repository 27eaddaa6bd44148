"""The difference of two shares with an interval, for people to read beside a verdict; no decision hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z = 2.5758293035489004  # 99 %


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bounds; all None where one side has no sample."""

    value: float | None
    low: float | None
    high: float | None


def difference(bad: int, n: int, other_bad: int, other_n: int) -> Interval:
    """Returns share minus other share with its 99 % interval at this look (Newcombe 1998, method 10)."""
    if not n or not other_n:
        return Interval(None, None, None)
    share, other = bad / n, other_bad / other_n
    low, high = _wilson(bad, n)
    other_low, other_high = _wilson(other_bad, other_n)
    gap = share - other
    below = sqrt((share - low) * (share - low) + (other_high - other) * (other_high - other))
    above = sqrt((high - share) * (high - share) + (other - other_low) * (other - other_low))
    return Interval(gap, gap - below, gap + above)


def _wilson(bad: int, n: int) -> tuple[float, float]:
    """Returns Wilson's score interval (1927, eq. 3)."""
    square = _Z * _Z
    centre = (bad + square / 2.0) / (n + square)
    reach = _Z / (n + square) * sqrt(bad * (n - bad) / n + square / 4.0)
    return max(0.0, centre - reach), min(1.0, centre + reach)

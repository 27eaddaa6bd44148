"""What stable's past says before a release begins: U, the margin, the length of a tick.

All three are fixed before the first outcome of the canary is seen, and recorded. Where there is too little past the
answer is None or the cautious default, never a guess. Not here: reading the past (`telemetry`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seaway.release.draws import Draws
from seaway.release.sequential import ABSOLUTE, absolute, power
from seaway.telemetry.eprocess import Bets, total

LEAST = 3600.0  # seconds of history that count
FLOOR, UNKNOWN = 0.10, 0.20
LENGTHS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_STEPS = 100_000
_SPLITS = 200
Pods = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class History:
    """Stable's ticks of one signal: for each, (requests, bad) of every pod in the order of their ids."""

    seconds: float
    ticks: tuple[Pods, ...]

    @property
    def enough(self) -> bool:
        """Whether there is an hour of it, with requests."""
        return self.seconds >= LEAST and self.requests > 0

    @property
    def requests(self) -> int:
        """Returns all requests."""
        return sum(n for tick in self.ticks for n, _ in tick)

    @property
    def share(self) -> float:
        """Returns the bad share."""
        return sum(bad for tick in self.ticks for _, bad in tick) / self.requests


def bound(history: History, beta: float, delta: float, seed: str) -> float | None:
    """Returns U: the least u, in steps of 1e-5, at which (abs) against u reaches 20/beta over stable's own ticks.

    None where the history is short, or where U exceeds its mean by more than delta/2: then it bounds nothing.
    """
    if not history.enough:
        return None
    shares = Counter(_dealt_shares(history, seed))
    low, high = 0, _STEPS - 1
    while low < high:
        middle = (low + high) // 2
        if _certifies(shares, middle / _STEPS, 20.0 / beta):
            high = middle
        else:
            low = middle + 1
    found = low / _STEPS
    return found if found - history.share <= delta / 2.0 and low < _STEPS - 1 else None


def _dealt_shares(history: History, seed: str) -> list[float]:
    """Returns the bad share of every group, dealt as a canary's pods are."""
    shares = []
    for number, tick in enumerate(history.ticks):
        order = [pod for pod in tick if pod[0]]
        if len(order) > 2:
            order = Draws(seed, "history", number).shuffled(order)
        for group in (order[0::2], order[1::2]):
            if group:
                shares.append(total([bad / n for n, bad in group]) / len(group))
    return shares


def _certifies(shares: Counter[float], limit: float, needed: float) -> bool:
    bets = Bets.start(len(ABSOLUTE))
    for share, times in sorted(shares.items()):
        ratio = (1.0 - share) / (1.0 - limit)
        raised = [power(ratio, times), power((1.0 + ratio) / 2.0, times)]
        bets = bets.times([mantissa for mantissa, _ in raised], [exponent for _, exponent in raised])
    return bets.mean(ABSOLUTE) >= needed


def margin(history: History | None, canary: int, window: int, seed: str, *, floor: float = FLOOR) -> float:
    """Returns the margin that stable's own noise asks for: the 99 % quantile of pseudo-canary ratios, at least `floor`.

    Windows of `window` ticks are split 200 times in all into `canary` pods and the rest; without history 20 %.
    """
    if history is None or not history.enough or window < 1 or len(history.ticks) < window:
        return UNKNOWN
    windows = [history.ticks[start : start + window] for start in range(0, len(history.ticks) - window + 1, window)]
    draws = Draws(seed, "margin")
    ratios = sorted([_ratio(windows[split % len(windows)], canary, draws) for split in range(_SPLITS)])
    return max(floor, ratios[_SPLITS * 99 // 100 - 1] - 1.0)


def _ratio(window: Sequence[Pods], canary: int, draws: Draws) -> float:
    """Returns the ratio of bad shares of a random split, half an outcome added to each so that none is 0/0."""
    pods = min(len(tick) for tick in window)
    chosen = set(draws.shuffled(range(pods))[:canary])
    n, bad = [0, 0], [0, 0]
    for tick in window:
        for place, (requests, failed) in enumerate(tick[:pods]):
            n[place in chosen] += requests
            bad[place in chosen] += failed
    if not (n[0] and n[1]):
        return 1.0
    return ((bad[1] + 0.5) / n[1]) / ((bad[0] + 0.5) / n[0])


def tick_length(rate: float, resolution: float, *, runs: float = 0.0) -> float:
    """Returns the least length with 5 expected requests a pod at `rate` a second, in multiples of `resolution`.

    `runs` is the 95th percentile of how long stable's bad spells last; a tick is not shorter.
    """
    for length in LENGTHS:
        whole = (length / resolution) == int(length / resolution)
        if whole and rate * length >= 5.0 and length >= runs:
            return length
    return LENGTHS[-1]


def bad_runs(history: History, tick: float) -> float:
    """Returns the p95 length in seconds of runs of bad pod-ticks, 0 where a tenth or more of them are bad."""
    lengths: list[int] = []
    everything = spoilt = 0
    for pod in range(min((len(each) for each in history.ticks), default=0)):
        run = 0
        for bad in [each[pod][1] > 0 for each in history.ticks] + [False]:
            if bad:
                run += 1
            elif run:
                lengths.append(run)
                run = 0
            spoilt += bad
        everything += len(history.ticks)
    if not lengths or spoilt * 10 >= everything:
        return 0.0
    return sorted(lengths)[len(lengths) * 95 // 100 if len(lengths) > 1 else 0] * tick


def clean_factor(requests: int, limit: float, burst: int) -> tuple[float, float]:
    """Returns what one group of a clean pod with this many requests multiplies (abs) by."""
    return absolute(((requests, 0),), limit, burst)

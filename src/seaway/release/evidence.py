"""What the judge is told and what it remembers: frozen values, integers in, running products kept.

`Spec` is fixed before the first outcome is seen and recorded with the steps; `Group` is one tick of counts; `Evidence`
is all the judge carries from tick to tick. Not here: what they mean (`judge`), files (`record`).
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.release.exposure import Arm, Count
from seaway.release.sequential import ABSOLUTE, LINEAR, RATIOS, TILTS
from seaway.telemetry.eprocess import Bets

_LINEAR, _TILTED = Bets.start(len(LINEAR)), Bets.start(len(TILTS))
_ABSOLUTE, _ADVICE = Bets.start(len(ABSOLUTE)), Bets.start(len(RATIOS))
SILENT_TICKS = 3
COLLAPSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing a release must not make worse; all gate.

    `signals` are averaged (three quantiles of latency; one for a 0/1 outcome). `margin` is the share by which the
    canary may be worse, `harm` the ratio and `delta` the difference that a promotion must exclude; `bound` is U, the
    upper bound of stable's bad share, None where there is no absolute certificate; `burst` is how many requests of a
    pod may fail together, 0 for a whole tick. `scaled`: the source already applied the margin to its edge.
    """

    name: str
    signals: tuple[str, ...]
    margin: float = 0.10
    harm: float = 2.0
    delta: float | None = 0.005
    bound: float | None = None
    burst: int = 0
    scaled: bool = False

    @property
    def limit(self) -> float | None:
        """Returns q0 = U + delta, or None where only the relative certificate counts."""
        if self.delta is None or self.bound is None or len(self.signals) > 1:
            return None
        limit = self.bound + self.delta
        return limit if limit < 1.0 else None


@dataclass(frozen=True, slots=True)
class Spec:
    """How a release is judged; `seed` is the bundle's digest, `tick` its length in seconds."""

    seed: str
    criteria: tuple[Criterion, ...]
    alpha: float = 0.01
    beta: float = 0.01
    tick: float = 1.0

    def __post_init__(self) -> None:
        names = [criterion.name for criterion in self.criteria]
        signals = [signal for criterion in self.criteria for signal in criterion.signals]
        if not names or len(set(names)) < len(names) or len(set(signals)) < len(signals) or not all(signals):
            raise ValueError("criteria need names and signals of their own")
        if not (0 < self.alpha < 1 and 0 < self.beta < 1 and self.tick > 0):
            raise ValueError("alpha and beta lie between 0 and 1, a tick is longer than 0 s")
        if any(criterion.margin < 0 or criterion.harm <= 1 or criterion.burst < 0 for criterion in self.criteria):
            raise ValueError("a margin is not negative, harm is above 1, a burst is not negative")


@dataclass(frozen=True, slots=True)
class Group:
    """One tick: its end, length and counts, or why it says nothing.

    `compared` is False where all traffic is the canary's. `blind` is the reason of a source that failed; `dropped` that
    of a tick left out (a weight changed inside it, a counter restarted): factor 1, and no silence either. `covers` are
    the signals it speaks of, None for all.
    """

    at: float
    seconds: float
    counts: tuple[Count, ...] = ()
    compared: bool = True
    blind: str = ""
    dropped: str = ""
    covers: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for count in self.counts:
            if not 0 <= count.bad <= count.n:
                raise ValueError(f"{count.pod}: {count.bad} bad of {count.n} requests")


@dataclass(frozen=True, slots=True)
class Seat:
    """Requests and bad outcomes of one arm so far."""

    n: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class Permutation:
    """(a3) beside (a3'): the value is the average of both."""

    linear: Bets = _LINEAR
    tilted: Bets = _TILTED

    @property
    def value(self) -> float:
        """Returns E."""
        return (self.linear.mean() + self.tilted.mean()) / 2.0

    def times(self, linear: tuple[float, ...], tilted: tuple[float, ...]) -> Permutation:
        """Multiplies both bets by a tick's factors."""
        return Permutation(self.linear.times(linear), self.tilted.times(tilted))


@dataclass(frozen=True, slots=True)
class Series:
    """The running state of one signal; `e` is the value of `regress`."""

    e: float = 1.0
    regress: Permutation = Permutation()
    relative: Permutation = Permutation()
    absolute: Bets = _ABSOLUTE
    advice: Bets = _ADVICE
    pool: tuple[Count, ...] = ()
    canary: Seat = Seat()
    stable: Seat = Seat()
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All a judge knows after `ticks` ticks; `series` in the order of the spec's signals.

    `peak` is the largest weighted E of rollback so far, `peaks` that of each criterion; `collapsed` names the criterion
    in which every canary pod failed; `recent` are the ticks of the last ten seconds, `suspected` the end of the last
    tick in which half of a canary pod's requests were bad.
    """

    series: tuple[Series, ...]
    peaks: tuple[float, ...]
    ticks: int = 0
    through: float = 0.0
    peak: float = 1.0
    blind: str = ""
    collapsed: str = ""
    recent: tuple[Group, ...] = ()
    suspected: float = float("-inf")

    @classmethod
    def start(cls, spec: Spec, *, through: float = 0.0) -> Evidence:
        """Returns what is known before the first tick."""
        signals = sum(len(criterion.signals) for criterion in spec.criteria)
        share = 1.0 / len(spec.criteria)
        return cls((Series(),) * signals, (share,) * len(spec.criteria), through=through)

    def of(self, spec: Spec, criterion: Criterion) -> tuple[Series, ...]:
        """Returns the series of one criterion."""
        start = 0
        for other in spec.criteria:
            if other.name == criterion.name:
                return self.series[start : start + len(other.signals)]
            start += len(other.signals)
        raise KeyError(criterion.name)

    @property
    def requests(self) -> int:
        """Returns the canary requests seen, of the signal that saw most."""
        return max(series.canary.n for series in self.series)


def arm_totals(counts: tuple[Count, ...]) -> tuple[Seat, Seat]:
    """Sums each arm's counts: canary, stable."""
    n = bad = others = their_bad = 0
    for count in counts:
        if count.arm is Arm.CANARY:
            n += count.n
            bad += count.bad
        else:
            others += count.n
            their_bad += count.bad
    return Seat(n, bad), Seat(others, their_bad)

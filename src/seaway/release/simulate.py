"""The judge against traffic that nobody served: null families, regressions, perfect releases.

`simulate` runs the very `advance` and `verdict` of a release on seeded counts, so that an owner can see what a margin,
an alpha or a tick would do before trusting them, and a test can count false rollbacks. Families follow what fools
request-level tests: drift, shared incidents, bursts, pods with moods, prompt lengths that shift.

Not here: any statement about real traffic; a family is a model and says which.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as counting
from math import cos, pi, sin, sqrt

from seaway.release.draws import Draws
from seaway.release.evidence import Evidence, Group, Spec
from seaway.release.exposure import Arm, Count
from seaway.release.judge import Outcome, Verdict, advance, verdict
from seaway.release.sequential import ABSOLUTE
from seaway.telemetry.eprocess import natural_log

_SPAN = 1 << 64
_GRID = 100_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate: `pods` of which `canary`, `rate` requests a pod and tick, bad share `share`.

    `worse` multiplies the canary's share; `burst` is the mean size of bursts; `ticks` the horizon, over which the
    drift has two cycles and the incident lasts from a third to 43 %.
    """

    family: str = "stationary"
    pods: int = 10
    canary: int = 2
    rate: int = 20
    share: float = 0.005
    worse: float = 1.0
    burst: int = 3
    ticks: int = 1800


@dataclass(frozen=True, slots=True)
class Run:
    """How one simulated release ended: at which tick, with how many canary requests."""

    outcome: Outcome
    reason: str
    ticks: int
    requests: int


def rollouts(scenario: Scenario, spec: Spec, seed: str, runs: int, *, promotes: bool = True) -> Iterator[Run]:
    """Yields the ends of `runs` releases; equal seeds give equal runs."""
    for number in range(runs):
        yield rollout(scenario, spec, f"{seed}/{number}", promotes=promotes)


def rollout(scenario: Scenario, spec: Spec, seed: str, *, promotes: bool = True) -> Run:
    """Runs one release until it is rolled back, promoted or out of ticks; early doubt holds and judging goes on.

    Without `promotes` it is watched to the horizon: false rollbacks are counted at every look, not up to a certificate.
    """
    evidence = Evidence.start(spec)
    for group in traffic(scenario, spec, seed):
        evidence = advance(evidence, spec, group)
        worse = evidence.collapsed or evidence.peak >= 1.0 / spec.alpha
        if worse or (promotes and may_promote(evidence, spec)):
            said = verdict(evidence, spec)
            if said.outcome in (Outcome.ROLLBACK, Outcome.PROMOTE):
                return _ended(said)
    return _ended(verdict(evidence, spec, spent=True))


def may_promote(evidence: Evidence, spec: Spec) -> bool:
    """Whether a look can find every criterion certified: either certificate needs 1/beta; spares most looks."""
    least = 1.0 / spec.beta
    return all(one.relative.value >= least or one.absolute.mean(ABSOLUTE) >= least for one in evidence.series)


def _ended(said: Verdict) -> Run:
    return Run(said.outcome, str(said.reason), said.ticks, said.requests)


def traffic(scenario: Scenario, spec: Spec, seed: str) -> Iterator[Group]:
    """Yields the ticks of one simulated release, each signal with counts of its own."""
    signals = [signal for criterion in spec.criteria for signal in criterion.signals]
    sources = [FAMILIES[scenario.family](scenario, signal, Draws(seed, signal)) for signal in signals]
    for tick in range(1, scenario.ticks + 1):
        counts = [count for source in sources for count in next(source)]
        yield Group(at=tick * spec.tick, seconds=spec.tick, counts=tuple(counts))


def pods_of(scenario: Scenario) -> list[tuple[str, Arm]]:
    """Returns the pods' ids and arms, the canary's first."""
    arms = [Arm.CANARY] * scenario.canary + [Arm.STABLE] * (scenario.pods - scenario.canary)
    return [(f"pod-{place:02d}", arm) for place, arm in enumerate(arms)]


Counts = Iterator[list[Count]]


def _levelled(level: Callable[[float], float]) -> Callable[[Scenario, str, Draws], Counts]:
    """Makes a family of independent requests whose bad share at a part of the horizon is `level` times the base."""

    def family(scenario: Scenario, signal: str, draws: Draws) -> Counts:
        pods, rate = pods_of(scenario), scenario.rate
        for tick in counting(1):
            times = level(tick / scenario.ticks)
            tables = {arm: _binomial_table(rate, _rounded(_share(scenario, arm, times))) for arm in Arm}
            yield [Count(signal, "", pod, arm, rate, bisect_right(tables[arm], draws.word())) for pod, arm in pods]

    return family


def _share(scenario: Scenario, arm: Arm, times: float) -> float:
    base = scenario.share * (scenario.worse if arm is Arm.CANARY else 1.0)
    return min(1.0, base * times)


def _bursts(scenario: Scenario, signal: str, draws: Draws) -> Counts:
    """Bad outcomes come in clusters: Poisson many in a pod and tick, each of geometric size with mean `burst`."""
    pods = pods_of(scenario)
    sizes = _geometric(scenario.burst)
    for _ in counting():
        counts = []
        for pod, arm in pods:
            clusters = _poisson(scenario.rate * _share(scenario, arm, 1.0) / scenario.burst, draws)
            bad = sum(1 + bisect_right(sizes, draws.word()) for _ in range(clusters))
            counts.append(Count(signal, "", pod, arm, scenario.rate, min(bad, scenario.rate)))
        yield counts


def _moods(scenario: Scenario, signal: str, draws: Draws) -> Counts:
    """Each pod's share wanders as AR(1): standard deviation 10 %, correlation 0.9 over 60 ticks."""
    pods = pods_of(scenario)
    keep = 0.9982455
    fresh = 0.1 * sqrt(1.0 - keep * keep)
    moods = [0.1 * _normal(draws) for _ in pods]
    for _ in counting():
        moods = [keep * mood + fresh * _normal(draws) for mood in moods]
        yield [
            Count(signal, "", pod, arm, scenario.rate, _binomial(scenario.rate, _share(scenario, arm, 1 + mood), draws))
            for (pod, arm), mood in zip(pods, moods, strict=True)
        ]


def _lengths(scenario: Scenario, signal: str, draws: Draws) -> Counts:
    """Long prompts fail five times as often; their part grows with time and is larger at the canary."""
    pods = pods_of(scenario)
    for tick in counting(1):
        drift = 0.2 * tick / scenario.ticks
        counts = []
        for pod, arm in pods:
            long = _binomial(scenario.rate, 0.3 + drift + (0.2 if arm is Arm.CANARY else 0.0), draws)
            for stratum, n, times in (("long", long, 2.0), ("short", scenario.rate - long, 0.4)):
                counts.append(Count(signal, stratum, pod, arm, n, _binomial(n, _share(scenario, arm, times), draws)))
        yield counts


def _steady(_: float) -> float:
    return 1.0


def _tide(part: float) -> float:
    return 1.0 + 0.6 * sin(4.0 * pi * part)


def _outage(part: float) -> float:
    return 5.0 if 1 / 3 <= part < 0.4333 else 1.0


FAMILIES: Mapping[str, Callable[[Scenario, str, Draws], Counts]] = {
    "stationary": _levelled(_steady),
    "drift": _levelled(_tide),
    "incident": _levelled(_outage),
    "bursts": _bursts,
    "moods": _moods,
    "lengths": _lengths,
}


def _binomial(n: int, share: float, draws: Draws) -> int:
    """Draws a binomial by inversion; the share is rounded to 1e-5."""
    return bisect_right(_binomial_table(n, _rounded(share)), draws.word()) if n else 0


def _rounded(share: float) -> int:
    return int(share * _GRID + 0.5)


@lru_cache(maxsize=1 << 16)
def _binomial_table(n: int, rounded: int) -> tuple[int, ...]:
    share = rounded / _GRID
    if share <= 0.0 or share >= 1.0:
        return (-1,) * n if share else ()
    chance = (1.0 - share) ** n
    return _cumulated(chance, lambda k: share * (n - k + 1) / ((1.0 - share) * k), n)


def _poisson(mean: float, draws: Draws) -> int:
    return bisect_right(_poisson_table(mean), draws.word())


@lru_cache(maxsize=1 << 12)
def _poisson_table(mean: float) -> tuple[int, ...]:
    return _cumulated(2.718281828459045**-mean, lambda k: mean / k, 200)


@lru_cache(maxsize=64)
def _geometric(mean: int) -> tuple[int, ...]:
    """Returns the table of size - 1, geometric with success 1/mean."""
    return _cumulated(1.0 / mean, lambda _: 1.0 - 1.0 / mean, 40 * mean)


def _cumulated(first: float, ratio: Callable[[int], float], most: int) -> tuple[int, ...]:
    """Returns cumulative probabilities as integers below 2**64; `ratio(k)` is P(k) / P(k - 1)."""
    table, chance, below = [], first, first
    for k in range(1, most + 1):
        table.append(min(_SPAN - 1, int(below * _SPAN)))
        chance *= ratio(k)
        below += chance
        if chance < 1e-18 and table[-1] > _SPAN // 2:
            break
    return tuple(table)


def _normal(draws: Draws) -> float:
    """Draws a standard normal (Box-Muller)."""
    radius = sqrt(-2.0 * natural_log((draws.word() + 1) / _SPAN))
    return radius * cos(2.0 * pi * draws.word() / _SPAN)

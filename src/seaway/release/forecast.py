"""How long a release will take to certify: told before it begins and while it waits; no decision hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log

from seaway.release.evidence import Criterion, Spec
from seaway.release.history import clean_factor
from seaway.release.sequential import ABSOLUTE
from seaway.telemetry.eprocess import Bets

_MOST = 200_000  # bets after which a forecast says never


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a release will see: `rate` requests a second at all pods, the canary's `share` of them, its `pods`."""

    rate: float
    share: float
    pods: int

    def per_pod(self, seconds: float) -> float:
        """Returns the canary requests of one pod in a tick."""
        return self.rate * self.share * seconds / self.pods


@dataclass(frozen=True, slots=True)
class Forecast:
    """Ticks, seconds and canary requests until certified; None where it would never be."""

    criterion: str
    ticks: int | None
    seconds: float | None
    requests: int | None


def min_requests(criterion: Criterion, requests: int, beta: float, pods: int = 2) -> int | None:
    """Returns the fewest canary requests that certify a perfect release at this many a pod and tick."""
    ticks = _perfect_ticks(criterion, requests, beta, pods)
    return None if ticks is None else ticks * requests * pods


def _perfect_ticks(criterion: Criterion, requests: int, beta: float, pods: int) -> int | None:
    """Counts bets, two a tick (one of a lone pod), until E_abs is 2/beta - 1: then E- is 1/beta with E_rel = 1."""
    if criterion.limit is None or requests < 1:
        return None
    factors = clean_factor(requests, criterion.limit, criterion.burst)
    bets, count = Bets.start(len(ABSOLUTE)), 0
    while bets.mean(ABSOLUTE) < 2.0 / beta - 1.0:
        bets, count = bets.times(factors), count + 1
        if count > _MOST:
            return None
    return ceil(count / min(2, pods))


def forecast(spec: Spec, criterion: Criterion, traffic: Traffic, share: float) -> Forecast:
    """Returns the sooner of both certificates for a release as bad as stable, whose bad share is `share`."""
    ticks = min(_relative(spec, criterion, traffic, share), _absolute(spec, criterion, traffic, share))
    if ticks == inf:
        return Forecast(criterion.name, None, None, None)
    whole = ceil(ticks)
    requests = ceil(whole * traffic.per_pod(spec.tick) * traffic.pods)
    return Forecast(criterion.name, whole, whole * spec.tick, requests)


def _relative(spec: Spec, criterion: Criterion, traffic: Traffic, share: float) -> float:
    """log growth a tick = pooled bad outcomes * kl(theta_true || theta_null), theta(psi) = w psi / (w psi + 1 - w)."""
    weight = traffic.share
    if not 0.0 < weight < 1.0 or share <= 0.0:
        return inf
    true, null = weight, weight * criterion.harm / (weight * criterion.harm + 1.0 - weight)
    divergence = true * log(true / null) + (1.0 - true) * log((1.0 - true) / (1.0 - null))
    growth = traffic.rate * spec.tick * share * divergence
    return log(1.0 / spec.beta) / growth


def _absolute(spec: Spec, criterion: Criterion, traffic: Traffic, share: float) -> float:
    """Bets n with 0.9 r**n = 2/beta - 1, r the geometric mean factor: second order in the share's noise."""
    limit, requests = criterion.limit, int(traffic.per_pod(spec.tick))
    if limit is None or requests < 1 or share >= limit:
        return inf
    if share == 0.0:
        ticks = _perfect_ticks(criterion, requests, spec.beta, traffic.pods)
        return inf if ticks is None else float(ticks)
    noise = share / (2.0 * requests * (1.0 - share))
    growth = log((1.0 - share) / (1.0 - limit)) - noise
    if criterion.burst or growth <= 0.0:
        return inf
    return log((2.0 / spec.beta - 1.0) / 0.9) / growth / min(2, traffic.pods)

"""From what a user wrote to what the judge is given: criteria, margins, bounds, fixed before the first outcome.

A criterion is judged in every service given; where several are, its name carries the service. U comes from an hour
or more of stable's history, else from the service's declared objective; with neither only the relative certificate
counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.app.release_keys import Criterion as CriterionKeys
from seaway.app.release_keys import ReleaseKeys, SloKeys
from seaway.digest import Digest
from seaway.errors import NotYet
from seaway.release.evidence import Criterion, Spec
from seaway.release.history import History, bound, margin

TIMED = frozenset({"latency", "ttft"})
BUDGETED = TIMED | {"cost"}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a judged service: its objectives, stable's history by criterion, the canary pods planned."""

    slo: SloKeys = field(default_factory=SloKeys)
    history: Mapping[str, History] = field(default_factory=dict)
    canary: int = 2


def spec_of(keys: ReleaseKeys, services: Mapping[str, Known], bundle: Digest, tick: float) -> Spec:
    """Returns the judge's spec for the services that are judged; raises NotYet for what no source counts."""
    several = len(services) > 1
    criteria = [
        _criterion(keys, each, service, known, f"{service}/{each.name}" if several else each.name)
        for service, known in sorted(services.items())
        for each in judged(keys, known.slo)
    ]
    judge = keys.judge
    return Spec(str(bundle), tuple(criteria), alpha=judge.alpha, beta=judge.beta, tick=judge.tick or tick)


def _criterion(keys: ReleaseKeys, each: CriterionKeys, service: str, known: Known, name: str) -> Criterion:
    judge = keys.judge
    history = known.history.get(each.name)
    seed = f"{service}/{each.name}"
    if each.name in BUDGETED:
        budget_of(each, known.slo)
    delta = judge.delta if each.delta is None else each.delta
    found = None if history is None or delta is None else bound(history, judge.beta, delta, seed)
    short = history is None or not history.enough
    return Criterion(
        name=name,
        signals=(seed,),
        margin=margin(history, known.canary, 600, seed) if judge.margin is None else judge.margin,
        harm=each.harm or judge.harm,
        delta=delta,
        bound=declared(each, known.slo) if short else found,
        burst=0 if judge.burst == "tick" else judge.burst,
    )


def judged(keys: ReleaseKeys, slo: SloKeys) -> tuple[CriterionKeys, ...]:
    """Returns the criteria of a service with these objectives: an optional one only where its budget is known."""
    return tuple(each for each in keys.criteria if not each.optional or _budget(each, slo) is not None)


def budget_of(each: CriterionKeys, slo: SloKeys) -> float:
    """Returns the seconds beyond which a request is bad: the budget, else the objective's only threshold."""
    found = _budget(each, slo)
    if found is None:
        raise NotYet(
            f"criterion {each.name} compared with stable's own quantiles",
            hint=f"give it a budget: {{{each.name}: {{budget: 250ms}}}}, or declare one threshold under slo",
        )
    return found


def _budget(each: CriterionKeys, slo: SloKeys) -> float | None:
    thresholds = tuple(_timed(each.name, slo).values())
    return each.budget if each.budget is not None else thresholds[0] if len(thresholds) == 1 else None


def _timed(name: str, slo: SloKeys) -> Mapping[str, float]:
    return {"latency": slo.latency, "ttft": slo.ttft}.get(name, {})


def declared(each: CriterionKeys, slo: SloKeys) -> float | None:
    """Returns the bad share that an objective allows, None where none is declared for exactly this outcome."""
    if each.name == "errors":
        return None if slo.availability is None else _rest(slo.availability)
    if each.name in TIMED:
        budget = budget_of(each, slo)
        fitting = [float(quantile[1:]) for quantile, limit in _timed(each.name, slo).items() if limit == budget]
        return _rest(max(fitting)) if fitting else None
    target = slo.evaluations.get(each.name, slo.feedback.get(each.name))
    return None if target is None else _rest(target)


def _rest(percent: float) -> float:
    """Returns what a target in percent leaves, in steps of 1e-5."""
    return round((100.0 - percent) / 100.0, 5)

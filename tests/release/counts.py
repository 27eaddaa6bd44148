"""Ticks for tests: pods by arm, counts by hand."""

from __future__ import annotations

from collections.abc import Sequence

from seaway.release.evidence import Criterion, Evidence, Group, Spec
from seaway.release.exposure import Arm, Count
from seaway.release.judge import advance

Pods = Sequence[tuple[int, int]]


def counted(signal: str, canary: Pods, stable: Pods, stratum: str = "") -> tuple[Count, ...]:
    """Returns counts of (requests, bad) for each canary and each stable pod."""
    mine = [Count(signal, stratum, f"canary-{place}", Arm.CANARY, *pod) for place, pod in enumerate(canary)]
    others = [Count(signal, stratum, f"stable-{place}", Arm.STABLE, *pod) for place, pod in enumerate(stable)]
    return (*mine, *others)


def spec(*criteria: Criterion, seed: str = "bundle", alpha: float = 0.01) -> Spec:
    """Returns a spec of these criteria, by default errors with U = 0.53 %."""
    return Spec(seed, criteria or (Criterion("errors", ("errors",), bound=0.0053),), alpha=alpha)


def fed(rules: Spec, *ticks: tuple[Count, ...], compared: bool = True) -> Evidence:
    """Returns the evidence after these ticks, a second each."""
    evidence = Evidence.start(rules)
    for number, counts in enumerate(ticks, start=1):
        evidence = advance(evidence, rules, Group(float(number), 1.0, counts, compared=compared))
    return evidence

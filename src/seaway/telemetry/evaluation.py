"""Scores of a suite against thresholds: a threshold passes only if the lower bound of the mean does. Pure.

The bound has 95 % confidence: Clopper and Pearson (Biometrika 26, 1934) where every score is 0 or 1, else the betting
bound of Waudby-Smith and Ramdas (arXiv 2010.09686, eq. 21, a fixed mixture of bets). An interval that straddles the
threshold decides nothing, and nothing undecided passes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, lgamma, log, log1p

from seaway.errors import EvaluationInconclusive, NotYet

ALPHA = 0.05
LARGEST = 64 << 20
_BETS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_STEPS = 60
_THRESHOLD = re.compile(r"\s*(>=|<=)\s*(0(?:\.\d+)?|1(?:\.0+)?|\.\d+)\s*")


class Met(StrEnum):
    """Whether a threshold is met: yes, no, or the interval straddles it."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Scores:
    """A score file: values in [0, 1] by metric, a value a case, in the order of the cases."""

    dataset: str
    seed: int
    cases: tuple[str, ...]
    metrics: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric: its mean with bounds, and whether its threshold is met."""

    name: str
    n: int
    mean: float
    low: float
    high: float
    threshold: str
    met: Met

    def json(self) -> dict[str, object]:
        """Returns the metric as a statement has it, rounded to 12 digits."""
        numbers = {name: round(getattr(self, name), 12) for name in ("mean", "low", "high")}
        return {"name": self.name, "n": self.n, **numbers, "threshold": self.threshold, "met": str(self.met)}


def read_scores(data: bytes) -> Scores:
    """Reads a score file (observe.md, section 8); raises EvaluationInconclusive with the place of what is wrong."""
    if len(data) > LARGEST:
        raise EvaluationInconclusive("a score file over 64 MiB", where="scores")
    try:
        body = json.loads(data, parse_constant=_no_constant)
        cases = [str(case["case"]) for case in body["cases"]]
        names = sorted(body["cases"][0]["scores"]) if cases else []
        metrics = {name: tuple(_score(case["scores"][name], name) for case in body["cases"]) for name in names}
        if body["version"] != 1 or any(sorted(case["scores"]) != names for case in body["cases"]):
            raise ValueError("another version, or cases with other metrics")
        scores = Scores(str(body["dataset"]), int(body["seed"]), tuple(cases), metrics)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise EvaluationInconclusive(f"not a score file: {error!r}", where="scores") from error
    if not cases or len(set(cases)) != len(cases):
        raise EvaluationInconclusive("no case, or a case twice", where="scores")
    return scores


def measure(name: str, values: Sequence[float], threshold: str) -> Measured:
    """Measures a metric against a threshold like `>= 0.35`; raises NotYet for `previous`, EvaluationInconclusive."""
    if threshold.strip() == "previous":
        raise NotYet("the threshold `previous`", hint=f'{name}: ">= 0.8"')
    found = _THRESHOLD.fullmatch(threshold)
    if found is None:
        raise EvaluationInconclusive(f"{threshold!r} is not a threshold", where=name, hint=f'{name}: ">= 0.8"')
    low, high = bounds(values)
    limit, at_least = float(found[2]), found[1] == ">="
    yes, no = (low >= limit, high < limit) if at_least else (high <= limit, low > limit)
    met = Met.YES if yes else Met.NO if no else Met.UNDECIDED
    return Measured(name, len(values), sum(values) / len(values), low, high, threshold.strip(), met)


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Returns a lower and an upper bound of the mean, each with 95 % confidence of its own side."""
    if all(value in (0.0, 1.0) for value in values):
        hits, n = int(sum(values)), len(values)
        return _clopper_pearson(hits, n), 1.0 - _clopper_pearson(n - hits, n)
    return _betting(values), 1.0 - _betting([1.0 - value for value in values])


def _clopper_pearson(hits: int, n: int) -> float:
    """Returns the p at which `hits` or more of n have probability ALPHA; 0 for no hit."""
    if hits == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _tail(hits, n, middle) < ALPHA else (low, middle)
    return low


def _tail(hits: int, n: int, p: float) -> float:
    """P(X >= hits) for X binomial(n, p), summed in the log domain."""
    if p <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1.0
    terms = [
        lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p) for k in range(hits, n + 1)
    ]
    top = max(terms)
    return exp(top) * sum(exp(term - top) for term in terms)


def _betting(values: Sequence[float]) -> float:
    """Returns the largest m against which bets that the mean is above m have won 1/ALPHA."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _won(values, middle) else (low, middle)
    return low


def _won(values: Sequence[float], m: float) -> bool:
    """Tells whether the mixture of capitals, each betting a fixed share of what may be lost, reached 1/ALPHA."""
    if m <= 0.0:
        return True
    logs = [
        sum(log1p(share * (value / m - 1.0)) if share * (value / m - 1.0) > -1.0 else -1e9 for value in values)
        for share in _BETS
    ]
    top = max(logs)
    return top + log(sum(exp(each - top) for each in logs) / len(logs)) >= log(1.0 / ALPHA)


def _score(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{name}: {value!r} is not in [0, 1]")
    return float(value)


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no score")

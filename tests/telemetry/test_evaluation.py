"""Scores against thresholds: known bounds, bounds that hold by simulation, and nothing undecided that passes."""

from __future__ import annotations

import json
import random

import pytest

from seaway.errors import EvaluationInconclusive, NotYet
from seaway.telemetry.evaluation import ALPHA, Met, bounds, measure, read_scores

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0.0, 1 - 0.05 ** (1 / 10)),
        (10, 10, 0.05 ** (1 / 10), 1.0),
        (1, 1, 0.05, 1.0),
        (1, 10, 1 - 0.95 ** (1 / 10), 0.3941633),
        (5, 10, 0.2224411, 0.7775589),
        (9, 10, 0.6058367, 0.95 ** (1 / 10)),
    ],
)
def test_clopper_pearson_has_its_known_values(hits: int, n: int, low: float, high: float) -> None:
    """Closed forms at the edges and tabled values of the one-sided 95 % bounds between."""
    assert bounds([1.0] * hits + [0.0] * (n - hits)) == pytest.approx((low, high), abs=2e-6)


def test_the_betting_bound_fails_no_oftener_than_it_says() -> None:
    """Over 300 samples of a skewed mean the lower bound is above the truth in at most alpha, and three sigmas."""
    draw = random.Random(11)
    samples = [[draw.betavariate(0.4, 1.2) for _ in range(40)] for _ in range(300)]
    wrong = sum(bounds(sample)[0] > 0.25 for sample in samples)
    assert wrong <= 300 * ALPHA + 3 * (300 * ALPHA * (1 - ALPHA)) ** 0.5


def test_the_betting_bound_is_worth_something() -> None:
    """200 scores with mean 0.5 and little spread pin the mean within a tenth on either side."""
    draw = random.Random(3)
    low, high = bounds([draw.uniform(0.4, 0.6) for _ in range(200)])
    assert 0.4 < low < 0.5 < high < 0.6


def test_the_two_betting_bounds_mirror_each_other() -> None:
    """Scores turned round give the bounds turned round."""
    values = [0.1, 0.7, 0.35, 0.9, 0.2]
    low, high = bounds(values)
    assert bounds([1.0 - value for value in values]) == pytest.approx((1.0 - high, 1.0 - low), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "threshold", "met"),
    [
        (100, ">= 0.9", Met.YES),
        (50, ">= 0.9", Met.NO),
        (92, ">= 0.9", Met.UNDECIDED),
        (0, "<= 0.1", Met.YES),
        (50, "<= 0.1", Met.NO),
        (8, "<= 0.1", Met.UNDECIDED),
    ],
)
def test_a_threshold_passes_only_with_its_bound(hits: int, threshold: str, met: Met) -> None:
    """A mean on the right side whose interval straddles the threshold decides nothing."""
    assert measure("right", [1.0] * hits + [0.0] * (100 - hits), threshold).met is met


def test_a_threshold_on_the_former_version_is_not_there_yet() -> None:
    """`previous` says so itself."""
    with pytest.raises(NotYet):
        measure("right", [1.0], "previous")


def test_what_is_no_threshold_is_refused() -> None:
    """A limit above one can never be met and is a slip."""
    with pytest.raises(EvaluationInconclusive, match="not a threshold"):
        measure("right", [1.0], ">= 1.5")


def _file(**changes: object) -> bytes:
    body = {"version": 1, "dataset": "d", "seed": 4, "cases": [{"case": "a", "scores": {"right": 1}}]}
    return json.dumps({**body, **changes}).encode()


def test_scores_are_read_by_metric() -> None:
    """In the order of the cases."""
    cases = [{"case": name, "scores": {"right": score}} for name, score in (("a", 1), ("b", 0.5))]
    scores = read_scores(_file(cases=cases))
    assert (scores.seed, scores.cases, scores.metrics) == (4, ("a", "b"), {"right": (1.0, 0.5)})


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        _file(version=2),
        _file(cases=[]),
        _file(cases=[{"case": "a", "scores": {"right": 1}}] * 2),
        _file(cases=[{"case": "a", "scores": {"right": 1.1}}]),
        _file(cases=[{"case": "a", "scores": {"right": True}}]),
        _file(cases=[{"case": "a", "scores": {"right": 1}}, {"case": "b", "scores": {"other": 1}}]),
        _file().replace(b'"right": 1', b'"right": NaN'),
    ],
)
def test_a_score_file_that_says_nothing_sure_is_inconclusive(data: bytes) -> None:
    """Damage, another version, no case, a case twice, a score outside [0, 1], cases with other metrics."""
    with pytest.raises(EvaluationInconclusive):
        read_scores(data)

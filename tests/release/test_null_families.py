"""Error rates by simulation: six null families, regressions found, perfect releases promoted in time.

CI: 1,000 runs a family over 450 ticks, so that a core needs a few minutes; drift and incident are compressed to that
horizon and each run is watched to its end at every tick, with no promotion to stop it. `make long`: 10,000 runs over
1,800 ticks. The seed is fresh and printed; SEAWAY_SEED repeats a run.
"""

from __future__ import annotations

import os
import secrets
from math import comb

import pytest

from seaway.release.evidence import Criterion, Spec
from seaway.release.judge import Outcome
from seaway.release.simulate import FAMILIES, Scenario, rollouts, traffic

LONG = os.environ.get("SEAWAY_LONG") == "1"
RUNS, TICKS = (10_000, 1_800) if LONG else (1_000, 450)
SEED = os.environ.get("SEAWAY_SEED") or secrets.token_hex(8)
BURSTS = (2, 3, 5, 10)
ERRORS = Spec(SEED, (Criterion("errors", ("errors",)),))
BOUNDED = Spec(SEED, (Criterion("errors", ("errors",), bound=0.0053),))


def tail(hits: int, runs: int, rate: float) -> float:
    """Returns the chance of at least this many hits where each run hits with `rate`."""
    below = sum(comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(hits))
    return 1.0 - below


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_equal_versions_are_rolled_back_in_at_most_1_percent(family: str) -> None:
    """False rollbacks at the default margin, a look at every tick; bursts of mean 2, 3, 5 and 10 in turn."""
    bursts = BURSTS if family == "bursts" else (3,)
    hits = 0
    for burst in bursts:
        scenario = Scenario(family=family, burst=burst, ticks=TICKS)
        ends = rollouts(scenario, ERRORS, f"{SEED}/{family}/{burst}", RUNS // len(bursts), promotes=False)
        hits += sum(run.outcome is Outcome.ROLLBACK for run in ends)
    print(f"{family}: {hits} of {RUNS} rolled back over {TICKS} ticks, seed {SEED}")
    assert tail(hits, RUNS, 0.01) > 1e-4, f"{hits} of {RUNS} false rollbacks, seed {SEED}"


def test_the_margin_of_safety_is_not_an_empty_test() -> None:
    """The same count finds a regression: at twice the errors most runs are rolled back within the horizon."""
    ends = list(rollouts(Scenario(worse=2.0, ticks=450), ERRORS, f"{SEED}/2x", 60, promotes=False))
    found = sorted(run.ticks for run in ends if run.outcome is Outcome.ROLLBACK)
    print(f"2x: {len(found)} of 60 found, median tick {found[len(found) // 2]}, seed {SEED}")
    assert len(found) >= 50
    assert found[len(found) // 2] <= 200


def test_five_times_the_errors_are_found_in_35_ticks() -> None:
    """Median of detection at 200 requests a second, 0.5 %, two of ten pods."""
    ends = list(rollouts(Scenario(worse=5.0, ticks=450), ERRORS, f"{SEED}/5x", 60, promotes=False))
    found = sorted(run.ticks for run in ends if run.outcome is Outcome.ROLLBACK)
    assert len(found) == 60
    assert found[30] <= 35


def test_perfect_releases_are_promoted_at_their_forecast() -> None:
    """Without a bad outcome nothing is random: 261 ticks of 40 canary requests, every time."""
    ends = list(rollouts(Scenario(share=0.0, ticks=300), BOUNDED, f"{SEED}/perfect", 3))
    assert {(run.outcome, run.ticks, run.requests) for run in ends} == {(Outcome.PROMOTE, 261, 261 * 40)}


@pytest.mark.parametrize("family", ["stationary", "bursts", "moods"])
def test_exactly_the_harm_is_promoted_in_at_most_1_percent(family: str) -> None:
    """At twice stable and stable + 2 delta a promotion is wrong; rolled back or held are both right."""
    scenario = Scenario(family=family, share=0.01, worse=2.0, burst=3, ticks=450)
    spec = Spec(SEED, (Criterion("errors", ("errors",), bound=0.0103),))
    runs = 2_000 if LONG else 100
    hits = sum(run.outcome is Outcome.PROMOTE for run in rollouts(scenario, spec, f"{SEED}/harm/{family}", runs))
    assert tail(hits, runs, 0.01) > 1e-4, f"{hits} of {runs} wrong promotions, seed {SEED}"


def test_equal_seeds_give_equal_runs() -> None:
    """A simulation is repeated by its seed alone."""
    scenario = Scenario(family="bursts", ticks=60)
    first, again = (list(rollouts(scenario, ERRORS, "seed", 3)) for _ in range(2))
    assert first == again
    assert first != list(rollouts(scenario, ERRORS, "other", 3))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_families_have_the_mean_they_say(family: str) -> None:
    """Each family's bad share, averaged over time, is the base share (incidents and lengths: what they add to it)."""
    scenario = Scenario(family=family, share=0.05, ticks=600)
    counts = [count for group in traffic(scenario, ERRORS, "mean") for count in group.counts]
    share = sum(count.bad for count in counts) / sum(count.n for count in counts)
    expected = {"incident": 0.07, "lengths": 0.0552}.get(family, 0.05)
    assert share == pytest.approx(expected, rel=0.05)

"""What stable's past allows: U, margins, tick lengths, and criteria made of what a user wrote."""

from __future__ import annotations

import random

import pytest

from seaway.app.release_keys import Criterion as Keys
from seaway.app.release_keys import JudgeKeys, ReleaseKeys, SloKeys
from seaway.digest import Digest
from seaway.errors import NotYet
from seaway.release.criteria import Known, spec_of
from seaway.release.evidence import Criterion, Spec
from seaway.release.forecast import Traffic, forecast
from seaway.release.history import History, bad_runs, bound, margin, tick_length

pytestmark = pytest.mark.rootless

BUNDLE = Digest.of(b"bundle")


def past(share: float, *, ticks: int = 3600, pods: int = 4, requests: int = 20, seed: int = 1) -> History:
    """Returns an hour of independent requests with this bad share."""
    chance = random.Random(seed)
    rows = [
        tuple((requests, sum(chance.random() < share for _ in range(requests))) for _ in range(pods))
        for _ in range(ticks)
    ]
    return History(float(ticks), tuple(rows))


def test_u_bounds_the_past_from_above() -> None:
    """An hour at 0.5 % gives a U a little above its mean."""
    history = past(0.005)
    found = bound(history, 0.01, 0.005, "seed")
    assert found is not None
    assert history.share < found <= history.share + 0.0025


def test_u_is_the_least_that_certifies() -> None:
    """Clean hours give U near ln(2000/0.9) over the bets made."""
    found = bound(past(0.0, ticks=3600), 0.01, 0.005, "seed")
    assert found == pytest.approx(7.7 / 7200, abs=2e-5)


def test_a_short_past_bounds_nothing() -> None:
    """Under an hour, or an hour that leaves U too far above its mean: None."""
    assert bound(past(0.005, ticks=600), 0.01, 0.005, "seed") is None
    sparse = History(3600.0, past(0.005, ticks=300).ticks)
    assert bound(sparse, 0.01, 0.005, "seed") is None
    assert bound(History(7200.0, ()), 0.01, 0.005, "seed") is None


def test_the_margin_is_learned_from_stable_against_stable() -> None:
    """A quiet past gives the floor; pods with moods of their own give more; none gives 20 %."""
    assert margin(past(0.3, pods=6), 2, 600, "seed") == 0.10
    moody = tuple(((200, 40), (200, 20), (200, 30), (200, 20)) for _ in range(3600))
    assert margin(History(3600.0, moody), 1, 600, "seed") == pytest.approx(40 / (70 / 3) - 1, rel=0.01)
    assert margin(None, 2, 600, "seed") == 0.20
    assert margin(past(0.3, ticks=600), 2, 600, "seed") == 0.20


@pytest.mark.parametrize(
    ("rate", "resolution", "runs", "expected"),
    [
        (20, 1, 0, 1),
        (4, 1, 0, 2),
        (1, 1, 0, 5),
        (0.05, 1, 0, 120),
        (0.001, 1, 0, 300),
        (20, 15, 0, 15),
        (20, 2, 0, 2),
        (20, 1, 7, 10),
    ],
)
def test_the_least_tick_with_five_requests_a_pod(rate: float, resolution: float, runs: float, expected: float) -> None:
    """A multiple of the source's resolution, and not below the length of bad spells."""
    assert tick_length(rate, resolution, runs=runs) == expected


def test_bad_spells_are_measured_where_they_are_rare() -> None:
    """Runs of five bad ticks on one pod; where a tenth of all is bad it says nothing."""
    calm = [((10, 0), (10, 0))] * 60
    spell = [((10, 5), (10, 0))] * 5
    assert bad_runs(History(3600.0, tuple([*calm, *spell] * 4)), 1.0) == 5.0
    assert bad_runs(History(3600.0, tuple(spell * 10)), 1.0) == 0.0
    assert bad_runs(History(3600.0, tuple(calm)), 1.0) == 0.0


DEMO = ReleaseKeys(
    criteria=(Keys("errors"), Keys("helpful"), Keys("latency", budget=0.25)), judge=JudgeKeys(margin=0.10, burst=1)
)
SLO = SloKeys(availability=99.0, latency={"p95": 0.25})


def test_the_demo_spec() -> None:
    """errors: U = 1 % from availability; latency: U = 5 % from its p95; helpful: relative alone."""
    spec = spec_of(DEMO, {"api": Known(SLO)}, BUNDLE, 1.0)
    assert [(each.name, each.signals, each.bound, each.burst, each.margin) for each in spec.criteria] == [
        ("errors", ("api/errors",), 0.01, 1, 0.10),
        ("helpful", ("api/helpful",), None, 1, 0.10),
        ("latency", ("api/latency",), 0.05, 1, 0.10),
    ]
    assert (spec.seed, spec.tick) == (str(BUNDLE), 1.0)


def test_services_are_judged_apart() -> None:
    """Two services: each criterion twice, named by its service."""
    spec = spec_of(ReleaseKeys(criteria=(Keys("errors"),)), {"web": Known(), "api": Known()}, BUNDLE, 1.0)
    assert [each.name for each in spec.criteria] == ["api/errors", "web/errors"]
    assert [each.margin for each in spec.criteria] == [0.20, 0.20]


def test_history_comes_before_a_declared_objective() -> None:
    """With an hour of history U is learned, not declared."""
    spec = spec_of(DEMO, {"api": Known(SLO, {"errors": past(0.0)})}, BUNDLE, 1.0)
    assert spec.criteria[0].bound == pytest.approx(7.7 / 7200, abs=2e-5)


def test_a_criterion_overrides_the_judge() -> None:
    """delta and harm of its own; a budget that no objective names has no U."""
    keys = ReleaseKeys(criteria=(Keys("errors", delta=0.01, harm=3.0), Keys("latency", budget=0.5)))
    errors, latency = spec_of(keys, {"api": Known(SLO)}, BUNDLE, 1.0).criteria
    assert (errors.delta, errors.harm) == (0.01, 3.0)
    assert latency.bound is None


def test_latency_without_a_budget_takes_the_objective_or_says_not_yet() -> None:
    """One declared threshold is the budget; none, or two, leave it open."""
    keys = ReleaseKeys(criteria=(Keys("latency"),))
    assert spec_of(keys, {"api": Known(SLO)}, BUNDLE, 1.0).criteria[0].bound == 0.05
    for slo in (SloKeys(), SloKeys(latency={"p50": 0.1, "p95": 0.25})):
        with pytest.raises(NotYet, match="criterion latency"):
            spec_of(keys, {"api": Known(slo)}, BUNDLE, 1.0)


def test_an_evaluation_has_its_target_as_bound() -> None:
    """feedback or evaluations by name: 100 % minus the target."""
    keys = ReleaseKeys(criteria=(Keys("helpful"), Keys("valid")))
    slo = SloKeys(feedback={"helpful": 60.0}, evaluations={"valid": 99.9})
    assert [each.bound for each in spec_of(keys, {"api": Known(slo)}, BUNDLE, 1.0).criteria] == [0.4, 0.001]


def test_a_forecast_is_the_sooner_certificate() -> None:
    """At 200 requests a second, 10 %, 0.5 %: ln(100)/0.026 = 177 s; perfect beside perfect 261 ticks."""
    criterion = Criterion("errors", ("errors",), bound=0.0053)
    spec = Spec("seed", (criterion,))
    assert forecast(spec, criterion, Traffic(200.0, 0.1, 2), 0.005).seconds == pytest.approx(177, abs=2)
    perfect = forecast(spec, criterion, Traffic(200.0, 0.1, 2), 0.0)
    assert (perfect.ticks, perfect.requests) == (261, 5220)


def test_a_forecast_may_be_never() -> None:
    """Without bad outcomes and without U neither certificate moves."""
    criterion = Criterion("errors", ("errors",))
    assert forecast(Spec("seed", (criterion,)), criterion, Traffic(200.0, 0.1, 2), 0.0).ticks is None

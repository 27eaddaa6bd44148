"""The judge: when it rolls back, holds, promotes and goes on, and that it does so again with the same bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.release.evidence import Criterion, Evidence, Group, Spec
from seaway.release.exposure import Arm, Count
from seaway.release.judge import Outcome, Reason, advance, verdict
from tests.release.counts import counted, fed, spec

pytestmark = pytest.mark.rootless

CLEAN = counted("errors", [(50, 0)] * 2, [(50, 0)] * 3)
WORSE = counted("errors", [(50, 12), (50, 11)], [(50, 1), (50, 0), (50, 1)])


def test_the_words_of_a_verdict_are_those_on_record() -> None:
    """Evidence files, ledgers and runbooks hold these words: they are never spelt otherwise."""
    assert list(Outcome) == ["continue", "promote", "hold", "rollback"]
    assert list(Reason) == ["", "regressed", "collapsed", "blind", "doubtful", "budget"]


def test_nothing_counted_goes_on() -> None:
    """Before the first ticks there is neither a hold nor an end."""
    said = verdict(Evidence.start(spec()), spec())
    assert (said.outcome, said.requests, said.e) == (Outcome.CONTINUE, 0, 1.0)


def test_perfect_release_is_promoted_after_261_ticks_of_100() -> None:
    """With U = 0.53 % the verdict is promote at tick 261 and not at 260."""
    assert verdict(fed(spec(), *[CLEAN] * 260), spec()).outcome is Outcome.CONTINUE
    said = verdict(fed(spec(), *[CLEAN] * 261), spec())
    assert (said.outcome, said.requests, said.ticks) == (Outcome.PROMOTE, 26_100, 261)
    assert (said.criterion, said.says) == ("", "every criterion is certified")


def test_burst_1_certifies_the_demo_in_384_requests() -> None:
    """U = 1 %, delta 0.5 %, burst 1, 32 canary requests a tick: tick 12."""
    rules = spec(Criterion("errors", ("errors",), bound=0.01, burst=1))
    clean = counted("errors", [(16, 0)] * 2, [(16, 0)] * 3)
    assert verdict(fed(rules, *[clean] * 11), rules).outcome is Outcome.CONTINUE
    assert verdict(fed(rules, *[clean] * 12), rules).outcome is Outcome.PROMOTE


def test_a_worse_canary_is_rolled_back() -> None:
    """Twenty times the errors on both canary pods crosses 1/alpha within seconds."""
    said = verdict(fed(spec(), *[WORSE] * 8), spec())
    assert (said.outcome, said.reason, said.criterion) == (Outcome.ROLLBACK, Reason.REGRESSED, "errors")
    assert said.e >= 100.0
    assert said.spent == pytest.approx(1.0 / said.e)


def test_a_rollback_stays_said() -> None:
    """The running maximum decides: clean ticks afterwards do not take it back."""
    evidence = fed(spec(), *[WORSE] * 8, *[CLEAN] * 50)
    assert verdict(evidence, spec()).outcome is Outcome.ROLLBACK


def test_a_better_canary_is_never_rolled_back() -> None:
    """Where stable has the errors, E of rollback falls."""
    better = counted("errors", [(50, 0), (50, 1)], [(50, 12), (50, 11), (50, 12)])
    said = verdict(fed(spec(), *[better] * 200), spec())
    assert said.outcome is Outcome.PROMOTE
    assert said.standings[0].regress < 1.0


def test_the_margin_is_what_stable_noise_may_be() -> None:
    """A canary 10 % worse at a margin of 30 % is left alone where a margin of zero would roll it back."""
    slightly = counted("errors", [(500, 110)] * 2, [(500, 100)] * 3)
    wide = spec(Criterion("errors", ("errors",), margin=0.3, delta=None))
    none = spec(Criterion("errors", ("errors",), margin=0.0, delta=None))
    assert verdict(fed(wide, *[slightly] * 100), wide).outcome is not Outcome.ROLLBACK
    assert verdict(fed(none, *[slightly] * 100), none).outcome is Outcome.ROLLBACK


def test_advice_only_holds() -> None:
    """Requests that differ while pods do not prove it: (a2) holds as doubtful and never rolls back."""
    lone = counted("errors", [(500, 60)], [(500, 2)])
    evidence = fed(spec(), *[lone] * 3)
    said = verdict(evidence, spec())
    assert said.standings[0].advice >= 100.0
    assert said.e < 100.0
    assert (said.outcome, said.reason) == (Outcome.HOLD, Reason.DOUBTFUL)
    assert said.says.startswith("requests differ, pods not yet: errors: bad 12.0% / 0.4%  E ")


def test_doubt_comes_before_promotion() -> None:
    """First match: a certified criterion does not promote while (a2) doubts another."""
    rules = spec(Criterion("errors", ("errors",), bound=0.5), Criterion("helpful", ("helpful",), bound=0.0))
    doubt = (*counted("errors", [(500, 100)], [(500, 20)]), *counted("helpful", [(500, 0)], [(500, 0)]))
    said = verdict(fed(rules, *[doubt] * 5), rules)
    assert (said.outcome, said.reason, said.criterion) == (Outcome.HOLD, Reason.DOUBTFUL, "errors")


def test_the_guilty_criterion_is_named() -> None:
    """Of two criteria the one with the evidence is named, at half the weight each."""
    rules = spec(Criterion("errors", ("errors",)), Criterion("helpful", ("helpful",)))
    tick = (*CLEAN, *counted("helpful", [(50, 40), (50, 39)], [(50, 15), (50, 16), (50, 14)]))
    said = verdict(fed(rules, *[tick] * 12), rules)
    assert (said.outcome, said.criterion) == (Outcome.ROLLBACK, "helpful")
    assert said.e == pytest.approx((said.standings[0].regress + said.standings[1].regress) / 2, rel=0.01)


def test_every_criterion_has_to_be_certified() -> None:
    """One certified criterion of two goes on, and the missing one is named."""
    rules = spec(Criterion("errors", ("errors",), bound=0.0053), Criterion("slow", ("slow",), delta=None))
    tick = (*CLEAN, *counted("slow", [(50, 0)] * 2, [(50, 0)] * 3))
    said = verdict(fed(rules, *[tick] * 300), rules)
    assert (said.outcome, said.says) == (Outcome.CONTINUE, "not yet certified: slow")


def test_without_delta_only_the_relative_certificate_counts() -> None:
    """delta null: E- is (R) alone; with equal errors it moves, with none it stays exactly one."""
    rules = spec(Criterion("errors", ("errors",), delta=None, bound=0.01))
    still = verdict(fed(rules, *[CLEAN] * 100), rules).standings[0]
    assert (still.absolute, still.relative, still.certificate) == (None, 1.0, 1.0)
    equal = counted("errors", [(50, 5)] * 2, [(50, 5)] * 3)
    assert verdict(fed(rules, *[equal] * 100), rules).outcome is Outcome.PROMOTE


def test_a_spent_budget_holds_with_what_is_missing() -> None:
    """Time over and not certified: hold, budget."""
    said = verdict(fed(spec(), *[CLEAN] * 5), spec(), spent=True)
    assert (said.outcome, said.reason, said.criterion) == (Outcome.HOLD, Reason.BUDGET, "errors")


@pytest.mark.parametrize("arm", [Arm.CANARY, Arm.STABLE])
def test_three_silent_ticks_are_blind(arm: Arm) -> None:
    """No sample of one arm for three ticks holds; two do not; data ends it."""
    silent = tuple(count for count in CLEAN if count.arm is not arm)
    assert verdict(fed(spec(), CLEAN, silent, silent), spec()).outcome is Outcome.CONTINUE
    said = verdict(fed(spec(), CLEAN, silent, silent, silent), spec())
    assert (said.outcome, said.reason) == (Outcome.HOLD, Reason.BLIND)
    assert verdict(fed(spec(), CLEAN, silent, silent, silent, CLEAN), spec()).outcome is Outcome.CONTINUE


def test_at_all_traffic_a_missing_stable_is_no_blindness() -> None:
    """With `compared` False only the canary has to be heard."""
    alone = tuple(count for count in CLEAN if count.arm is Arm.CANARY)
    assert verdict(fed(spec(), *[alone] * 5, compared=False), spec()).outcome is Outcome.CONTINUE


def test_a_blind_tick_multiplies_nothing_and_holds() -> None:
    """A failed source holds with its reason; the products are those of before."""
    before = fed(spec(), *[CLEAN] * 300)
    after = advance(before, spec(), Group(301.0, 1.0, blind="envoy: 500"))
    said = verdict(after, spec())
    assert (said.outcome, said.reason, said.says) == (Outcome.HOLD, Reason.BLIND, "envoy: 500")
    assert (after.series, after.ticks) == (before.series, 301)
    assert verdict(advance(after, spec(), Group(302.0, 1.0, CLEAN)), spec()).outcome is Outcome.PROMOTE


def test_a_dropped_tick_is_neither_data_nor_silence() -> None:
    """A tick in which a weight changed multiplies by one and is not counted as silent."""
    before = fed(spec(), CLEAN)
    after = before
    for number in range(2, 9):
        after = advance(after, spec(), Group(float(number), 1.0, dropped="a weight changed"))
    assert (after.series, after.ticks) == (before.series, 8)
    assert verdict(after, spec()).outcome is Outcome.CONTINUE


def test_a_signal_that_a_tick_does_not_cover_is_left_alone() -> None:
    """Sources that tick apart do not make each other silent."""
    rules = spec(Criterion("errors", ("errors",)), Criterion("slow", ("slow",)))
    evidence = fed(rules, (*CLEAN, *counted("slow", [(9, 0)] * 2, [(9, 0)])))
    after = advance(evidence, rules, Group(2.0, 1.0, CLEAN, covers=("errors",)))
    assert after.series[1] == evidence.series[1]
    assert after.series[0].canary.n == 200


def test_collapse_is_seen_within_ten_seconds() -> None:
    """Every canary pod half bad on 20 requests while stable is clean rolls back outside alpha."""
    collapsed = counted("errors", [(10, 5)] * 2, [(10, 0)] * 3)
    assert fed(spec(), collapsed).collapsed == ""
    said = verdict(fed(spec(), collapsed, collapsed), spec())
    assert (said.outcome, said.reason, said.criterion) == (Outcome.ROLLBACK, Reason.COLLAPSED, "errors")


@pytest.mark.parametrize(
    ("canary", "stable"),
    [
        pytest.param([(10, 5), (10, 4)], [(10, 0)] * 3, id="one canary pod is under half"),
        pytest.param([(9, 9)] * 2, [(10, 0)] * 3, id="fewer than 20 requests"),
        pytest.param([(10, 5)] * 2, [(10, 1)] * 3, id="stable is bad too"),
    ],
)
def test_what_is_no_collapse(canary: list[tuple[int, int]], stable: list[tuple[int, int]]) -> None:
    """Each of the rule's three conditions is needed."""
    tick = counted("errors", canary, stable)
    assert fed(spec(), tick, tick).collapsed == ""


def test_an_old_collapse_is_forgotten_after_ten_seconds() -> None:
    """Only the last ten seconds count: ten bad requests then, ten now, are not twenty."""
    collapsed = counted("errors", [(10, 10)] * 2, [(10, 0)] * 3)
    quiet = counted("errors", [(0, 0)] * 2, [(10, 0)] * 3)
    evidence = Evidence.start(spec())
    for at, counts in [(1.0, collapsed), (11.0, quiet), (11.5, collapsed)]:
        evidence = advance(evidence, spec(), Group(at, 1.0, counts))
    assert evidence.collapsed == ""


@pytest.mark.parametrize(("bound", "expected"), [(0.05, "errors"), (0.06, ""), (None, "")])
def test_collapse_at_all_traffic_needs_a_bound_of_5_percent(bound: float | None, expected: str) -> None:
    """Without stable pods U stands for them."""
    rules = spec(Criterion("errors", ("errors",), bound=bound))
    alone = counted("errors", [(30, 20)] * 2, [])
    assert fed(rules, alone, compared=False).collapsed == expected


def test_a_median_of_stable_decides_collapse() -> None:
    """One sick stable pod of three does not hide a collapsed canary."""
    tick = counted("errors", [(30, 20)] * 2, [(30, 20), (30, 0), (30, 0)])
    assert fed(spec(), tick).collapsed == "errors"


def test_three_signals_of_a_criterion_are_averaged() -> None:
    """Quantiles of latency: E of the criterion is the mean of its signals' E."""
    rules = spec(Criterion("latency", ("q50", "q90", "q99"), margin=0.0, scaled=True))
    worse = counted("q50", [(50, 45)] * 2, [(50, 25)] * 3)
    same = (*counted("q90", [(50, 0)] * 2, [(50, 0)] * 3), *counted("q99", [(50, 0)] * 2, [(50, 0)] * 3))
    evidence = fed(rules, *[(*worse, *same)] * 4)
    said = verdict(evidence, rules).standings[0]
    assert said.absolute is None
    assert said.relative == said.certificate == pytest.approx(sum(one.relative.value for one in evidence.series) / 3)
    assert said.advice == pytest.approx(sum(one.advice.mean() for one in evidence.series) / 3)
    assert said.regress == pytest.approx((evidence.series[0].e + 2.0) / 3)
    assert evidence.series[0].e > 5.0


def test_pooling_waits_for_requests_not_for_outcomes() -> None:
    """Five pods need 8 ln 5 = 12.9 requests each: two ticks of seven are compared at once, three pods' worth later."""
    tick = counted("errors", [(7, 3)] * 2, [(7, 0)] * 3)
    first = fed(spec(), tick)
    assert (first.series[0].e, len(first.series[0].pool)) == (1.0, 5)
    second = fed(spec(), tick, tick)
    assert second.series[0].e > 1.0
    assert second.series[0].pool == ()


def test_ticks_are_fixed_before_outcomes() -> None:
    """When a pool closes depends on requests alone: other outcomes give the same pools."""
    sizes = [(7, 9, 4, 30, 2, 12), (7, 9, 4, 30, 2, 12)]
    pools = []
    for bad in (0, 2):
        ticks = [counted("errors", [(n, bad)] * 2, [(n, bad // 2)] * 3) for n in sizes[0]]
        pools.append([bool(fed(spec(), *ticks[: place + 1]).series[0].pool) for place in range(len(ticks))])
    assert pools[0] == pools[1]


def test_a_pool_whose_pods_changed_is_compared_as_it_stands() -> None:
    """A pod that came or went closes the pool; its counts are not lost."""
    old = counted("errors", [(7, 5)] * 2, [(7, 0)] * 3)
    new = counted("errors", [(7, 0)] * 2, [(7, 0)] * 4)
    evidence = fed(spec(), old, new)
    assert evidence.series[0].e > 1.0
    assert len(evidence.series[0].pool) == 6


strange = st.lists(
    st.tuples(st.integers(0, 60), st.floats(0, 1), st.sampled_from(["", "long"]), st.integers(0, 5)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(st.lists(strange, max_size=8))
def test_any_counts_are_judged_and_replayed(drawn: list[list[tuple[int, float, str, int]]]) -> None:
    """Whatever pods and strata come, the judge ends in numbers, and a second run gives equal evidence."""
    ticks = []
    for counts in drawn:
        unique = {(stratum, pod): (n, int(n * part)) for n, part, stratum, pod in counts}
        arms = {pod: Arm.CANARY if pod < 2 else Arm.STABLE for _, pod in unique}
        ticks.append(
            tuple(Count("errors", stratum, f"p{pod}", arms[pod], *both) for (stratum, pod), both in unique.items())
        )
    assert fed(spec(), *ticks) == fed(spec(), *ticks)
    said = verdict(fed(spec(), *ticks), spec())
    assert said.e >= 0.0
    assert 0.0 <= said.spent <= 1.0


def test_another_bundle_draws_otherwise() -> None:
    """Draws are named by the bundle: two bundles thin the same counts differently."""
    tick = counted("errors", [(500, 40), (480, 41)], [(510, 30), (505, 33), (490, 31)])
    assert fed(spec(seed="a"), *[tick] * 5) != fed(spec(seed="b"), *[tick] * 5)


def test_counts_that_cannot_be_are_refused() -> None:
    """More bad outcomes than requests is a fault of the source, not evidence."""
    with pytest.raises(ValueError, match="5 bad of 3"):
        Group(1.0, 1.0, counted("errors", [(3, 5)], []))


@pytest.mark.parametrize(
    "changed", [{"alpha": 0.0}, {"beta": 1.0}, {"tick": 0.0}, {"criteria": ()}, {"criteria": (Criterion("a", ("",)),)}]
)
def test_a_spec_that_cannot_be_judged_is_refused(changed: dict[str, object]) -> None:
    """Bad rates, no criteria, nameless signals: refused before the first write."""
    with pytest.raises(ValueError, match=r".+"):
        replace(spec(), **changed)  # type: ignore[arg-type]  # each case names a field


def test_an_interval_stands_beside_the_effect() -> None:
    """58.0 % against 37.3 % of requests: the difference with its 99 % interval."""
    tick = counted("errors", [(134, 78), (135, 78)], [(150, 56), (150, 56), (151, 56)])
    effect = verdict(fed(spec(), tick), spec()).standings[0].effect
    assert effect.value == pytest.approx(0.207, abs=1e-3)
    assert effect.low == pytest.approx(0.108, abs=2e-3)
    assert effect.high == pytest.approx(0.299, abs=2e-3)


def test_a_limit_at_or_above_one_certifies_nothing() -> None:
    """U + delta of 1 leaves nothing to exclude: only the relative certificate counts."""
    assert Criterion("errors", ("errors",), bound=0.996).limit is None
    assert isinstance(spec(), Spec)

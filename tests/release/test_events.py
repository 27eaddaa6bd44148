"""Events: what an observation means, first match, and what no observation may mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.release.events import Look, event_of
from seaway.release.judge import Outcome, Reason, Verdict
from seaway.release.machine import TRANSITIONS, Event, Position, State, step
from seaway.release.steps import Judge, Migrate, Plan, Retire, Shift, Until
from seaway.targets.base import Seen
from tests.release.places import PLAN, STEPS, at, observations, seen
from tests.release.world import TWO, judged

pytestmark = pytest.mark.rootless


def said(outcome: Outcome, reason: Reason = Reason.NONE) -> Verdict:
    """Returns a verdict of this kind."""
    return Verdict(outcome, reason, "", "", 1.0, 1.0, (), 1000, 10)


verdicts = st.one_of(
    st.none(),
    st.sampled_from(
        [
            said(Outcome.CONTINUE),
            said(Outcome.PROMOTE),
            said(Outcome.ROLLBACK, Reason.REGRESSED),
            said(Outcome.HOLD, Reason.BLIND),
            said(Outcome.HOLD, Reason.DOUBTFUL),
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(State)), st.integers(0, len(STEPS) - 1), observations, verdicts, st.floats(0, 1e5),
    st.lists(st.sampled_from(["abort", "pause", "approve", "deny", "resume", "waive", "revoke"]), max_size=2),
)  # fmt: skip
def test_whatever_is_observed_the_event_is_legal(
    state: State, cursor: int, observed: Seen, verdict: Verdict | None, elapsed: float, asked: list[str]
) -> None:
    """`event_of` only returns what the table knows, so a turn never meets IllegalEvent."""
    position = Position(STEPS, cursor, state)
    event = event_of(Look(PLAN, position, observed, verdict, tuple(asked), elapsed, 500))
    assert event is None or (state, event) in TRANSITIONS
    if event is not None:
        step(position, event)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(State)), st.integers(0, len(STEPS) - 1), observations, st.floats(0, 1e5))
def test_no_data_is_never_a_rollback_nor_a_promotion(state: State, cursor: int, observed: Seen, elapsed: float) -> None:
    """I7: blind and with nothing asked, no judged step is passed and nothing is sent back."""
    position = Position(STEPS, cursor, state)
    blind = said(Outcome.HOLD, Reason.BLIND)
    event = event_of(Look(PLAN, position, observed, blind, (), elapsed, 500))
    assert event not in (Event.REGRESSED, Event.CERTIFIED, Event.BUDGET_WAIVED)
    if state in (State.JUDGING, State.BAKING):
        assert event is Event.BLIND
    if state is State.HELD and event is not None:
        assert event not in (Event.SIGHTED,)


def look(position: Position, verdict: Verdict | None = None, **changed: object) -> Look:
    """Returns a look with a calm observation."""
    given_ = {"asked": (), "elapsed": 0.0, "watched": 0, **changed}
    observed = given_.pop("observed", seen(weight=40.0))
    release = given_.pop("release", PLAN)
    return Look(release, position, observed, verdict, **given_)  # type: ignore[arg-type]  # the case names the fields


def test_a_watched_step_needs_time_and_200_requests() -> None:
    """Neither alone is enough, and early certainty does not shorten the watch."""
    position = at(Judge)
    assert isinstance(position.step, Judge)
    assert position.step.until is Until.WATCHED
    calm = said(Outcome.CONTINUE)
    assert event_of(look(position, calm, elapsed=60.0, watched=200)) is Event.CERTIFIED
    assert event_of(look(position, calm, elapsed=59.0, watched=200)) is None
    assert event_of(look(position, calm, elapsed=60.0, watched=199)) is None
    assert event_of(look(position, said(Outcome.PROMOTE), elapsed=1.0, watched=1)) is None


def test_a_certified_step_needs_the_certificate() -> None:
    """Time and requests do not replace it; held for doubt it may still be certified."""
    position = at(Judge, 1)
    assert event_of(look(position, said(Outcome.CONTINUE), elapsed=500.0, watched=9999)) is None
    assert event_of(look(position, said(Outcome.PROMOTE))) is Event.CERTIFIED
    held = replace(position, state=State.HELD, reason="doubtful")
    assert event_of(look(held, said(Outcome.PROMOTE))) is Event.CERTIFIED


def test_harm_comes_before_progress_and_people_before_harm() -> None:
    """First match: an abort is an abort even where the verdict is a rollback; a rollback outranks a pause."""
    worse = said(Outcome.ROLLBACK, Reason.REGRESSED)
    assert event_of(look(at(Judge), worse, asked=("pause", "abort"))) is Event.ABORT
    assert event_of(look(at(Judge), worse, asked=("pause",))) is Event.REGRESSED
    assert event_of(look(at(Judge), said(Outcome.HOLD, Reason.BLIND), asked=("pause",))) is Event.PAUSE


def test_a_weight_is_seen_within_two_points_and_ends_exactly() -> None:
    """40 may be 38.5; 100 may not be 99; nothing observed is not seen."""
    forty = at(Shift, 1)
    assert event_of(look(forty, observed=seen(weight=38.5))) is Event.WEIGHT_SEEN
    assert event_of(look(forty, observed=seen(weight=37.0))) is None
    assert event_of(look(forty, observed=seen(weight=None))) is None
    assert event_of(look(at(Shift, 2), observed=seen(weight=99.0))) is None
    assert event_of(look(at(Shift, 2), observed=seen(weight=100.0))) is Event.WEIGHT_SEEN


def test_traffic_that_is_stuck_holds_and_goes_on_when_it_moves() -> None:
    """After 60 s without the weight: held; once it is seen the Shift is entered again."""
    position = at(Shift, 1)
    assert event_of(look(position, observed=seen(weight=10.0), elapsed=61.0)) is Event.TRAFFIC_STUCK
    held = step(position, Event.TRAFFIC_STUCK)
    assert event_of(look(held, observed=seen(weight=10.0))) is None
    assert event_of(look(held, observed=seen(weight=40.0))) is Event.SIGHTED


def test_sight_comes_back_by_the_verdict() -> None:
    """Held blind it is judged again as soon as the verdict is not blind; held for doubt it is not."""
    blind = replace(at(Judge, 1), state=State.HELD, reason="blind")
    assert event_of(look(blind, said(Outcome.HOLD, Reason.BLIND))) is None
    assert event_of(look(blind, said(Outcome.CONTINUE))) is Event.SIGHTED
    doubtful = replace(blind, reason="doubtful")
    assert event_of(look(doubtful, said(Outcome.CONTINUE))) is None


def migrating() -> Plan:
    """Returns a plan whose canary ran a job that nothing undoes."""
    return replace(PLAN, steps=(Migrate("schema"), *PLAN.steps))


def test_blocking_migration_waits_for_a_person() -> None:
    """With no way back a regression is Condemned: held, said once, and only Resume or Restore goes on."""
    release = migrating()
    position = at(Judge, steps=release.steps)
    worse = said(Outcome.ROLLBACK, Reason.REGRESSED)
    assert event_of(look(position, worse, release=release)) is Event.CONDEMNED
    held = step(position, Event.CONDEMNED)
    assert held.state is State.HELD
    assert event_of(look(held, worse, release=release)) is None
    assert event_of(look(held, said(Outcome.PROMOTE), release=release)) is None


def test_a_gone_stable_strands_a_return() -> None:
    """TargetGone: nothing can be brought back, a person is needed."""
    back = replace(at(Judge), state=State.RETURNING)
    assert event_of(look(back, observed=seen(weight=40.0, gone=True))) is Event.TARGET_GONE
    assert event_of(look(back, observed=seen(weight=40.0), elapsed=601.0)) is Event.FAILED
    assert event_of(look(back, observed=seen(weight=0.0))) is Event.STABLE_WEIGHT_SEEN
    assert event_of(look(back, observed=seen(weight=0.0, owner=TWO))) is None


def test_a_retire_is_done_when_no_old_pod_is_left() -> None:
    """The last Retire ends the steps; a batch's Retire leaves what it says."""
    last = at(Retire, steps=PLAN.steps)
    assert event_of(look(last, observed=seen(stable=1, weight=100.0, owner=TWO))) is None
    assert event_of(look(last, observed=seen(stable=0, weight=100.0, owner=TWO))) is Event.STEPS_DONE
    batch = Position((Retire({"api": 2}), *STEPS), 0, State.DRAINING)
    assert event_of(look(batch, observed=seen(stable=3))) is None
    assert event_of(look(batch, observed=seen(stable=2))) is Event.DRAINED


def test_the_spec_of_the_demo_is_judged_by_two_criteria() -> None:
    """What these tests call a plan has errors and helpfulness."""
    assert [criterion.name for criterion in judged().criteria] == ["errors", "helpful"]

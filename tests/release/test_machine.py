"""The machine and its wishes: a table, what it may never lead to, and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import IllegalEvent
from seaway.release.diagram import diagram
from seaway.release.machine import ENDS, FORWARD, TRANSITIONS, Event, Goto, Position, State, step
from seaway.release.steps import Judge, Prepare, Shift
from seaway.release.wishes import ACTIONS, wishes
from seaway.targets import base
from tests.release.places import PLAN, STEPS, at

pytestmark = pytest.mark.rootless

PAGE = Path(__file__).parents[2] / "docs" / "release-machine.md"
CANARY, STABLE = PLAN.canary.digest, Digest.of(b"prod/one")


def test_the_happy_path_is_the_steps() -> None:
    """Each step's completion leads to the next step's state, the last to live."""
    position = step(Position(STEPS), Event.BEGIN)
    done = {
        State.PREPARING: Event.READY,
        State.SHIFTING: Event.WEIGHT_SEEN,
        State.JUDGING: Event.CERTIFIED,
        State.RETARGETING: Event.STABLE_SEEN,
        State.BAKING: Event.ELAPSED,
        State.DRAINING: Event.DRAINED,
    }
    path = []
    while position.state not in ENDS:
        path.append(position.state)
        position = step(position, done[position.state])
    assert position.state is State.LIVE
    assert path == [
        *[State.PREPARING, State.SHIFTING, State.JUDGING] * 2,
        State.PREPARING,
        State.SHIFTING,
        State.RETARGETING,
        State.BAKING,
        State.DRAINING,
        State.DRAINING,
    ]


@pytest.mark.parametrize("event", [Event.ABORT, Event.SUPERSEDED, Event.REVOKED])
@pytest.mark.parametrize("state", FORWARD)
def test_every_state_from_migrating_to_baking_can_be_called_back(state: State, event: Event) -> None:
    """Abort, Superseded and Revoked return the weight wherever a release is."""
    assert step(replace(at(Judge), state=state), event).state is State.RETURNING


@pytest.mark.parametrize("state", sorted(ENDS))
def test_abort_of_an_end_changes_nothing(state: State) -> None:
    """I3: the position is the same, reason included."""
    position = replace(at(Judge), state=state, reason="as it was")
    assert step(position, Event.ABORT) == position


def test_an_event_the_table_does_not_know_is_illegal() -> None:
    """The error names state and event."""
    with pytest.raises(IllegalEvent, match="a release that is live cannot take certified"):
        step(replace(at(Judge), state=State.LIVE), Event.CERTIFIED)


@pytest.mark.parametrize("state", [State.HELD, State.PAUSED])
def test_resume_enters_the_step_again(state: State) -> None:
    """The cursor stays, the state is the step's own."""
    again = step(at(Judge, state=state), Event.RESUME)
    assert (again.cursor, again.state) == (at(Judge).cursor, State.JUDGING)


@pytest.mark.parametrize("place", [0, 1])
def test_waive_goes_to_the_pods_for_all_traffic(place: int) -> None:
    """From either Judge the next step is the Prepare behind which nothing is judged."""
    waived = step(at(Judge, place), Event.WAIVE)
    assert waived.step == Prepare({"api": 3})
    assert not any(isinstance(each, Judge) for each in waived.steps[waived.cursor :])


def test_waive_behind_the_last_judge_goes_nowhere_back() -> None:
    """In the last Shift a waiver enters that Shift again, not an earlier step."""
    last = at(Shift, -1)
    assert step(last, Event.WAIVE).cursor == last.cursor


def reachable(start: State, without: Event) -> set[State]:
    """Returns the states that can follow, NEXT standing for every state a step enters."""
    entered = {State.MIGRATING, State.UPDATING, State.PREPARING, State.SHIFTING, State.JUDGING, State.AWAITING}
    entered |= {State.BAKING, State.RETARGETING, State.DRAINING, State.LIVE}
    seen, open_ = set(), [start]
    while open_:
        state = open_.pop()
        for (origin, event), leads in TRANSITIONS.items():
            if origin is not state or event is without:
                continue
            for follows in entered if isinstance(leads, Goto) and leads is not Goto.SAME else {leads}:
                if isinstance(follows, State) and follows not in seen:
                    seen.add(follows)
                    open_.append(follows)
    return seen


@pytest.mark.parametrize("event", [Event.DENY, Event.REGRESSED])
def test_after_deny_or_regressed_no_path_reaches_live(event: Event) -> None:
    """Without a new Begin only returning, rolled back and stranded are left."""
    for (_, known), leads in TRANSITIONS.items():
        if known is event:
            assert leads is State.RETURNING
    assert reachable(State.RETURNING, Event.BEGIN) == {State.ROLLED_BACK, State.STRANDED}


def test_every_state_has_wishes_and_a_way_out() -> None:
    """No state is missing from the table of actions or without an event."""
    assert set(ACTIONS) == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State)


def test_the_page_is_drawn_from_the_table() -> None:
    """docs/release-machine.md is what `diagram` returns."""
    assert PAGE.read_text() == diagram()


def test_the_diagram_names_every_transition() -> None:
    """Each row of the table is in the page."""
    page = diagram()
    for (state, event), leads in TRANSITIONS.items():
        assert f"| {state} | {event} | {leads} |" in page


def test_wishes_add_up_the_steps_so_far() -> None:
    """At the second weight: the canary's pods of that step and its share; nothing of earlier steps."""
    position = at(Judge, 1)
    assert wishes(PLAN, position) == (
        base.Scale(CANARY, {"api": 2}),
        base.Shift({CANARY: 40, PLAN.stable.digest if PLAN.stable else CANARY: 60}),
    )


def test_wishes_of_a_return_bring_stable_back_first() -> None:
    """Its full strength, then all requests, then its name; the canary goes last, once rolled back."""
    position = replace(at(Judge), state=State.RETURNING)
    kinds = [type(wish).__name__ for wish in wishes(PLAN, position)]
    assert kinds == ["Scale", "Shift", "Retarget"]
    ended = [type(wish).__name__ for wish in wishes(PLAN, replace(position, state=State.ROLLED_BACK))]
    assert ended == [*kinds, "Retire"]


def test_what_never_began_wishes_nothing_when_it_ends() -> None:
    """I3: planned, then aborted: not one action."""
    assert wishes(PLAN, replace(Position(STEPS), state=State.ROLLED_BACK)) == ()

"""The machine of a release: one table of transitions, nothing of which target or proxy it drives.

Rules: `step` knows no world, it reads TRANSITIONS; NEXT is the state that the next step enters, LIVE after the last; a
key that is not there raises IllegalEvent. No event leads from PREPARING on to LIVE but through every step; after Deny
or Regressed only RETURNING is left. Which event an observation is stands in `events`, what a state wishes in `wishes`,
what may never be wished in `invariants`; the diagram in the docs is drawn from this table by `diagram`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from seaway.errors import IllegalEvent
from seaway.release.steps import (
    Approve,
    Drain,
    Judge,
    Migrate,
    Mirror,
    Prepare,
    Retarget,
    Retire,
    Shift,
    Snapshot,
    Step,
    Update,
    Wait,
)


class State(StrEnum):
    """Where a release is."""

    PLANNED = "planned"
    MIGRATING = "migrating"
    UPDATING = "updating"
    PREPARING = "preparing"
    SHIFTING = "shifting"
    JUDGING = "judging"
    HELD = "held"
    PAUSED = "paused"
    AWAITING = "awaiting"
    BAKING = "baking"
    RETARGETING = "retargeting"
    DRAINING = "draining"
    RESTORING = "restoring"
    RETURNING = "returning"
    LIVE = "live"
    ROLLED_BACK = "rolled-back"
    STRANDED = "stranded"


class Event(StrEnum):
    """What happened."""

    BEGIN = "begin"
    DONE = "done"
    FAILED = "failed"
    READY = "ready"
    NOT_READY_IN_TIME = "not-ready-in-time"
    WEIGHT_SEEN = "weight-seen"
    TRAFFIC_STUCK = "traffic-stuck"
    CERTIFIED = "certified"
    REGRESSED = "regressed"
    DOUBTFUL = "doubtful"
    BLIND = "blind"
    SIGHTED = "sighted"
    BUDGET_SPENT = "budget-spent"
    BUDGET_WAIVED = "budget-waived"
    APPROVE = "approve"
    DENY = "deny"
    ELAPSED = "elapsed"
    STABLE_SEEN = "stable-seen"
    DRAINED = "drained"
    STEPS_DONE = "steps-done"
    STABLE_WEIGHT_SEEN = "stable-weight-seen"
    TARGET_GONE = "target-gone"
    RESTORE = "restore"
    RESTORED = "restored"
    PAUSE = "pause"
    RESUME = "resume"
    WAIVE = "waive"
    ABORT = "abort"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    CONDEMNED = "condemned"


class Goto(StrEnum):
    """Where a transition leads when the steps decide it."""

    NEXT = "next"
    AGAIN = "the step again"
    PAST = "past the judge"
    SAME = "same"


ENTERS: Mapping[type, State] = {
    Snapshot: State.MIGRATING,
    Migrate: State.MIGRATING,
    Update: State.UPDATING,
    Prepare: State.PREPARING,
    Shift: State.SHIFTING,
    Mirror: State.SHIFTING,
    Judge: State.JUDGING,
    Approve: State.AWAITING,
    Wait: State.BAKING,
    Retarget: State.RETARGETING,
    Drain: State.DRAINING,
    Retire: State.DRAINING,
}
ENDS = frozenset({State.LIVE, State.ROLLED_BACK, State.STRANDED})
FORWARD = (
    State.MIGRATING, State.UPDATING, State.PREPARING, State.SHIFTING, State.JUDGING, State.HELD, State.PAUSED,
    State.AWAITING, State.BAKING,
)  # fmt: skip

S, E = State, Event
TRANSITIONS: Mapping[tuple[State, Event], State | Goto] = {
    (S.PLANNED, E.BEGIN): Goto.NEXT,
    (S.PLANNED, E.ABORT): S.ROLLED_BACK,
    (S.PLANNED, E.SUPERSEDED): S.ROLLED_BACK,
    (S.MIGRATING, E.DONE): Goto.NEXT,
    (S.MIGRATING, E.FAILED): S.RETURNING,
    (S.MIGRATING, E.REGRESSED): S.RETURNING,
    (S.UPDATING, E.DONE): Goto.NEXT,
    (S.UPDATING, E.FAILED): S.RETURNING,
    (S.UPDATING, E.REGRESSED): S.RETURNING,
    (S.PREPARING, E.READY): Goto.NEXT,
    (S.PREPARING, E.NOT_READY_IN_TIME): S.RETURNING,
    (S.PREPARING, E.REGRESSED): S.RETURNING,
    (S.SHIFTING, E.WEIGHT_SEEN): Goto.NEXT,
    (S.SHIFTING, E.TRAFFIC_STUCK): S.HELD,
    (S.SHIFTING, E.REGRESSED): S.RETURNING,
    (S.JUDGING, E.CERTIFIED): Goto.NEXT,
    (S.JUDGING, E.REGRESSED): S.RETURNING,
    (S.JUDGING, E.DOUBTFUL): S.HELD,
    (S.JUDGING, E.BLIND): S.HELD,
    (S.JUDGING, E.BUDGET_SPENT): S.HELD,
    (S.JUDGING, E.BUDGET_WAIVED): Goto.NEXT,
    (S.HELD, E.SIGHTED): Goto.AGAIN,
    (S.HELD, E.RESUME): Goto.AGAIN,
    (S.HELD, E.CERTIFIED): Goto.NEXT,
    (S.HELD, E.REGRESSED): S.RETURNING,
    (S.HELD, E.RESTORE): S.RESTORING,
    (S.PAUSED, E.RESUME): Goto.AGAIN,
    (S.PAUSED, E.REGRESSED): S.RETURNING,
    (S.PAUSED, E.RESTORE): S.RESTORING,
    (S.AWAITING, E.APPROVE): Goto.NEXT,
    (S.AWAITING, E.DENY): S.RETURNING,
    (S.AWAITING, E.REGRESSED): S.RETURNING,
    (S.BAKING, E.ELAPSED): Goto.NEXT,
    (S.BAKING, E.REGRESSED): S.RETURNING,
    (S.BAKING, E.BLIND): S.HELD,
    (S.BAKING, E.DOUBTFUL): S.HELD,
    (S.RETARGETING, E.STABLE_SEEN): Goto.NEXT,
    (S.RETARGETING, E.STEPS_DONE): S.LIVE,
    (S.DRAINING, E.DRAINED): Goto.NEXT,
    (S.DRAINING, E.STEPS_DONE): S.LIVE,
    (S.RESTORING, E.RESTORED): S.RETURNING,
    (S.RESTORING, E.TARGET_GONE): S.STRANDED,
    (S.RESTORING, E.FAILED): S.STRANDED,
    (S.RETURNING, E.STABLE_WEIGHT_SEEN): S.ROLLED_BACK,
    (S.RETURNING, E.TARGET_GONE): S.STRANDED,
    (S.RETURNING, E.FAILED): S.STRANDED,
    **{(state, E.PAUSE): S.PAUSED for state in FORWARD},
    **{(state, E.WAIVE): Goto.PAST for state in FORWARD},
    **{(state, E.ABORT): S.RETURNING for state in FORWARD},
    **{(state, E.SUPERSEDED): S.RETURNING for state in FORWARD},
    **{(state, E.REVOKED): S.RETURNING for state in FORWARD},
    **{(state, E.CONDEMNED): S.HELD for state in FORWARD},
    **{(state, E.ABORT): Goto.SAME for state in sorted(ENDS)},
    **{(state, E.BEGIN): S.PLANNED for state in sorted(ENDS)},
}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a release is in its steps: `cursor` -1 before the first; `reason` is the event that led here."""

    steps: tuple[Step, ...]
    cursor: int = -1
    state: State = State.PLANNED
    reason: str = ""

    @property
    def step(self) -> Step | None:
        """Returns the step at the cursor, None before the first."""
        return self.steps[self.cursor] if 0 <= self.cursor < len(self.steps) else None


def step(position: Position, event: Event) -> Position:
    """Returns the position after an event; raises IllegalEvent for one the table does not know."""
    try:
        leads = TRANSITIONS[position.state, event]
    except KeyError:
        raise IllegalEvent(
            f"a release that is {position.state} cannot take {event}",
            hint="this is a fault of Seaway; the release is held",
        ) from None
    match leads:
        case Goto.NEXT:
            return _entered(position, position.cursor + 1, event)
        case Goto.AGAIN:
            return _entered(position, position.cursor, event)
        case Goto.PAST:
            return _entered(position, _past(position), event)
        case Goto.SAME:
            return position
        case State.ROLLED_BACK if position.state is State.RETURNING:
            return replace(position, state=leads)  # why it returned is what people ask, not that it arrived
        case _:
            return replace(position, state=leads, reason=str(event))


def _entered(position: Position, cursor: int, event: Event) -> Position:
    if cursor >= len(position.steps):
        return replace(position, cursor=len(position.steps), state=State.LIVE, reason=str(event))
    return replace(position, cursor=cursor, state=ENTERS[type(position.steps[cursor])], reason=str(event))


def _past(position: Position) -> int:
    """Returns the Prepare after which nothing is judged, else the step after the last Judge; never an earlier one."""
    steps, here = position.steps, max(position.cursor, 0)
    for place in range(here, len(steps)):
        if isinstance(steps[place], Prepare) and not any(isinstance(later, Judge) for later in steps[place:]):
            return place
    judges = [place for place in range(here, len(steps)) if isinstance(steps[place], Judge)]
    return judges[-1] + 1 if judges else here

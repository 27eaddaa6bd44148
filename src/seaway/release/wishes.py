"""What each state wishes of the target: absolute, repeatable, derived from the position alone.

A process killed anywhere derives the same wishes again from the stored position. Not here: which of them may be carried
out now (`invariants`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seaway.release import steps
from seaway.release.machine import Position, State
from seaway.release.steps import Plan, Step
from seaway.targets.base import Action, Retarget, Retire, RunJob, Scale, Shift


def wishes(plan: Plan, position: Position) -> tuple[Action, ...]:
    """Returns the wishes of a position, in the order in which they should be tried."""
    return ACTIONS[position.state](plan, position)


def _nothing(plan: Plan, position: Position) -> tuple[Action, ...]:  # noqa: ARG001  # the table's signature
    return ()


def _forward(plan: Plan, position: Position) -> tuple[Action, ...]:
    """Adds up the steps so far: pods prepared, weight sent, pods of stable left, who is stable."""
    done = position.steps[: position.cursor + 1]
    wished: list[Action] = []
    for step in done:
        match step:
            case steps.Prepare(pods):
                _replace(wished, Scale(plan.canary.digest, dict(pods)))
            case steps.Shift(weight):
                _replace(wished, shifted(plan, weight))
            case steps.Retire(left) if plan.stable is not None and left is not None:
                _replace(wished, Scale(plan.stable.digest, dict(left)))
            case steps.Retire() if plan.stable is not None:
                wished = [
                    *(wish for wish in wished if not _scales(wish, plan.stable.digest)),
                    Retire(plan.stable.digest),
                ]
            case steps.Retarget():
                _replace(wished, Retarget(plan.canary.digest))
    return (*_job(plan, position.step), *wished)


def _job(plan: Plan, step: Step | None) -> tuple[Action, ...]:
    return (RunJob(plan.canary.digest, step.job),) if isinstance(step, steps.Migrate) else ()


def _replace(wished: list[Action], action: Action) -> None:
    """Lets a later wish of the same kind and version stand for an earlier one."""
    same = [
        wish
        for wish in wished
        if type(wish) is type(action) and (not isinstance(action, Scale) or _scales(wish, action.version))
    ]
    for wish in same:
        wished.remove(wish)
    wished.append(action)


def _scales(wish: Action, version: object) -> bool:
    return isinstance(wish, Scale) and wish.version == version


def shifted(plan: Plan, weight: int) -> Shift:
    """Returns the wish for this share of the canary; a first release has no other."""
    if plan.stable is None:
        return Shift({plan.canary.digest: weight})
    return Shift({plan.canary.digest: weight, plan.stable.digest: 100 - weight})


def _returning(plan: Plan, position: Position) -> tuple[Action, ...]:  # noqa: ARG001  # the table's signature
    """Brings stable back to its full strength, then all requests, then its name."""
    if plan.stable is None:
        return (Retire(plan.canary.digest),)
    stable = plan.stable
    full = {service: stable.replicas[service] for service in sorted(plan.replaced)}
    return (Scale(stable.digest, full), shifted(plan, 0), Retarget(stable.digest))


def _returned(plan: Plan, position: Position) -> tuple[Action, ...]:
    """Clears the canary away; a release that never began has touched nothing and wishes nothing (I3)."""
    if position.cursor < 0:
        return ()
    back = _returning(plan, position)
    return back if plan.stable is None else (*back, Retire(plan.canary.digest))


ACTIONS: Mapping[State, Callable[[Plan, Position], tuple[Action, ...]]] = {
    State.PLANNED: _nothing,
    State.MIGRATING: _forward,
    State.UPDATING: _forward,
    State.PREPARING: _forward,
    State.SHIFTING: _forward,
    State.JUDGING: _forward,
    State.HELD: _forward,
    State.PAUSED: _forward,
    State.AWAITING: _forward,
    State.BAKING: _forward,
    State.RETARGETING: _forward,
    State.DRAINING: _forward,
    State.RESTORING: _nothing,
    State.RETURNING: _returning,
    State.ROLLED_BACK: _returned,
    State.LIVE: _nothing,
    State.STRANDED: _nothing,
}

"""What people and the outside may ask of a release, and where it may be asked. Pure.

What would lead back is refused where nothing can be returned to: a first release that has requests, or a migration that
only a restore undoes. It is said before anybody signs it, with what can be done instead.
"""

from __future__ import annotations

from seaway.errors import NoWayBack, UsageError
from seaway.release.events import leads_nowhere
from seaway.release.machine import TRANSITIONS, Event, Position
from seaway.release.steps import Plan

VERBS = {
    "abort": Event.ABORT,
    "supersede": Event.SUPERSEDED,
    "revoke": Event.REVOKED,
    "deny": Event.DENY,
    "restore": Event.RESTORE,
    "pause": Event.PAUSE,
    "approve": Event.APPROVE,
    "waive": Event.WAIVE,
    "resume": Event.RESUME,
}


def require_askable(plan: Plan, position: Position, verb: str) -> None:
    """Raises UsageError for what the state does not know, NoWayBack for a return that leads nowhere."""
    event, environment = VERBS.get(verb), plan.environment
    if event is None:
        raise UsageError(f"{verb!r} is nothing a release can be asked", hint=f"one of {', '.join(sorted(VERBS))}")
    if (position.state, event) not in TRANSITIONS:
        raise UsageError(
            f"a release that is {position.state} cannot be asked to {verb}", hint=f"seaway status {environment}"
        )
    if not leads_nowhere(plan, position, event):
        return
    if plan.stable is None:
        raise NoWayBack(
            f"release {plan.release} of {environment} is its first: there is no version before it to return to",
            where=environment,
            hint=f"seaway resume {environment} goes on; seaway down --on {environment} takes it away",
        )
    raise NoWayBack(
        f"release {plan.release} of {environment} ran a migration that only a restore undoes",
        where=environment,
        hint=f"seaway resume {environment} --uncertified goes on",
    )

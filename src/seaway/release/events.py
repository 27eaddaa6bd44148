"""What an observation means: an ordered table of predicates, the first that holds and is legal is the event.

Order: people and the outside first, then harm, then what failed, then what stands still, then progress. No data is
Blind: no predicate makes a rollback or a promotion of it. Where the way back needs a restore or is gone, what would
lead to RETURNING is Condemned, and a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seaway.release.judge import Outcome, Reason, Verdict
from seaway.release.machine import TRANSITIONS, Event, Position, State
from seaway.release.steps import Drain, Judge, Migrate, Plan, Prepare, Retire, Shift, Until, Wait, WayBack
from seaway.release.strategy import way_back
from seaway.targets.base import Seen

WATCHED_REQUESTS = 200
TOLERANCE = 2.0  # percent points between the weight wished for and the one observed


@dataclass(frozen=True, slots=True)
class Look:
    """All that decides the next event: `elapsed` seconds and `watched` canary requests since the state was entered.

    `asked` are the verbs that wait, oldest first; `verdict` is None before the first tick; `followed` says that another
    release waits for this one's end, `waived` that a person skipped the judging that was left.
    """

    plan: Plan
    position: Position
    seen: Seen
    verdict: Verdict | None
    asked: tuple[str, ...]
    elapsed: float
    watched: int = 0
    followed: bool = False
    waived: bool = False

    def says(self, outcome: Outcome, reason: Reason | None = None) -> bool:
        """Whether the verdict has this outcome (and reason)."""
        return (
            self.verdict is not None
            and self.verdict.outcome is outcome
            and (reason is None or self.verdict.reason is reason)
        )

    @property
    def last(self) -> bool:
        """Whether the cursor is at the last step."""
        return self.position.cursor == len(self.position.steps) - 1


def event_of(look: Look) -> Event | None:
    """Returns the first event that holds and that the state knows, or None."""
    state = look.position.state
    for event, holds in PREDICATES:
        if (state, event) in TRANSITIONS and holds(look):
            if not leads_nowhere(look.plan, look.position, event):
                return event
            if not _is_condemned(look.position):
                return Event.CONDEMNED
    return None


def leads_nowhere(plan: Plan, position: Position, event: Event) -> bool:
    """Whether an event would return a release that has nothing to return to, or only by a restore."""
    state = position.state
    if TRANSITIONS[state, event] is not State.RETURNING or state in (State.RETURNING, State.RESTORING):
        return False
    back = way_back(position.steps, position.cursor, first=plan.stable is None)
    return back in (WayBack.RESTORE, WayBack.NONE)


def _is_condemned(position: Position) -> bool:
    """Whether it is held as condemned already: that is said once, and whatever else is asked goes on."""
    return position.state is State.HELD and position.reason == Event.CONDEMNED


def _asks(verb: str) -> Callable[[Look], bool]:
    return lambda look: verb in look.asked


def _failed(look: Look) -> bool:
    if look.position.state in (State.RETURNING, State.RESTORING):
        return look.elapsed > look.plan.return_within
    step = look.position.step
    job = step.job if isinstance(step, Migrate) else None
    return any(seen.name == job and seen.state == "failed" for seen in look.seen.jobs if job)


def _target_gone(look: Look) -> bool:
    stable = look.plan.stable
    return stable is not None and f"gone:{stable.digest}" in look.seen.faults


def _not_ready_in_time(look: Look) -> bool:
    return look.elapsed > look.plan.ready_within and not _ready(look)


def _traffic_stuck(look: Look) -> bool:
    return look.elapsed > look.plan.stuck_after and not _weight_seen(look)


def _doubtful(look: Look) -> bool:
    return look.says(Outcome.HOLD, Reason.DOUBTFUL) and not _bakes_waived(look)


def _blind(look: Look) -> bool:
    return look.says(Outcome.HOLD, Reason.BLIND) and not _bakes_waived(look)


def _bakes_waived(look: Look) -> bool:
    """Whether nothing is left that a person did not waive: else a release without traffic could never end live."""
    return look.waived and look.position.state is State.BAKING


def _sighted(look: Look) -> bool:
    """Whether what a release was held for is over: data is back, or traffic is where it was sent."""
    if look.position.reason == Event.BLIND:
        return look.verdict is not None and not _blind(look)
    return look.position.reason == Event.TRAFFIC_STUCK and _weight_seen(look)


def _certified(look: Look) -> bool:
    step = look.position.step
    if not isinstance(step, Judge) or look.position.reason == Event.CONDEMNED:
        return False
    if step.until is Until.CERTIFIED:
        return look.says(Outcome.PROMOTE)
    calm = look.says(Outcome.CONTINUE) or look.says(Outcome.PROMOTE)
    seen = look.elapsed >= step.watch and look.watched >= WATCHED_REQUESTS
    return look.position.state is State.JUDGING and calm and seen


def _ready(look: Look) -> bool:
    step = look.position.step
    return isinstance(step, Prepare) and all(
        ready_pods(look.seen, service, look.plan.canary.services[service]) >= pods
        for service, pods in step.pods.items()
    )


def ready_pods(seen: Seen, service: str, version: str) -> int:
    """Counts the ready pods of a service's version."""
    return sum(pod.ready for pod in seen.pods if pod.service == service and pod.service_version == version)


def weight_of(seen: Seen, service: str, version: str) -> float | None:
    """Returns the observed share of a service's version in percent, None where the service is not observed."""
    shares = seen.weights.get(service)
    return None if shares is None else shares.get(version, 0.0)


def _weight_seen(look: Look) -> bool:
    step = look.position.step
    return isinstance(step, Shift) and _weights_are(look, step.weight)


def _weights_are(look: Look, weight: int) -> bool:
    """Whether the canary's share is observed in every service that is split; 0 and 100 are exact, unknown is never.

    A service that only the canary has takes all of its own requests, which counts at 100 %.
    """
    plan = look.plan
    services = plan.routes(look.seen, sorted(plan.forked) if weight == 100 else plan.split)
    shares = [weight_of(look.seen, service, plan.forked[service]) for service in services]
    reach = 0.0 if weight in (0, 100) else TOLERANCE
    return all(share is not None and abs(share - weight) <= reach for share in shares)


def _elapsed(look: Look) -> bool:
    return isinstance(look.position.step, Wait) and look.elapsed >= look.position.step.seconds


def _done(look: Look) -> bool:
    step = look.position.step
    return isinstance(step, Migrate) and any(
        job.name == step.job and job.state == "succeeded" for job in look.seen.jobs
    )


def _stable_seen(look: Look) -> bool:
    return look.seen.stable == look.plan.canary.digest


def _drained(look: Look) -> bool:
    step = look.position.step
    old = look.plan.replaced
    if isinstance(step, Drain):
        return look.elapsed >= step.seconds or all(old[service] in look.seen.drained for service in look.plan.split)
    if not isinstance(step, Retire):
        return False
    left: Mapping[str, int] = step.left or {}
    pods = [pod for pod in look.seen.pods if old.get(pod.service) == pod.service_version]
    return all(sum(pod.service == service for pod in pods) <= left.get(service, 0) for service in old)


def _stable_weight_seen(look: Look) -> bool:
    if look.plan.stable is None:
        return not any(look.plan.forked.get(pod.service) == pod.service_version for pod in look.seen.pods)
    return _weights_are(look, 0) and look.seen.stable == look.plan.stable.digest


def _budget_spent(look: Look) -> bool:
    step = look.position.step
    return isinstance(step, Judge) and look.elapsed > step.at_most


def _budget(otherwise: str) -> Callable[[Look], bool]:
    def holds(look: Look) -> bool:
        step = look.position.step
        sure = not _blind(look) and not _doubtful(look)
        return isinstance(step, Judge) and step.otherwise == otherwise and sure and _budget_spent(look)

    return holds


def _begins(look: Look) -> bool:
    """A planned release begins; an ended one makes room for the next, once nothing of it is left."""
    if look.position.state is State.PLANNED:
        return True
    left = any(look.plan.forked.get(pod.service) == pod.service_version for pod in look.seen.pods)
    return look.followed and (look.position.state is not State.ROLLED_BACK or not left)


def _superseded(look: Look) -> bool:
    """Asked for; or, before the first step, stable is no longer what the plan was made against."""
    stale = look.seen.stable != (look.plan.stable.digest if look.plan.stable else None)
    return "supersede" in look.asked or (look.position.state is State.PLANNED and stale)


PREDICATES: tuple[tuple[Event, Callable[[Look], bool]], ...] = (
    (Event.ABORT, _asks("abort")),
    (Event.SUPERSEDED, _superseded),
    (Event.REVOKED, _asks("revoke")),
    (Event.DENY, _asks("deny")),
    (Event.REGRESSED, lambda look: look.says(Outcome.ROLLBACK)),
    (Event.STABLE_WEIGHT_SEEN, _stable_weight_seen),
    (Event.FAILED, _failed),
    (Event.TARGET_GONE, _target_gone),
    (Event.RESTORE, _asks("restore")),
    (Event.PAUSE, _asks("pause")),
    (Event.NOT_READY_IN_TIME, _not_ready_in_time),
    (Event.TRAFFIC_STUCK, _traffic_stuck),
    (Event.BLIND, _blind),
    (Event.DOUBTFUL, _doubtful),
    (Event.APPROVE, _asks("approve")),
    (Event.WAIVE, _asks("waive")),
    (Event.RESUME, _asks("resume")),
    (Event.CERTIFIED, _certified),
    (Event.SIGHTED, _sighted),
    (Event.BEGIN, _begins),
    (Event.DONE, _done),
    (Event.READY, _ready),
    (Event.WEIGHT_SEEN, _weight_seen),
    (Event.STEPS_DONE, lambda look: look.last and (_drained(look) or _retargeted_last(look))),
    (Event.STABLE_SEEN, _stable_seen),
    (Event.DRAINED, _drained),
    (Event.ELAPSED, _elapsed),
    (Event.ABORT, _budget("rollback")),
    (Event.BUDGET_WAIVED, _budget("promote")),
    (Event.BUDGET_SPENT, _budget_spent),
)


def _retargeted_last(look: Look) -> bool:
    return look.position.state is State.RETARGETING and _stable_seen(look)

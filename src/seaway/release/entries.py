"""What a transition leaves in the ledger: statements, numbered, the same bytes whenever they are made again.

Each transition is a release event; beside it a deployment where the observed weights or the stable version changed, a
rollback where the way back begins, and at each end the closing metric summary of scope release (evidence.md 3.6). Not
here: signing and appending; `controller` hands the payloads to whoever does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from seaway.evidence.progress import DeployedService, Deployment, MetricSummary, ReleaseEvent, Rollback
from seaway.evidence.shape import write_time
from seaway.evidence.statement import Statement
from seaway.release.document import encode
from seaway.release.judge import Verdict
from seaway.release.machine import ENDS, Event, Position, State
from seaway.release.record import fingerprint
from seaway.release.steps import Party, Shift
from seaway.release.store import Ask, Pending, Row
from seaway.targets.base import Seen

SYSTEM = "seaway"
WHY = {
    Event.ABORT: "aborted",
    Event.DENY: "denied",
    Event.SUPERSEDED: "superseded",
    Event.REVOKED: "revoked",
}
_MOVED = (Event.WEIGHT_SEEN, Event.STABLE_SEEN, Event.STABLE_WEIGHT_SEEN)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of the machine, as it happened at `at` (seconds since the epoch)."""

    row: Row
    event: Event
    after: Position
    at: float
    seen: Seen
    verdict: Verdict | None
    ask: Ask | None = None

    @property
    def moment(self) -> datetime:
        """Returns `at` as a time."""
        return moment(self.at)

    @property
    def returns(self) -> bool:
        """Whether the way back begins here."""
        return self.after.state is State.RETURNING and self.row.position.state is not State.RETURNING

    @property
    def ends(self) -> bool:
        """Whether the release ends here."""
        return self.after.state in ENDS and self.row.position.state not in ENDS


def moment(at: float) -> datetime:
    """Returns seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(at, UTC)


def pending(transition: Transition) -> tuple[Pending, ...]:
    """Returns the statements of a transition, numbered after those the release already has."""
    subject = transition.row.plan.bundle
    made = [_event(transition).about(subject)]
    if transition.event in _MOVED:
        arm, party = _moved(transition)
        made.append(_deployment(transition, arm, party).about(party.bundle or subject))
    if transition.returns:
        made.append(_rollback(transition).about(subject))
    if transition.ends:
        made.append(Statement.about(subject, MetricSummary.TYPE, _summary(transition)))
    start = transition.row.sequence + 1
    return tuple(Pending(start + place, statement.payload) for place, statement in enumerate(made))


def _event(transition: Transition) -> ReleaseEvent:
    row, ask = transition.row, transition.ask
    return ReleaseEvent(
        environment=row.plan.environment,
        release=str(row.plan.release),
        sequence=row.sequence + 1,
        at=transition.moment,
        event=str(transition.event),
        source=str(row.position.state),
        target=str(transition.after.state),
        cursor=transition.after.cursor,
        weights={service: dict(shares) for service, shares in sorted(transition.seen.weights.items())},
        verdict=said(transition.verdict),
        evidence=fingerprint(row.evidence),
        by=ask.by if ask else SYSTEM,
        reason=ask.reason if ask else _reason(transition),
    )


def _reason(transition: Transition) -> str:
    """Returns what led to a transition; at the end of a return it is what began it."""
    before = transition.row.position
    return before.reason if before.state is State.RETURNING else str(transition.event)


def said(verdict: Verdict | None) -> dict[str, object] | None:
    """Returns a verdict as an entry has it; E in hex, since it must not be rounded."""
    if verdict is None:
        return None
    return {
        "outcome": str(verdict.outcome),
        "reason": str(verdict.reason),
        "criterion": verdict.criterion,
        "says": verdict.says,
        "e": encode(verdict.e),
        "requests": verdict.requests,
    }


def _moved(transition: Transition) -> tuple[str, Party]:
    """Returns whose objects a deployment states: going forward the canary's, going back stable's, of its own bundle."""
    plan = transition.row.plan
    if transition.event is Event.STABLE_WEIGHT_SEEN and plan.stable is not None:
        return "stable", plan.stable
    return "canary", plan.canary


def _deployment(transition: Transition, arm: str, party: Party) -> Deployment:
    plan = transition.row.plan
    return Deployment(
        environment=plan.environment,
        place=plan.place,
        manifest_digest=party.digest,
        release=str(plan.release),
        at=transition.moment,
        person=transition.ask.by if transition.ask else SYSTEM,
        services={service: _deployed(transition, party, service, arm) for service in sorted(party.services)},
    )


def _deployed(transition: Transition, party: Party, service: str, arm: str) -> DeployedService:
    version, plan = party.services[service], transition.row.plan
    shared = version not in (plan.forked.get(service), plan.replaced.get(service))
    pods = [pod for pod in transition.seen.pods if pod.service == service and pod.ready]
    ours = sum(pod.service_version == version for pod in pods)
    share = 100.0 * ours / len(pods) if pods else 0.0  # without requests to split, the share of the pods
    return DeployedService(
        image=party.images.get(service, ""),
        version=version,
        arm="stable" if shared else arm,
        replicas=ours,
        weight=float(transition.seen.weights.get(service, {}).get(version, share)),
    )


def _rollback(transition: Transition) -> Rollback:
    plan = transition.row.plan
    return Rollback(
        environment=plan.environment,
        release=str(plan.release),
        source=str(plan.canary.digest),
        target=str(plan.stable.digest) if plan.stable else "",
        at=transition.moment,
        why=str(transition.event),
        verdict=said(transition.verdict),
    )


def _summary(transition: Transition) -> dict[str, object]:
    row = transition.row
    done = row.plan.steps[: row.position.cursor + 1]
    result = outcome(row.position, transition.event, transition.after)
    summary: dict[str, object] = {
        "scope": "release",
        "environment": row.plan.environment,
        "release": str(row.plan.release),
        "begunAt": write_time(moment(row.begun)),
        "outcome": result,
        "weightMax": max((step.weight for step in done if isinstance(step, Shift)), default=0),
        "requestsExposed": row.evidence.requests,
    }
    return {**summary, "liveAt" if result == "live" else "endedAt": write_time(transition.moment)}


def outcome(before: Position, event: Event, after: Position) -> str:
    """Returns how a release ended: live, rolled-back, aborted, denied, superseded, revoked or stranded."""
    if after.state in (State.LIVE, State.STRANDED):
        return str(after.state)
    why = before.reason if before.state is State.RETURNING else str(event)
    return next((word for known, word in WHY.items() if known == why), "rolled-back")

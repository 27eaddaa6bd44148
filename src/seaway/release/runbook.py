"""Every end but live as a page a person can act on: what was decided, why, and the exact commands that follow.

A runbook is data before it is text: commands are argument lists of `seaway`, checked by `parse`, so that `seaway
runbook run --dry-run` shows what would be run. The same text goes to the command line and to alert hooks.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from seaway.errors import UsageError
from seaway.release.evidence import Evidence
from seaway.release.forecast import Traffic, forecast
from seaway.release.judge import Verdict, described
from seaway.release.machine import Event, Position, State
from seaway.release.steps import Plan, Prepare

VERBS = frozenset(
    {"status", "resume", "abort", "approve", "deny", "rollback", "release", "judge", "logs", "ps", "why", "down"}
)


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a person needs at one exit: the decision, its evidence, what was hit, what to run and how to check it."""

    exit: str
    decision: str
    evidence: tuple[str, ...]
    blast: str
    commands: tuple[tuple[str, ...], ...]
    verify: tuple[str, ...]
    needed: str

    def text(self) -> str:
        """Returns the runbook as Markdown."""
        commands = "\n".join(shlex.join(command) for command in self.commands)
        proof = "\n".join(f"- {line}" for line in self.evidence) or "- none: nothing was judged"
        return (
            f"# {self.exit}\n\n{self.decision}\n\n## Evidence\n\n{proof}\n\n## Blast radius\n\n{self.blast}\n\n"
            f"## Run\n\n```\n{commands}\n```\n\n## Verify\n\n```\n{shlex.join(self.verify)}\n```\n\n"
            f"## Sample still needed\n\n{self.needed}\n"
        )


_DECISIONS: Mapping[str, str] = {
    "rolled back": "The new version was judged worse; stable has all requests, its configuration included.",
    "held: blind": "There is nothing to judge by. No data is neither a rollback nor a promotion: the weight stays.",
    "held: doubtful": "Requests differ, but not yet by pod. Doubt holds; it does not roll back.",
    "held: stuck": "The weight that was asked for is not the one observed.",
    "held: budget": "The judge's time is over before every criterion was certified.",
    "held: condemned": "The release should go back, but the way back needs a restore or is gone: a person decides.",
    "held: fault": "The release met an event its machine does not know. This is a fault of Seaway; report it.",
    "paused": "Somebody paused the release; the weight stays and watching goes on.",
    "awaiting": "A person with the named title has to approve before the next weight.",
    "not ready": "The new version's pods were not ready in time; stable has all requests.",
    "failed": "A step failed; stable has all requests.",
    "denied": "An approval was denied; stable has all requests.",
    "aborted": "Somebody aborted the release; stable has all requests.",
    "superseded": "A newer release took its place; stable had all requests first.",
    "revoked": "The new version's grant was revoked; stable has all requests.",
    "state lost": "The working state was lost in mid-release; stable has all requests again.",
    "stranded": "The way back failed too. Requests may go to pods that cannot answer.",
}
_HELD: Mapping[str, str] = {
    Event.BLIND: "held: blind",
    Event.DOUBTFUL: "held: doubtful",
    Event.TRAFFIC_STUCK: "held: stuck",
    Event.BUDGET_SPENT: "held: budget",
    Event.CONDEMNED: "held: condemned",
}
_ENDED: Mapping[str, str] = {
    Event.NOT_READY_IN_TIME: "not ready",
    Event.FAILED: "failed",
    Event.DENY: "denied",
    Event.ABORT: "aborted",
    Event.SUPERSEDED: "superseded",
    Event.REVOKED: "revoked",
    "state-lost": "state lost",
}
EXITS = tuple(_DECISIONS)


def exit_of(position: Position, why: str = "") -> str | None:
    """Names the exit a release is at, None while it goes on or is live; `why` is the event that began the return."""
    match position.state:
        case State.HELD:
            return _HELD.get(position.reason, "held: fault")
        case State.PAUSED:
            return "paused"
        case State.AWAITING:
            return "awaiting"
        case State.STRANDED:
            return "stranded"
        case State.ROLLED_BACK | State.RETURNING:
            return _ENDED.get(why or position.reason, "rolled back")
        case _:
            return None


def runbook(plan: Plan, leaves: str, verdict: Verdict | None, evidence: Evidence, file: str) -> Runbook:
    """Returns the runbook of an exit (one of EXITS); `file` is where the evidence file lies."""
    environment = plan.environment
    proof = () if verdict is None else (verdict.says, *(described(each) for each in verdict.standings))
    return Runbook(
        exit=leaves,
        decision=_DECISIONS[leaves],
        evidence=proof,
        blast=_blast(plan, evidence),
        commands=_commands(plan, leaves, file),
        verify=("seaway", "status", environment),
        needed=_needed(plan, verdict, evidence),
    )


def _blast(plan: Plan, evidence: Evidence) -> str:
    seen = evidence.requests
    services = ", ".join(sorted(plan.forked)) or "no service"
    return f"{seen} requests were judged on the new version of {services}; users behind them are not counted apart."


def _commands(plan: Plan, leaves: str, file: str) -> tuple[tuple[str, ...], ...]:
    """Returns the commands in the order in which to try them; each is complete as it stands."""
    environment = plan.environment
    look = (("seaway", "status", environment), ("seaway", "ps"))
    proof = ("seaway", "judge", "replay", file)
    resume = ("seaway", "resume", environment, "--reason", "looked into it")
    abort: tuple[str, ...] = ("seaway", "abort", environment, "--reason", "not worth the wait")
    if plan.stable is None:  # a first release has nothing to return to
        abort = ("seaway", "down", "--on", environment)
    match leaves:
        case "rolled back":
            return (proof, ("seaway", "logs", "--tail", "200"), *look)
        case "held: blind" | "held: stuck" | "paused":
            return (*look, resume, abort)
        case "held: doubtful":
            return (proof, *look, resume, abort)
        case "held: budget":
            return (*look, resume, ("seaway", "resume", environment, "--uncertified", "--reason", "accepted"), abort)
        case "held: condemned" if plan.stable is None:
            return (*look, resume, abort)
        case "held: condemned":
            return (*look, ("seaway", "rollback", environment, "--restore", "--reason", "restore it"), resume)
        case "awaiting":
            deny = ("seaway", "deny", environment, "--reason", "not yet")
            return (proof, ("seaway", "approve", environment, "--reason", "looked into it"), deny)
        case "stranded":
            again = ("seaway", "rollback", environment, "--reason", "again")
            return (*look, ("seaway", "logs", "--tail", "200"), again)
        case _:
            return (*look, ("seaway", "release", environment, "--dry-run"))


def _needed(plan: Plan, verdict: Verdict | None, evidence: Evidence) -> str:
    """Says how much is missing for a certificate at the rate seen, criterion by criterion."""
    if verdict is None or not evidence.ticks or not evidence.requests:
        return "unknown: nothing was counted"
    lines = []
    for criterion, standing in zip(plan.judge.criteria, verdict.standings, strict=True):
        if standing.certificate >= 1.0 / plan.judge.beta or not standing.canary.n:
            continue
        everyone = standing.canary.n + standing.stable.n
        rate = everyone / evidence.ticks / plan.judge.tick
        traffic = Traffic(rate, standing.canary.n / everyone, _canary_pods(plan))
        base = standing.stable if standing.stable.n else standing.canary
        told = forecast(plan.judge, criterion, traffic, base.bad / base.n)
        amount = "more than can be forecast" if told.requests is None else f"about {told.requests} requests"
        lines.append(f"{criterion.name}: {amount} of the new version from the start")
    return "; ".join(lines) or "none: every criterion is certified"


def _canary_pods(plan: Plan) -> int:
    return next((max(step.pods.values(), default=1) for step in plan.steps if isinstance(step, Prepare)), 1)


def parse(text: str) -> tuple[tuple[str, ...], ...]:
    """Reads the commands of a runbook's text; raises UsageError for one that `seaway` has no verb for."""
    commands = []
    blocks = text.split("```")[1::2]
    for line in "\n".join(blocks).splitlines():
        if not line.strip():
            continue
        words = tuple(shlex.split(line))
        if len(words) < 2 or words[0] != "seaway" or words[1] not in VERBS:
            raise UsageError(f"a runbook cannot run {line!r}", hint="commands begin with seaway and a verb")
        commands.append(words)
    return tuple(commands)

"""A granted bundle on its way live: the plan that is shown first, the request in the ledger, and watching.

The agent carries the release out; killing this process orphans nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from seaway.app.model import App
from seaway.app.release_keys import ReleaseKeys, SloKeys
from seaway.digest import Digest
from seaway.errors import Aborted, AgentMissing, EvidenceMissing, Held, NameUnknown, NoWayBack, RolledBack, Stranded
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Deployment, ReleaseRequest
from seaway.evidence.statement import PredicateType
from seaway.release.criteria import TIMED, Known, budget_of, declared, judged, spec_of
from seaway.release.document import encode
from seaway.release.history import LENGTHS
from seaway.release.steps import Party, Plan
from seaway.release.strategy import Move, describe, expand
from seaway.stages import places
from seaway.stages.acting import Person, now
from seaway.stages.built import open_bundle
from seaway.stages.calling import known_agent
from seaway.stages.running import agent
from seaway.targets.base import Features, Version
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
ENDS = frozenset({"live", "rolled-back", "stranded"})
WAITS = frozenset({"held", "paused", "awaiting"})
PASSING = frozenset({"doubtful", "blind", "traffic-stuck"})  # holds that end by themselves: watching goes on
LONGEST_HOLD = 300.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A release ready to be asked for."""

    plan: Plan
    version: Version
    features: Features

    @property
    def lines(self) -> tuple[str, ...]:
        """The steps as people read them."""
        return describe(self.plan.steps)


def prepare(space: Workspace, notary: Notary, environment: str, placed: places.Placed, say: Say) -> Prepared:
    """Plans the release of an installed version against what is stable now."""
    version = placed.version
    app = space.load(environment, governed=True)
    keys = app.extension.release
    canary, before = Party.of(version), places.stable(space, environment)
    if before is not None and before.digest == version.digest:
        raise EvidenceMissing(
            f"there is nothing to release: {environment} runs bundle {version.bundle.short}",
            hint="build and promote another bundle",
        )
    stable = Party.of(before) if before is not None else None
    move = Move(canary, stable)
    known = {name: one for name, one in _known(space, environment, move).items() if name in canary.routed}
    _say_unjudged(keys, known, say)
    plan = Plan(
        release=_next(notary, environment),
        environment=environment,
        bundle=version.bundle,
        canary=canary,
        stable=stable,
        steps=expand(keys, move, placed.features),
        judge=spec_of(keys, known or _any(app, canary), version.bundle, LENGTHS[0]),
        place=placed.place,
        budgets=dict(_budgets(keys, known)),
    )
    return Prepared(plan, version, placed.features)


def running(space: Workspace, environment: str) -> Mapping[str, Any] | None:
    """Returns the release that is under way in an environment, None where none is or nobody knows."""
    try:
        seen = watch_once(space, environment)
    except (AgentMissing, NameUnknown):
        return None
    return None if seen["state"] in ENDS else seen


def under_way(space: Workspace, plan: Plan) -> int | None:
    """Returns the number of the release that brings the same version already: asked for twice, it is one release.

    Whoever was killed while watching, and asks again, watches on; another one would supersede it by itself.
    """
    seen = running(space, plan.environment)
    return int(seen["release"]) if seen and seen["version"] == str(plan.canary.digest) else None


def request(space: Workspace, notary: Notary, prepared: Prepared, *, operator: Person, reason: str = "") -> int:
    """Records that a release is asked for, then hands it to the agent; returns the leaf."""
    plan = prepared.plan
    agent(space).ask("may", environment=plan.environment, ask="supersede")
    asked = ReleaseRequest(
        verb="release",
        environment=plan.environment,
        release=str(plan.release),
        target=str(plan.canary.digest),
        person=operator.id,
        at=now(),
        reason=reason,
    )
    leaf = notary.append(asked.about(plan.bundle), operator.signer).index
    agent(space).ask("release", plan=encode(plan), now=time.time())
    return leaf


def steer(
    space: Workspace, notary: Notary, environment: str, ask: str, *, operator: Person, reason: str
) -> dict[str, Any]:
    """Records what a person asks of a running release and hands it to the agent."""
    watched = watch_once(space, environment)
    known_agent(space).ask("may", environment=environment, ask=ask)
    asked = ReleaseRequest(
        verb=ask,
        environment=environment,
        release=str(watched["release"]),
        target="",
        person=operator.id,
        at=now(),
        reason=reason,
    )
    leaf = notary.append(asked.about(Digest.parse(watched["bundle"])), operator.signer).index
    client = agent(space)
    client.ask("steer", environment=environment, ask=ask, by=operator.id, reason=reason, leaf=leaf)
    return watch_once(space, environment)


def watch_once(space: Workspace, environment: str) -> dict[str, Any]:
    """Returns a release as the agent sees it; raises AgentMissing or NameUnknown."""
    found: dict[str, Any] = known_agent(space).ask("watch", environment=environment)
    return found


def watch(space: Workspace, environment: str, release: int, *, every: float = 0.25) -> Iterator[Mapping[str, Any]]:
    """Yields a release whenever it has changed, until it ends or waits for a person."""
    last = ""
    while True:
        seen = watch_once(space, environment)
        if seen["release"] == release:
            mark = f"{seen['state']} {seen['cursor']} {seen['requests']}"
            if mark != last:
                last = mark
                yield seen
            if seen["state"] in ENDS or _waits_for_somebody(seen):
                return
        time.sleep(every)


def _waits_for_somebody(seen: Mapping[str, Any]) -> bool:
    """Whether a person must act: asked for, out of time, condemned, or a passing hold that did not pass."""
    if seen["state"] == "held" and seen["reason"] in PASSING:
        return bool(time.time() - seen["since"] > LONGEST_HOLD)
    return seen["state"] in WAITS


def or_raise(environment: str, seen: Mapping[str, Any]) -> None:
    """Raises what a release came to, unless it is live."""
    state, papers = seen["state"], seen["papers"]
    says = f"release {seen['release']} of {environment}: {seen['reason'] or state}"
    hint = f"{papers}/runbook.md"
    match state:
        case "live":
            return
        case "rolled-back":
            kinds = {"abort": Aborted, "deny": Aborted, "superseded": Aborted, "revoked": Aborted}
            raise kinds.get(str(seen["reason"]), RolledBack)(says, where=environment, hint=hint)
        case "stranded":
            raise Stranded(says, where=environment, hint=hint)
        case _:
            raise Held(says, where=environment, hint=f"seaway status {environment}")


def previous(space: Workspace, notary: Notary, environment: str) -> Digest:
    """Returns the bundle that was live in an environment before the present one."""
    present = places.stable(space, environment)
    earlier = [bundle for bundle in lived(notary, environment) if present is None or bundle != present.bundle]
    if not earlier:
        raise NoWayBack(f"no other bundle was live in {environment} before", hint=f"seaway status {environment}")
    return earlier[-1]


def way_back(space: Workspace, notary: Notary, environment: str, say: Say) -> places.Placed:
    """Returns the version that was live before the present one as it was installed then, its configuration included.

    Only where that is gone the bundle is installed anew, with what the compose file says today.
    """
    bundle = previous(space, notary, environment)
    deployed = notary.verified(subject=bundle, predicate_type=PredicateType.DEPLOYMENT)
    deeds = [Deployment.of(one.statement) for one in reversed(deployed)]
    versions = [deed.manifest_digest for deed in deeds if deed.environment == environment]
    kept = places.kept(space, environment, versions)
    return kept or places.install(space, environment, open_bundle(space, bundle)[0], say)


def lived(notary: Notary, environment: str) -> list[Digest]:
    """Returns the bundles that went live in an environment, the last one last."""
    found = notary.verified(predicate_type=PredicateType.METRIC_SUMMARY)
    ended = [(verified.statement.subject, verified.statement.predicate) for verified in found]
    return [bundle for bundle, said in ended if (said.get("environment"), said.get("outcome")) == (environment, "live")]


def _known(space: Workspace, environment: str, move: Move) -> dict[str, Known]:
    """Returns what is known of each service that is split, with the objectives it declares."""
    app = space.load(environment, governed=True)
    stable = move.stable.services if move.stable else {}
    return {
        name: Known(slo=app.services[name].extension.slo or SloKeys())
        for name in move.forked
        if name in stable and name in app.services
    }


def _say_unjudged(keys: ReleaseKeys, services: Mapping[str, Known], say: Say) -> None:
    """Says what is not judged, and what cannot be certified while nothing goes wrong: both before anybody waits."""
    for service, known in services.items():
        for each in set(keys.criteria) - set(judged(keys, known.slo)):
            says = (
                f"{each.name} of {service} is not judged: it has no threshold, as slo: {{{each.name}: {{p95: 250ms}}}}"
            )
            say("criteria", says)
        for each in judged(keys, known.slo):
            if declared(each, known.slo) is None:
                says = f"{each.name} of {service} has no objective: while neither version fails, nothing certifies it"
                say("criteria", says + (", as slo: {availability: 99}" if each.name == "errors" else ""))


def _budgets(keys: ReleaseKeys, services: Mapping[str, Known]) -> Iterator[tuple[str, float]]:
    for service, known in services.items():
        for each in judged(keys, known.slo):
            if each.name in TIMED:
                yield service, budget_of(each, known.slo)


def _any(app: App, party: Party) -> dict[str, Known]:
    """Returns one service with its objectives: a plan has a spec even where nothing is compared."""
    name = min(party.routed or party.services, default="app")
    slo = app.services[name].extension.slo if name in app.services else None
    return {name: Known(slo=slo or SloKeys())}


def _next(notary: Notary, environment: str) -> int:
    """Returns the number of the next release: one above all that were ever asked for."""
    known = [0]
    for verified in notary.verified(predicate_type=PredicateType.RELEASE_REQUEST):
        said = ReleaseRequest.of(verified.statement)
        if said.environment == environment and said.release.isdecimal():
            known.append(int(said.release))
    return max(known) + 1


def without_judging(prepared: Prepared) -> Prepared:
    """Returns a release that goes all at once: the way back to a version that was live before."""
    keys = ReleaseKeys(strategy="all-at-once", bake=0.0)
    move = Move(prepared.plan.canary, prepared.plan.stable)
    return replace(prepared, plan=replace(prepared.plan, steps=expand(keys, move, prepared.features)))

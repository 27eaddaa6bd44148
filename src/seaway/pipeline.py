"""The story: one function a verb, from a compose file to a watched release.

Each reads as the steps it takes; what a step does is in `stages` and the rooms below. Nothing here prints: what is
worth saying while it lasts goes to `say(what, detail)`, what came of it is the value returned or the error raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import EvidenceMissing, FindingsError, UsageError
from seaway.evidence.deeds import Outcome
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Approval, ExceptionGrant
from seaway.evidence.roles import Role
from seaway.findings import Finding, Level
from seaway.graph.answer import Why
from seaway.image.lockfile import Lock
from seaway.policy.decision import Decision
from seaway.policy.rules import PolicySet
from seaway.stages import approving, asking, attesting, building, deciding, releasing, running, scanning, testing
from seaway.targets.check import Purpose
from seaway.targets.check import check as check_target
from seaway.workspace import Workspace

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose beside the environment: a key by name or URI, a bundle by digest or its beginning."""

    key: str | None = None
    bundle: str | None = None
    reason: str = ""


# -- look ----------------------------------------------------------------------------------------------------------


def check(space: Workspace, environment: str | None, purpose: Purpose | None) -> tuple[Finding, ...]:
    """Says what stands between the compose file and a target, gravest first."""
    app = space.load(environment, lenient=True)
    target = purpose or ("kubernetes" if environment is None or app.environment.target == "kubernetes" else "docker")
    return check_target(app, purpose=target, today=attesting.now().date())


# -- containerize --------------------------------------------------------------------------------------------------


def lock(space: Workspace, say: Say, *, upgrade: bool = False) -> Lock:
    """Pins what each native image is made of."""
    return building.lock_all(space, say, upgrade=upgrade)


def build(space: Workspace, say: Say, *, frozen: bool = False, choice: Choice = Choice()) -> building.BuiltBundle:
    """Builds images and bundle, and signs what is known of them where a builder's key is at hand."""
    built = building.build_all(space, say, frozen=frozen)
    if choice.key or attesting.can_attest(space):
        with space.notary() as notary:
            said = attesting.attest(space, notary, built, named=choice.key)
            say("attest", f"{len(said)} statements")
    return built


# -- run on this machine -------------------------------------------------------------------------------------------


def up(space: Workspace, environment: str, say: Say, *, built: bool = True) -> running.Up:
    """Builds what changed and runs it at once; a gated environment takes releases, never `up`."""
    if deciding.gates_of(space, environment) is not None:
        raise UsageError(
            f"{environment} has gates", hint=f"seaway promote {environment}, then seaway release {environment}"
        )
    bundle = build(space, say).bundle if built else building.last_bundle(space)
    return running.up(space, environment, bundle, say)


# -- verify --------------------------------------------------------------------------------------------------------


def test(
    space: Workspace, environment: str, suite: str | None, say: Say, *, choice: Choice
) -> list[testing.SuiteResult]:
    """Runs suites against what runs, signs each result for the bundle and its images; the caller looks at outcomes."""
    results = []
    for name, keys in testing.suites_of(space, suite).items():
        result = testing.run_suite(space, environment, name, keys, say)
        with space.notary() as notary:
            tester = attesting.actor(space, notary, Role.TESTER, named=choice.key, environment=environment)
            testing.sign(notary, space, environment, result, tester=tester)
        results.append(result)
    if not results:
        raise EvidenceMissing("the app has no suite", where="x-seaway.suites", hint="x-seaway.suites: {e2e: {…}}")
    return results


def scan(space: Workspace, say: Say, *, choice: Choice) -> tuple[tuple[scanning.Scanned, ...], tuple[str, ...]]:
    """Scans the bundle's images and signs what came out; returns scans and the images without any source."""
    with space.notary() as notary:
        scanner = attesting.actor(space, notary, Role.SCANNER, named=choice.key)
        scanned = scanning.scan_bundle(space, notary, chosen(space, choice), say)
        return scanned, scanning.sign(notary, scanned, scanner=scanner)


def approve(space: Workspace, environment: str, *, choice: Choice, title: str = "") -> Approval:
    """Approves the bundle that would be promoted, on exactly the evidence there is."""
    with space.notary() as notary:
        approver = attesting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
        return approving.Desk(space, notary, environment, chosen(space, choice)).approve(approver, choice.reason, title)


def waive(space: Workspace, environment: str, wanted: approving.Waive, *, choice: Choice) -> tuple[ExceptionGrant, ...]:
    """Signs an exception to a rule, which ends by itself."""
    with space.notary() as notary:
        approver = attesting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
        return approving.Desk(space, notary, environment, chosen(space, choice)).waive(approver, wanted)


def policy(space: Workspace, environment: str) -> PolicySet:
    """Returns the rules in force for an environment; one without gates has none."""
    gates = deciding.gates_of(space, environment)
    if gates is None:
        raise UsageError(f"{environment} has no gates", where=f"x-seaway.environments.{environment}")
    return deciding.policy_of(space, gates)


def consent(space: Workspace, environment: str, *, choice: Choice) -> tuple[Digest, Digest | None]:
    """Consents to an environment's present rules; returns their digest and that of the rules they replace."""
    with space.notary() as notary:
        approver = attesting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
        found = policy(space, environment)
        return found.digest, approving.consent(notary, environment, found, approver=approver, reason=choice.reason)


# -- promote and release -------------------------------------------------------------------------------------------


def promote(space: Workspace, environment: str, say: Say, *, choice: Choice) -> Decision:
    """Grants the bundle to an environment if its gates open; either way the decision is signed and recorded."""
    if deciding.gates_of(space, environment) is None:
        raise UsageError(f"{environment} has no gates", hint=f"seaway release {environment}")
    with space.notary() as notary:
        operator = attesting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        bundle = chosen(space, choice)
        case = deciding.prepare(space, notary, environment, bundle, requester=operator.id)
        for each in case.refused:
            say("exception", f"{each.id.short} does not count: {each.why}")
        return deciding.promote(space, notary, case, bundle, operator=operator)


def plan(space: Workspace, environment: str, say: Say, *, choice: Choice) -> releasing.Prepared:
    """Plans the release of what was promoted; nothing moves."""
    with space.reading() as notary:
        return releasing.prepare(space, notary, environment, releasable(space, notary, environment, choice), say)


def release(space: Workspace, environment: str, prepared: releasing.Prepared, *, choice: Choice) -> int:
    """Asks for a planned release: first in the ledger, then the agent; returns the release's number."""
    with space.notary() as notary:
        operator = attesting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        releasing.request(space, notary, prepared, operator=operator, reason=choice.reason)
    return prepared.plan.release


def steer(space: Workspace, environment: str, ask: str, *, choice: Choice) -> dict[str, Any]:
    """Asks a running release to pause, resume or abort, in the ledger first."""
    with space.notary() as notary:
        operator = attesting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        return releasing.steer(space, notary, environment, ask, operator=operator, reason=choice.reason)


def rollback(space: Workspace, environment: str, say: Say) -> releasing.Prepared:
    """Plans the way back to the bundle that was live before, configuration included, all at once."""
    with space.reading() as notary:
        digest = releasing.previous(space, notary, environment)
        bundle, _ = building.open_bundle(space, digest)
        return releasing.without_judging(releasing.prepare(space, notary, environment, bundle, say))


def ship(space: Workspace, environment: str, say: Say, *, choice: Choice) -> Bundle:
    """Walks the road up to the release of `environment`: build, run and test before, scan, promote.

    Stops at the first gate that needs a person; the error's hint is the one command that person runs.
    """
    bundle = build(space, say, choice=choice).bundle
    before = space.before(environment)
    if before:
        up(space, before, say, built=False)
        failed = [
            one.name for one in test(space, before, None, say, choice=choice) if one.outcome is not Outcome.PASSED
        ]
        if failed:
            raise FindingsError(
                tuple(Finding("SW-1108", Level.ERROR, f"suite {name} did not pass", before) for name in failed),
                hint=f"seaway test {before}",
            )
    if deciding.gates_of(space, environment) is not None:
        scan(space, say, choice=choice)
        say("promote", environment)
        promote(space, environment, say, choice=choice).or_raise()
    return bundle


def why(space: Workspace, subject: str, environment: str | None) -> Why:
    """Says what stands behind a request, a digest or a deployment, from the ledger alone."""
    return asking.why(space, subject, environment)


# -- what is meant -------------------------------------------------------------------------------------------------


def chosen(space: Workspace, choice: Choice) -> Bundle:
    """Returns the bundle that is named, else the one built last."""
    if choice.bundle is None:
        return building.last_bundle(space)
    return building.find_bundle(space, choice.bundle)


def releasable(space: Workspace, notary: Notary, environment: str, choice: Choice) -> Bundle:
    """Returns the bundle to release: where there are gates, one that was granted."""
    if deciding.gates_of(space, environment) is None:
        return chosen(space, choice)
    digest = deciding.granted(notary, environment)
    if choice.bundle is None and digest is None:
        raise deciding.missing(environment)
    bundle = chosen(space, choice) if choice.bundle else building.open_bundle(space, digest or Digest.of(b""))[0]
    deciding.require_granted(notary, environment, bundle)
    return bundle

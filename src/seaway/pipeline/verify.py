"""Verify: suites, scans, approvals, exceptions, and the rules they are held against."""

from __future__ import annotations

from seaway.digest import Digest
from seaway.errors import EvidenceMissing, UsageError
from seaway.evidence.progress import Approval, ExceptionGrant
from seaway.evidence.roles import Role
from seaway.pipeline.choice import Choice, Say
from seaway.pipeline.meant import chosen
from seaway.policy.rules import PolicySet
from seaway.stages import acting, approving, deciding, scanning, testing
from seaway.workspace import Workspace


def test(
    space: Workspace, environment: str, suite: str | None, say: Say, *, choice: Choice
) -> list[testing.SuiteResult]:
    """Runs suites against what runs, signs each result for the bundle and its images; the caller looks at outcomes."""
    results = []
    for name, keys in testing.suites_of(space, suite).items():
        result = testing.run_suite(space, environment, name, keys, say)
        with space.notary() as notary:
            tester = acting.actor(space, notary, Role.TESTER, named=choice.key, environment=environment)
            testing.sign(notary, space, environment, result, tester=tester)
        results.append(result)
    if not results:
        raise EvidenceMissing("the app has no suite", where="x-seaway.suites", hint="x-seaway.suites: {e2e: {…}}")
    return results


def scan(space: Workspace, say: Say, *, choice: Choice) -> tuple[tuple[scanning.Scanned, ...], tuple[str, ...]]:
    """Scans the bundle's images and signs what came out; returns scans and the images without any source."""
    with space.notary() as notary:
        scanner = acting.actor(space, notary, Role.SCANNER, named=choice.key)
        scanned = scanning.scan_bundle(space, notary, chosen(space, choice), say)
        return scanned, scanning.sign(notary, scanned, scanner=scanner)


def approve(space: Workspace, environment: str, *, choice: Choice, title: str = "") -> Approval:
    """Approves the bundle that would be promoted, on exactly the evidence there is."""
    with space.notary() as notary:
        approver = acting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
        return approving.Desk(space, notary, environment, chosen(space, choice)).approve(approver, choice.reason, title)


def waive(space: Workspace, environment: str, wanted: approving.Waive, *, choice: Choice) -> tuple[ExceptionGrant, ...]:
    """Signs an exception to a rule, which ends by itself."""
    with space.notary() as notary:
        approver = acting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
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
        approver = acting.actor(space, notary, Role.APPROVER, named=choice.key, environment=environment)
        found = policy(space, environment)
        return found.digest, approving.consent(notary, environment, found, approver=approver, reason=choice.reason)

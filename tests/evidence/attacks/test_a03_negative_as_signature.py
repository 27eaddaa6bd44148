"""A FAILED test or a rejection by a releaser's key would pass stock verifiers of images: that key never signs one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seaway.digest import Digest
from seaway.errors import KeyRefused
from seaway.evidence.deeds import Outcome, Resource, TestResult
from seaway.evidence.keys import PrivateKey
from seaway.evidence.progress import Approval, Choice, Decision, Release, Result, Verifier, evidence_set
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType, Statement
from tests.evidence.refused import refused
from tests.evidence.world import START, World, subject

pytestmark = pytest.mark.rootless


def decision(result: Result, environment: str = "prod") -> Statement:
    """Returns a decision with a result."""
    return Decision(
        verifier=Verifier(id="https://seaway.dev/gate"),
        time_verified=START,
        resource_uri="pkg:oci/shop",
        policy=Resource.named("policy", Digest.of(b"policy")),
        input_attestations=(),
        verification_result=result,
        verified_levels=("SLSA_BUILD_LEVEL_1",) if result is Result.PASSED else ("FAILED",),
        seaway_decision={"environment": environment},
    ).about(subject())


def bad_news() -> list[Statement]:
    """Returns what a releaser must never sign."""
    test = TestResult(result=Outcome.FAILED, configuration=(), seaway_suite={"name": "e2e", "environment": "prod"})
    entries, digest = evidence_set(())
    rejection = Approval(
        decision=Choice.REJECTED,
        environment="prod",
        person="p-rel",
        evidence_set=digest,
        entries=entries,
        policy=Digest.of(b"policy"),
        at=START,
        expires=START + timedelta(days=1),
    )
    says_more = Statement.about(subject(), PredicateType.RELEASE, {"result": "FAILED"})
    return [test.about(subject()), rejection.about(subject()), decision(Result.FAILED), says_more]


@pytest.mark.parametrize("place", range(4))
def test_the_signer_itself_refuses_bad_news(place: int) -> None:
    """A key opened as a releaser's signs good news only, whoever asks."""
    key = PrivateKey.generate().limited([Role.RELEASER], "prod")
    with refused(KeyRefused, "does not sign this", 35):
        key.sign(bad_news()[place])
    key.sign(Release().about(subject()))
    key.sign(decision(Result.PASSED))


def test_a_releaser_speaks_for_its_environment_only() -> None:
    """The key of production says nothing about staging."""
    key = PrivateKey.generate().limited([Role.RELEASER], "prod")
    with refused(KeyRefused, "for prod, not for staging", 35):
        key.sign(decision(Result.PASSED, "staging"))


def test_the_ledger_refuses_bad_news_by_a_releaser(world: World) -> None:
    """A key that is not limited where it is used is limited by its enrolment."""
    with world.found() as notary:
        releaser = world.enrol(notary, "p-rel", Role.RELEASER, environment="prod")
        for statement in bad_news()[:3]:
            with refused(KeyRefused, "may not sign this", 35):
                notary.append(statement, releaser)
        notary.append(decision(Result.PASSED), releaser)

"""Attacks on the policy itself, by their numbers in the list of attacks."""

from __future__ import annotations

import pytest

from seaway.digest import Digest
from seaway.errors import RuleRefused
from seaway.evidence.statement import PredicateType as T
from seaway.policy.gathered import Absent
from seaway.policy.rules import load_policy
from seaway.policy.shape import State
from tests.policy.attacks.steps import ODD, alone, consent, decided_before, refused, weakened
from tests.policy.world import Somebody, open_world

pytestmark = pytest.mark.rootless


def test_a25_policy_weakened() -> None:
    """A policy that asks for less does not decide before it was approved under the one that asked for more."""
    world = weakened()
    before = open_world().policy.digest
    refused(world, "policy-consented", "changed without approval")
    consent(world, "bob", Digest.of(b"another"))
    assert world.against() == ["policy-consented"]
    consent(world, "alice", before)
    assert world.against() == ["policy-consented"], "who asks for the promotion does not consent"
    consent(world, "bob", before, person="carol")
    assert world.against() == ["policy-consented"], "nobody consents for another"
    consent(world, "bob", before, "owner")
    assert world.against() == ["policy-consented"], "only approvers consent"
    consent(world, "bob", before)
    assert world.against() == []


def test_a25_a_consent_is_not_used_twice() -> None:
    """Back and forth: the consent to the first change does not serve for the same change later."""
    world = weakened()
    strict, weak = open_world().policy, world.policy
    consent(world, "bob", strict.digest)
    assert world.against() == []
    decided_before(world)
    world.policy = strict
    consent(world, "bob", weak.digest)
    world.approve()
    assert world.against() == []
    decided_before(world)
    world.policy = weak
    assert world.against() == ["policy-consented"]
    consent(world, "bob", strict.digest, reason="again")
    assert world.against() == []


def test_a25_a_consent_outlives_decisions_under_the_same_policy() -> None:
    """A promotion under the old policy after the consent does not spend it."""
    world = weakened()
    strict, weak = open_world().policy, world.policy
    consent(world, "bob", strict.digest)
    world.policy = strict
    decided_before(world)
    world.policy = weak
    assert world.against() == []


@pytest.mark.parametrize(
    ("approvals", "titles", "persons", "passes"),
    [
        (2, {}, ["bob"], False),
        (2, {}, ["bob", "bob"], False),
        (2, {}, ["bob", "carol"], True),
        (0, {}, [], False),
        (1, {"risk-owner": 1}, ["bob"], False),
        (1, {"risk-owner": 1}, ["carol"], True),
    ],
)
def test_a25_as_many_consent_as_were_asked_before(
    approvals: int, titles: dict[str, int], persons: list[str], passes: bool
) -> None:
    """Persons and titles are those of the policy before; at least one."""
    world = weakened(approvals, titles)
    for person in persons:
        consent(world, person, open_world().policy.digest)
    assert world.decide().passed is passes


def test_a25_a_rule_set_to_audit_is_a_change() -> None:
    """A level is part of the policy's digest."""
    text = ODD.replace("on: evidence", "on: evidence\nlevel: audit")
    enforced, audited = (load_policy(more=[("odd.yaml", one)]).digest for one in (ODD, text))
    assert enforced != audited


@pytest.mark.parametrize(
    "odd", [{}, {"approvals": "2", "titles": {}}, {"approvals": 1, "titles": {"x": "y"}}, {"approvals": 1}]
)
def test_a25_a_decision_that_does_not_say_what_it_asked_is_no_consent(odd: dict[str, object]) -> None:
    """An older record without the numbers stops rather than counting as none."""
    world = open_world()
    decided_before(world)
    world.edit(T.DECISION, lambda predicate: predicate["seaway_decision"].update(consent=odd))  # type: ignore[attr-defined]
    assert "policy-consented" in world.against()


def test_a25_only_passed_decisions_here_fix_the_policy() -> None:
    """A failed decision, or one of another environment, is no policy before."""
    world = open_world()
    decided_before(world)
    world.edit(T.DECISION, lambda p: p["seaway_decision"].update(environment="staging"))  # type: ignore[attr-defined]
    world.policy = load_policy(parameters={"tests-passed": {"suites": ["e2e"]}, "scan-fresh": {"maxAge": 9000}})
    world.approve()
    assert world.against() == []


def test_a25_a_lost_decision_may_have_fixed_another_policy() -> None:
    """What cannot be read may have been the policy in force."""
    world = open_world()
    world.absent.append(Absent(None, T.DECISION, 99, State.ERASED))
    refused(world, "policy-consented", "changed without approval")


def test_a52_costly_rule() -> None:
    """A rule that is long or nests deep is refused when it loads."""
    deep = "evidence.images.all(a, evidence.images.all(b, evidence.images.all(c, evidence.images.all(d, true))))"
    for expression in (deep, "true && " * 600 + "true"):
        with pytest.raises(RuleRefused) as caught:
            load_policy(more=[("costly.yaml", ODD.replace("image.nothing == 1", f"'{expression}'"))])
        assert caught.value.exit_code == 41
        assert "costly.yaml: validations[0]" in str(caught.value.where)


def test_a72_a_single_approver_consents_alone() -> None:
    """Where the policy before let one approver approve itself, one may change it; with a second one not."""
    world = alone()
    decided_before(world)
    before = world.policy.digest
    world.policy = load_policy(
        parameters={"tests-passed": {"suites": ["e2e"]}, "approved-by-another": {"approvals": 0}}
    )
    assert world.against() == ["policy-consented"]
    consent(world, "alice", before)
    assert world.against() == []
    world.people["bob"] = Somebody(world.people["alice"].roles)
    assert world.against() == ["policy-consented"]

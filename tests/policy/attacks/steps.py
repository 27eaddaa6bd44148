"""Steps that several attacks share."""

from __future__ import annotations

import pytest

from seaway.digest import Digest
from seaway.errors import PolicyDenied
from seaway.evidence.statement import PredicateType as T
from seaway.policy.decision import Asked, Decision, summary
from seaway.policy.rules import load_policy
from tests.policy.world import BUNDLE, Somebody, World, moment, open_world


def refused(world: World, rule: str, says: str) -> Decision:
    """Asserts that this rule alone refuses, with these words, by exit code 40."""
    decision = world.decide()
    assert world.against() == [rule]
    with pytest.raises(PolicyDenied, match=says) as caught:
        decision.or_raise()
    assert caught.value.exit_code == 40
    assert caught.value.hint
    return decision


def unscanned() -> World:
    """Returns a world that lacks nothing but a scan."""
    world = open_world(approved=False)
    world.drop(T.VULNERABILITIES)
    return world


ODD = """
name: odd
on: evidence
each: images
validations:
  - {expression: image.nothing == 1, fact: images.nothing, message: odd, hint: none}
"""


def decided_before(
    world: World, approvals: int = 1, titles: dict[str, int] | None = None, result: str = "PASSED"
) -> None:
    """Records that the world's policy decided once, asking for so many approvals."""
    asked = Asked(1, 0, Digest.of(b""))
    said = summary(world.decide(), asked, inputs=[], resource="pkg:oci/shop", version="0.1").about(BUNDLE)
    predicate = dict(said.predicate) | {"verificationResult": result}
    predicate["seaway_decision"] = dict(said.predicate["seaway_decision"]) | {  # type: ignore[call-overload]
        "consent": {"approvals": approvals, "titles": titles or {}}
    }
    world.says("carol", "releaser", about=BUNDLE, kind=T.DECISION, **predicate)


def weakened(approvals: int = 1, titles: dict[str, int] | None = None) -> World:
    """Returns a world whose policy asks for no approval any more, after one that did."""
    world = open_world()
    decided_before(world, approvals, titles)
    world.policy = load_policy(
        parameters={"tests-passed": {"suites": ["e2e"]}, "approved-by-another": {"approvals": 0}}
    )
    return world


def consent(world: World, person: str, before: Digest, role: str = "approver", /, **changes: object) -> None:
    """Says that somebody approves the world's policy after the one before."""
    predicate: dict[str, object] = {
        "at": moment(),
        "person": person,
        "rules": ["tests-passed"],
        "replaces": str(before),
    }
    world.says(person, role, about=world.policy.digest, kind=T.POLICY_VERSION, **(predicate | changes))


def alone(**changes: object) -> World:
    """Returns a team of one, who has written, built and asked, with the exception that says so."""
    world = open_world(approved=False)
    everything = world.people["alice"].roles | world.people["bob"].roles
    world.people = {"alice": Somebody(everything, addresses=("alice@acme.example",)), "tess": world.people["tess"]}
    scope = {"scope": {"environment": "prod"}, "requestedBy": "alice", "approver": "alice"}
    world.excepts("approved-by-another", "alice", world.policy.digest, **(scope | changes))
    return world

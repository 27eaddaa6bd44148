"""Attacks on approvals, by their numbers in the list of attacks: each refused, for its own reason, by exit code 40."""

from __future__ import annotations

import pytest

from seaway.digest import Digest
from seaway.evidence.statement import PredicateType as T
from seaway.policy.gathered import Absent
from seaway.policy.rules import load_policy
from seaway.policy.shape import State
from tests.policy.attacks.steps import refused
from tests.policy.world import BUNDLE, IMAGE, Somebody, moment, open_world, provenance, scan

pytestmark = pytest.mark.rootless


def test_a02_wrong_type_as_approval() -> None:
    """A passed suite about the bundle is no approval of it."""
    world = open_world(approved=False)
    world.says("tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result="PASSED", configuration=[], seaway_suite={})
    refused(world, "approved-by-another", "0 of 1 approvals")


def test_a03_rejection_is_no_approval() -> None:
    """A rejection counts against it until its author approves; another's approval does not outvote it."""
    world = open_world()
    world.approve("carol", decision="rejected")
    refused(world, "approved-by-another", "carol: rejected")
    world.approve("bob")
    assert world.against() == ["approved-by-another"]
    world.approve("carol")
    assert world.against() == []


def test_a14_one_person_two_keys() -> None:
    """Two approvals by two keys of one person are one person."""
    world = open_world(approved=False)
    world.policy = load_policy(
        parameters={"tests-passed": {"suites": ["e2e"]}, "approved-by-another": {"approvals": 2}}
    )
    world.approve("bob")
    world.approve("bob", title="release-manager")
    refused(world, "approved-by-another", "1 of 2 approvals")


@pytest.mark.parametrize(
    "address",
    ["alice@acme.example", "ALICE@ACME.EXAMPLE", "alice+ci@acme.example", "аlice@acme.example", "alicе@acme.example"],
)
def test_a17_self_approval(address: str) -> None:
    """Who wrote the commit does not approve it, under whatever spelling of the address."""
    world = open_world(approved=False)
    world.people["eve"] = Somebody(world.people["bob"].roles, addresses=("alice@acme.example",))
    world.people["alice"] = Somebody(world.people["alice"].roles)
    world.asks(requester="tess", identities={"a" * 40: (address,)})
    world.approve("eve")
    refused(world, "approved-by-another", "eve: self")


@pytest.mark.parametrize("part", ["requester", "builder"])
def test_a17_who_asked_or_built_does_not_approve(part: str) -> None:
    """The requester and the builder are parties too, though they wrote nothing."""
    world = open_world(approved=False)
    if part == "builder":
        world.says("bob", "builder", about=IMAGE, kind=T.PROVENANCE, **provenance())
    else:
        world.asks(requester="bob")
    world.approve("bob")
    refused(world, "approved-by-another", "bob: self")


@pytest.mark.parametrize("identities", [{}, {"a" * 40: ()}, {"a" * 40: ("alice@acme.example", "who@nowhere.example")}])
def test_a17_an_unknown_author_excludes_no_self_approval(identities: dict[str, tuple[str, ...]]) -> None:
    """An author who resolves to nobody could be the approver."""
    world = open_world()
    world.asks(identities=identities)
    refused(world, "approved-by-another", "self-approval cannot be excluded")


def test_a17_a_commit_that_is_not_named_has_no_author() -> None:
    """Provenance without a source commit leaves the author unknown as well."""
    world = open_world(approved=False)
    world.says("alice", "builder", about=IMAGE, kind=T.PROVENANCE, **provenance(""))
    world.approve()
    assert world.against() == ["approved-by-another", "signed-provenance"]


def test_a17_an_unknown_requester_is_refused() -> None:
    """Who asks is somebody the ledger knows."""
    world = open_world()
    del world.people["alice"]
    world.people["al"] = Somebody(addresses=("alice@acme.example",))
    refused(world, "approved-by-another", "self-approval cannot be excluded")


def test_a18_other_evidence_set() -> None:
    """An approval of other evidence, though later than all of it, does not count."""
    world = open_world(approved=False)
    old = world.approve()
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **scan(skipped=[], state="scanned", note=1))
    stale = dict(old.statement.predicate)
    world.says("bob", "approver", about=BUNDLE, kind=T.APPROVAL, **stale)
    refused(world, "approved-by-another", "bob: of other evidence")


def test_a19_stale_approval() -> None:
    """Evidence that came after the approval was not seen by it."""
    world = open_world()
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **scan())
    refused(world, "approved-by-another", "bob: of other evidence")


def test_a19_an_approval_older_than_its_evidence() -> None:
    """An approval that names the right set and still lies before some of it foretold it; that is not seeing it."""
    world = open_world(approved=False)
    late = world.entries.pop()
    foretold = open_world(approved=False).approve()
    world.says("bob", "approver", about=BUNDLE, kind=T.APPROVAL, **foretold.statement.predicate)
    moved = world.entries.pop()
    world.entries.append(type(moved)(moved.statement, 3, "bob", moved.role, moved.titles, moved.key, moved.envelope))
    world.entries.append(late)
    refused(world, "approved-by-another", "bob: older than the evidence")


@pytest.mark.parametrize(("begin", "end", "passes"), [(0, 1, True), (3600, 1, True), (3600, 0, False), (-1, 9, False)])
def test_a19_an_approval_has_an_end(begin: int, end: int, passes: bool) -> None:
    """It counts from its own time on, and no longer in its last second."""
    world = open_world(approved=False)
    world.approve(at=moment(seconds=begin), expires=moment(seconds=-end))
    if passes:
        assert world.against() == []
    else:
        refused(world, "approved-by-another", "bob: expired")


def test_a20_unsigned_approver() -> None:
    """An approval by a key without the role, or for somebody else, is unreadable."""
    world = open_world(approved=False)
    world.approve("bob", "owner")
    refused(world, "approved-by-another", "bob: unreadable")
    world = open_world(approved=False)
    world.approve("bob", person="carol")
    refused(world, "approved-by-another", "bob: unreadable")


@pytest.mark.parametrize("elsewhere", [{"environment": "staging"}, {"release": "r-1"}])
def test_a21_staging_for_prod(elsewhere: dict[str, str]) -> None:
    """An approval for another environment, or for a step of a release, is not one for this promotion."""
    world = open_world(approved=False)
    world.approve(**elsewhere)
    refused(world, "approved-by-another", "0 of 1 approvals")


def test_a21_another_bundle() -> None:
    """An approval of another bundle says nothing about this one."""
    world = open_world(approved=False)
    approval = world.approve()
    world.entries.pop()
    world.says("bob", "approver", about=Digest.of(b"other"), kind=T.APPROVAL, **approval.statement.predicate)
    refused(world, "approved-by-another", "0 of 1 approvals")


def test_a38_a_lost_word_of_an_approver_may_be_a_rejection() -> None:
    """After the approvals, what cannot be read stops; before them, it was followed by an approval."""
    world = open_world()
    world.absent.append(Absent(BUNDLE, T.APPROVAL, 99, State.ERASED))
    refused(world, "approved-by-another", "somebody: unreadable")
    world.absent = [Absent(BUNDLE, T.APPROVAL, 0, State.ERASED)]
    assert world.against() == []


def test_a71_wrong_title() -> None:
    """A title the person does not hold makes the approval void, also where only a number is asked."""
    world = open_world(approved=False)
    world.approve("bob", title="risk-owner")
    refused(world, "approved-by-another", "bob: wrong-title")

"""Attacks by exceptions, by their numbers in the list of attacks: what is not in order waives nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.errors import EvidenceInvalid, Undecided
from seaway.evidence.roles import Role
from seaway.policy.rules import load_policy
from seaway.policy.waivers import read_waivers
from tests.policy.attacks.steps import ODD, alone, refused, unscanned
from tests.policy.world import BUNDLE, Somebody, moment, open_world

pytestmark = pytest.mark.rootless


def test_a22_a_good_exception_waives() -> None:
    """What the bad ones are compared with: in order, live, of this image, it lets the denial through."""
    world = unscanned()
    world.excepts("scan-fresh")
    world.approve()
    assert world.against() == []
    assert world.verdicts()["scan-fresh"] == "waived"


ELSEWHERE: list[tuple[str, dict[str, object]]] = [
    ("expired", {"notBefore": moment(days=30), "notAfter": moment()}),
    ("not yet", {"notBefore": moment(seconds=-1), "notAfter": moment(days=-30)}),
    ("another rule", {"rule": "tests-passed"}),
    ("a vulnerability", {"scope": {"purl": "pkg:deb/debian/openssl", "vulnerability": "TEST-2026-0001"}}),
]


@pytest.mark.parametrize("changes", [case[1] for case in ELSEWHERE], ids=[case[0] for case in ELSEWHERE])
def test_a22_an_exception_for_something_else_waives_nothing(changes: dict[str, object]) -> None:
    """One in order, yet not for this denial now, changes nothing."""
    world = unscanned()
    world.excepts("scan-fresh", **changes)
    world.approve()
    refused(world, "scan-fresh", "scan of api is not-scanned")


def test_a22_an_exception_for_another_environment() -> None:
    """It is not even part of the evidence here."""
    world = unscanned()
    world.excepts("scan-fresh", environment="staging")
    world.approve()
    refused(world, "scan-fresh", "scan of api is not-scanned")


def test_a22_an_exception_for_another_image() -> None:
    """A digest is a digest."""
    world = unscanned()
    world.excepts("scan-fresh", "bob", BUNDLE)
    world.approve()
    refused(world, "scan-fresh", "scan of api is not-scanned")


FAULTS: list[tuple[str, dict[str, object]]] = [
    ("by the approver it names", {"approver": "carol", "requestedBy": "bob"}),
    ("by somebody the ledger knows", {"requestedBy": "mallory"}),
    ("a ticket", {"ticket": " "}),
    ("knows no exception", {"rule": "policy-consented"}),
]


@pytest.mark.parametrize(("why", "changes"), FAULTS)
def test_a22_bad_exception(why: str, changes: dict[str, object]) -> None:
    """Each fault that only a gate can tell has its own reason, and waives nothing."""
    world = unscanned()
    entry = world.excepts("scan-fresh", **changes)
    world.approve()
    waivers, (fault,) = read_waivers(world.entries, world.people)
    assert not waivers
    assert why in fault.why
    assert fault.id == entry.statement.id
    assert "scan-fresh" in world.against()


UNSHAPED: list[tuple[str, dict[str, object]]] = [
    ("90 days", {"notBefore": moment(), "notAfter": moment(days=-90, seconds=-1)}),
    ("before it begins", {"notAfter": moment(hours=1)}),
    ("wildcard", {"rule": "*"}),
    ("wildcard", {"environment": "*"}),
    ("wildcard", {"scope": {"purl": "pkg:*", "vulnerability": "TEST-2026-0001"}}),
    ("purl and vulnerability", {"scope": {"purl": "pkg:deb/debian/openssl"}}),
    ("one digest or one", {"scope": {}}),
    ("says why", {"reason": ""}),
    ("not the subject", {"scope": {"digest": str(BUNDLE)}}),
    ("only approved-by-another", {"scope": {"environment": "prod"}}),
]


@pytest.mark.parametrize(("why", "changes"), UNSHAPED)
def test_a22_unshaped_exception(why: str, changes: dict[str, object]) -> None:
    """Each fault of its shape keeps it from ever being verified."""
    with pytest.raises(EvidenceInvalid, match=why):
        open_world().excepts("scan-fresh", **changes)


def test_a17_an_unknown_author_grants_no_exception_from_approval() -> None:
    """With known authors two people may except it; with an unknown one its approver could be the author."""
    world = open_world(approved=False)
    world.excepts("approved-by-another", "bob", BUNDLE)
    assert world.verdicts()["approved-by-another"] == "waived"
    world.asks(requester="nobody")
    refused(world, "approved-by-another", "self-approval cannot be excluded")
    world.asks(requester="alice", identities={})
    refused(world, "approved-by-another", "self-approval cannot be excluded")


def test_a22_only_an_approver_excepts() -> None:
    """A statement that names an approver and was signed in another role waives nothing."""
    world = unscanned()
    entry = world.excepts("scan-fresh")
    world.entries[-1] = replace(entry, role=Role.OWNER)
    world.approve()
    _, (fault,) = read_waivers(world.entries, world.people)
    assert fault.why == "an exception is signed by an approver, not by a owner"
    refused(world, "scan-fresh", "scan of api is not-scanned")


def test_a22_what_is_undecided_is_never_waived() -> None:
    """An exception is for what was denied, not for what could not be told."""
    world = open_world(approved=False)
    world.policy = load_policy(more=[("odd.yaml", ODD)], parameters={"tests-passed": {"suites": ["e2e"]}})
    world.excepts("odd")
    world.approve()
    assert world.against() == ["odd"]
    with pytest.raises(Undecided):
        world.decide().or_raise()


def test_a24_self_granted_exception() -> None:
    """Who asks does not grant, by the shape; who wrote, built or asked for the release does not grant it either."""
    with pytest.raises(EvidenceInvalid, match="does not grant"):
        open_world().excepts("scan-fresh", requestedBy="bob")
    world = unscanned()
    world.people["alice"] = Somebody(
        world.people["bob"].roles | world.people["alice"].roles, addresses=("alice@acme.example",)
    )
    world.excepts("scan-fresh", "alice", approver="alice")
    world.approve()
    refused(world, "scan-fresh", "scan of api is not-scanned")


def test_a72_a_single_approver_may_say_so() -> None:
    """The one exception without a digest lets the only approver through, and is named."""
    world = alone()
    assert world.against() == []
    assert world.verdicts()["approved-by-another"] == "waived"


def test_a72_small_team_abused() -> None:
    """With a second approver, under another policy or after its end it waives nothing."""
    world = alone()
    world.people["bob"] = Somebody(world.people["alice"].roles)
    refused(world, "approved-by-another", "0 of 1 approvals")
    world = alone()
    world.policy = load_policy(parameters={"tests-passed": {"suites": ["e2e"]}, "scan-fresh": {"maxAge": 9000}})
    refused(world, "approved-by-another", "0 of 1 approvals")
    world = alone(notBefore=moment(days=31), notAfter=moment(days=1))
    refused(world, "approved-by-another", "0 of 1 approvals")

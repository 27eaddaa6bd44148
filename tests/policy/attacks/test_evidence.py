"""Attacks on evidence that only a gate can refuse, by their numbers in the list of attacks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seaway.errors import Undecided
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.statement import Statement
from seaway.policy.gathered import Absent
from seaway.policy.gathering import gate_time
from seaway.policy.shape import State
from tests.policy.attacks.steps import consent, decided_before, refused
from tests.policy.world import BUNDLE, IMAGE, NOW, SBOM, Somebody, World, moment, open_world, scan

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("result", ["FAILED", "WARNED"])
def test_a03_negative_as_signature(result: str) -> None:
    """A suite that failed is signed all the same, and is not a pass."""
    world = open_world(approved=False)
    suite = {"name": "e2e", "kind": "test", "environment": "staging"}
    world.says("tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result=result, configuration=[], seaway_suite=suite)
    world.approve()
    refused(world, "tests-passed", "suites that did not pass on this bundle: e2e")


def test_a03_a_pass_elsewhere_hides_no_failure() -> None:
    """A later pass in another environment leaves the failure standing; one in the same place replaces it."""
    world = open_world(approved=False)
    suite = {"name": "e2e", "kind": "test", "environment": "dev"}
    world.says(
        "tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result="FAILED", configuration=[], seaway_suite=suite
    )
    staging = suite | {"environment": "staging"}
    world.says(
        "tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result="PASSED", configuration=[], seaway_suite=staging
    )
    world.approve()
    assert world.against() == ["tests-passed"]
    world.says(
        "tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result="PASSED", configuration=[], seaway_suite=suite
    )
    world.approve()
    assert world.against() == []


def test_a23_clock_rollback() -> None:
    """A clock behind the evidence is not asked: within five minutes the evidence is, beyond it nothing is."""
    world = open_world()
    gathered = world.gathered
    assert gate_time(NOW, gathered) == NOW
    assert gate_time(NOW + timedelta(days=1), gathered) == NOW + timedelta(days=1)
    assert gate_time(NOW - timedelta(minutes=5), gathered) == NOW
    with pytest.raises(Undecided, match="the clock says"):
        gate_time(NOW - timedelta(minutes=5, seconds=1), gathered)


def test_a23_every_kind_of_deed_has_its_time() -> None:
    """Approval, scan, decision, deployment and policy version all witness how late it is."""
    late = NOW + timedelta(hours=2)
    for kind, field in TIMES.items():
        world = open_world()
        decided_before(world)
        consent(world, "bob", world.policy.digest)
        world.says("alice", "operator", about=BUNDLE, kind=T.DEPLOYMENT, **DEPLOYMENT)
        assert gate_time(NOW, world.gathered) == NOW
        world.edit(kind, lambda predicate, field=field: _set(predicate, field))  # type: ignore[misc]
        assert gate_time(late, world.gathered) == late
        with pytest.raises(Undecided, match="the clock says"):
            gate_time(NOW, world.gathered)


TIMES = {
    T.APPROVAL: "at",
    T.VULNERABILITIES: "metadata.scanFinishedOn",
    T.DECISION: "timeVerified",
    T.DEPLOYMENT: "at",
    T.POLICY_VERSION: "at",
}
DEPLOYMENT: dict[str, object] = {
    "environment": "staging",
    "place": "host",
    "manifestDigest": str(IMAGE),
    "release": "r-1",
    "at": moment(hours=1),
    "person": "alice",
    "services": {},
}


def _set(predicate: dict[str, object], field: str) -> None:
    """Moves one time an hour on."""
    *way, last = field.split(".")
    for step in way:
        inner = predicate[step]
        assert isinstance(inner, dict)
        predicate = inner
    predicate[last] = moment(hours=-1)


def test_a23_advisories_from_the_future_are_not_fresh() -> None:
    """An age below nothing is no age."""
    world = open_world(approved=False)
    future = scan()
    future["scanner"] = {"uri": "https://seaway.dev/scan", "db": {"lastUpdate": moment(seconds=-1)}, "result": []}
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **future)
    world.approve()
    refused(world, "scan-fresh", "-1 s old")


@pytest.mark.parametrize("kind", [T.PROVENANCE, T.CYCLONEDX, T.VULNERABILITIES, T.TEST_RESULT])
@pytest.mark.parametrize("state", [State.ERASED, State.UNAVAILABLE, State.QUEUED])
def test_a37_a38_a69_what_cannot_be_read_is_no_evidence(kind: T, state: State) -> None:
    """Payload missing, erased or queued: newer than the good news, it takes its place; older, it does not."""
    rules = {T.PROVENANCE: "signed-provenance", T.CYCLONEDX: "sbom-present", T.VULNERABILITIES: "scan-fresh"}
    subject = BUNDLE if kind == T.TEST_RESULT else IMAGE
    world = open_world()
    world.absent.append(Absent(subject, kind, 99, state))
    assert rules.get(kind, "tests-passed") in world.against()
    world.absent = [Absent(subject, kind, -1, state)]
    assert world.against() == []


def test_a53_lying_sbom() -> None:
    """A scan of another list of packages than the one that is signed is stale."""
    world = open_world(approved=False)
    longer = {**SBOM, "components": [*SBOM["components"], {"name": "hidden"}]}  # type: ignore[misc]
    world.says("alice", "builder", about=IMAGE, kind=T.CYCLONEDX, **longer)
    world.approve()
    refused(world, "scan-fresh", "scan of api is stale")


@pytest.mark.parametrize("own", [{"state": "empty"}, {"state": "not-scanned"}, {"state": "partial"}, {"state": "fine"}])
def test_a60_empty_scan(own: dict[str, str]) -> None:
    """A scan that found nothing because it looked at nothing is no scan."""
    world = open_world(approved=False)
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **scan(**own))
    world.approve()
    refused(world, "scan-fresh", "scan of api is")


def test_a60_a_foreign_scan_says_not_how_far_it_went() -> None:
    """Without a state of its own a scan is unreadable, however clean."""
    world = open_world(approved=False)
    foreign = {key: value for key, value in scan().items() if key != "seaway_scan"}
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **foreign)
    world.approve()
    refused(world, "scan-fresh", "scan of api is unreadable")


def test_a_statement_of_another_type_has_no_time() -> None:
    """Times are read where a predicate states when its deed was done, and nowhere else."""
    world = World()
    world.people = {"alice": Somebody()}
    world.says("alice", "builder", about=IMAGE, kind=T.CYCLONEDX, **SBOM)
    assert gate_time(NOW, world.gathered) == NOW
    assert isinstance(world.entries[0].statement, Statement)

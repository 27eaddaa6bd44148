"""The gate on a real ledger: real keys, real statements, the notary's verification, and then the decision."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.errors import PolicyDenied
from seaway.evidence.deeds import (
    Attester,
    BuildDefinition,
    Builder,
    Outcome,
    Provenance,
    Reference,
    Resource,
    RunDetails,
    TestResult,
)
from seaway.evidence.keys import PrivateKey
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Approval, Choice, ExceptionGrant, Scope, evidence_set
from seaway.evidence.roles import Role
from seaway.evidence.scan.debian import read_archive
from seaway.evidence.scan.interface import scan
from seaway.evidence.scan.predicate import scan_predicate
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.statement import Statement
from seaway.policy.considered import considered
from seaway.policy.decision import Asked, Decision, summary
from seaway.policy.facts import gather_facts
from seaway.policy.gate import decide
from seaway.policy.gathered import ImageAsked, Question
from seaway.policy.gathering import gate_time, gather
from seaway.policy.rules import load_policy
from seaway.policy.waivers import read_waivers
from tests.evidence.world import World

pytestmark = pytest.mark.rootless
BUNDLE, IMAGE = Digest.of(b"bundle"), Digest.of(b"image")
POLICY = load_policy(parameters={"tests-passed": {"suites": ["e2e"]}})
COMMIT = "c" * 40
QUESTION = Question(
    environment="prod",
    bundle=BUNDLE,
    policy=POLICY.digest,
    requester="p-alice",
    images=(ImageAsked("api", f"shop/api@{IMAGE}", IMAGE),),
    identities={COMMIT: ("alice@acme.example",)},
    previous="staging",
)
SBOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "components": [{"name": "libssl3", "purl": "pkg:deb/debian/libssl3@3.0.22-1?arch=amd64"}],
}


@dataclass
class Road:
    """Alice builds, tests and scans; Bob approves; each signs with a key of their own."""

    world: World
    notary: Notary
    alice: PrivateKey
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def enrol(self, person: str, *roles: Role, environments: tuple[str, ...] = ()) -> PrivateKey:
        key = self.keys[person] = PrivateKey.generate()
        emails = (f"{person}@acme.example",)
        newcomer = Newcomer(person=person, roles=roles, environments=environments, emails=emails)
        self.notary.enrol(self.world.owner, key.public, newcomer)
        return key

    def says(self, statement: Statement) -> None:
        self.notary.append(statement, self.alice)

    def build(self, sbom: Statement) -> None:
        source = Resource(uri="git+https://git.example/shop", digest={"gitCommit": COMMIT})
        build = BuildDefinition(
            build_type="https://seaway.dev/build/native/v1", external_parameters={}, resolved_dependencies=(source,)
        )
        run = RunDetails(builder=Builder(id="p-alice"))
        self.says(Provenance(build_definition=build, run_details=run).about(IMAGE))
        self.says(sbom)

    def test(self, result: Outcome = Outcome.PASSED) -> None:
        suite = {"name": "e2e", "kind": "test", "environment": "staging"}
        for subject in (BUNDLE, IMAGE):
            self.says(TestResult(result=result, configuration=(), seaway_suite=suite).about(subject))

    def scan(self, document: dict[str, object]) -> None:
        now = self.world.clock.now
        release = f"Codename: bookworm-security\nDate: {now - timedelta(hours=3):%a, %d %b %Y %H:%M:%S} UTC\n"
        madison = "libssl3 | 3.0.22-1 | http://deb.example/debian-security bookworm-security/main amd64 Packages"
        archive = read_archive("bookworm", madison, release=release.encode(), source="deb.example", now=now)
        result = scan(json.dumps(document).encode(), [archive], now)
        self.says(scan_predicate(result, version="0", started=now, finished=now).about(IMAGE))

    def approve(self, key: PrivateKey, person: str, decision: Choice = Choice.APPROVED) -> None:
        now = self.world.clock.now
        items, digest = evidence_set(considered(QUESTION, gather(self.notary, QUESTION)))
        approval = Approval(
            decision=decision,
            environment="prod",
            person=person,
            evidence_set=digest,
            entries=items,
            policy=POLICY.digest,
            at=now,
            expires=now + timedelta(days=7),
        )
        self.notary.append(approval.about(BUNDLE), key)

    def decide(self) -> Decision:
        gathered = gather(self.notary, QUESTION)
        now = gate_time(self.world.clock.now, gathered)
        facts = gather_facts(QUESTION, gathered, self.notary.people, now=now)
        waivers, _ = read_waivers(gathered.statements, self.notary.people.persons())
        return decide(POLICY, facts, now=now, waivers=waivers)

    def against(self) -> list[str]:
        return sorted({denial.rule for denial in self.decide().denials})


@pytest.fixture
def road(tmp_path: Path) -> Road:
    world = World(tmp_path)
    made = Road(world, world.found(), world.owner)
    made.enrol("p-bob", Role.APPROVER)
    return made


def inline() -> Statement:
    return Statement.about(IMAGE, T.CYCLONEDX, SBOM)


def test_the_whole_road_to_a_pass(road: Road) -> None:
    """Each deed closes its rule, the last one opens the gate, and the decision becomes a signed statement."""
    everything = ["approved-by-another", "sbom-present", "scan-fresh", "signed-provenance", "tests-passed"]
    assert road.against() == everything
    road.build(inline())
    assert road.against() == ["approved-by-another", "scan-fresh", "tests-passed"]
    road.test()
    road.scan(SBOM)
    assert road.against() == ["approved-by-another"]
    road.approve(road.keys["p-bob"], "p-bob")
    decision = road.decide().or_raise()
    releaser = road.enrol("p-releaser", Role.RELEASER, environments=("prod",))
    inputs = [verified.envelope for verified in road.notary.verified(subject=IMAGE)]
    asked = Asked(road.notary.ledger.size, 0, Digest.of(b""))
    said = summary(decision, asked, inputs=inputs, resource="pkg:oci/shop", version="0")
    road.notary.append(said.about(BUNDLE), releaser)
    assert road.against() == [], "its own record changes nothing"


def test_who_wrote_it_does_not_approve_it(road: Road) -> None:
    """Alice holds an approver's key too; her word on her own commit is refused, and by name."""
    road.build(inline())
    road.test()
    road.scan(SBOM)
    road.approve(road.alice, "p-alice")
    with pytest.raises(PolicyDenied, match="p-alice: self"):
        road.decide().or_raise()


def test_a_revoked_approver_counts_no_more(road: Road) -> None:
    """A key revoked from before its approval approves nothing."""
    road.build(inline())
    road.test()
    road.scan(SBOM)
    start = road.notary.ledger.size
    road.approve(road.keys["p-bob"], "p-bob")
    assert road.against() == []
    road.notary.revoke(road.world.owner, road.keys["p-bob"].public.digest, "stolen", from_index=start)
    assert road.against() == ["approved-by-another"]


def test_a_large_sbom_is_read_by_its_reference(road: Road) -> None:
    """The document beside the ledger counts like one inside a statement, and a scan of it is of it."""
    data = json.dumps(SBOM, separators=(",", ":"), sort_keys=True).encode()
    digest = road.notary.payloads.put(data)
    reference = Resource(digest={"sha256": digest.hex}, media_type="application/vnd.cyclonedx+json")
    road.build(Reference(attester=Attester(id="p-alice"), references=(reference,)).about(IMAGE))
    road.test()
    road.scan(SBOM)
    road.approve(road.keys["p-bob"], "p-bob")
    assert road.against() == []
    road.notary.payloads.path(digest).unlink()
    decision = road.decide()
    assert "SBOM of api is unavailable" in " ".join(denial.says for denial in decision.denials)


def test_an_erased_failure_does_not_bring_back_the_pass_before(road: Road) -> None:
    """Erasing bad news leaves a state, not the good news before it."""
    road.build(inline())
    road.test()
    road.test(Outcome.FAILED)
    road.scan(SBOM)
    failed = road.notary.verified(subject=BUNDLE, predicate_type=T.TEST_RESULT)[-1]
    road.notary.erase(failed.envelope, "a name in it")
    road.approve(road.keys["p-bob"], "p-bob")
    assert "tests-passed" in road.against()


def test_a_package_without_a_source_is_refused_until_somebody_accepts_it(road: Road) -> None:
    """What the demo shows: PyPI has no source here, the gate refuses, and a signed, expiring exception lets it pass."""
    wheel = {"name": "starlette", "purl": "pkg:pypi/starlette@0.47"}
    document: dict[str, object] = {**SBOM, "components": [*SBOM["components"], wheel]}
    road.build(Statement.about(IMAGE, T.CYCLONEDX, document))
    road.test()
    road.scan(document)
    road.approve(road.keys["p-bob"], "p-bob")
    assert road.against() == ["scan-fresh"]
    now = road.world.clock.now
    grant = ExceptionGrant(
        rule="scan-fresh",
        scope=Scope(digest=IMAGE),
        environment="prod",
        reason="no source of PyPI advisories in reach",
        ticket="OPS-1",
        requested_by="p-alice",
        approver="p-bob",
        not_before=now,
        not_after=now + timedelta(days=30),
    )
    road.notary.append(grant.about(IMAGE), road.keys["p-bob"])
    assert road.against() == ["approved-by-another"], "the approval did not see the exception"
    road.approve(road.keys["p-bob"], "p-bob")
    decision = road.decide()
    assert decision.passed
    assert [ruling.rule for ruling in decision.rulings if ruling.waived] == ["scan-fresh"]
    road.world.clock.move(days=31)
    assert "scan-fresh" in road.against(), "it has ended"


def test_evidence_that_is_queued_is_not_recorded(road: Road) -> None:
    """A signed statement that the ledger does not have refuses, and says queued."""
    road.build(inline())
    road.test()
    road.scan(SBOM)
    road.approve(road.keys["p-bob"], "p-bob")
    gathered = gather(road.notary, QUESTION, queued=[inline()])
    facts = gather_facts(QUESTION, gathered, road.notary.people, now=road.world.clock.now)
    decision = decide(POLICY, facts, now=road.world.clock.now)
    assert "SBOM of api is queued" in [denial.says for denial in decision.denials]

"""Predicates: every deed has a shape, a signer, and comes back as it was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.deeds import (
    Attester,
    BuildDefinition,
    Builder,
    Database,
    DataReference,
    ModelSignature,
    Outcome,
    Provenance,
    Reference,
    Resource,
    RunDetails,
    Scan,
    ScanMetadata,
    Scanner,
    Severity,
    TestResult,
    Vulnerability,
)
from seaway.evidence.predicate import Predicate
from seaway.evidence.predicates import SHAPES, check_predicate
from seaway.evidence.progress import (
    DeployedService,
    Deployment,
    GrantRevocation,
    LogAnchor,
    PolicyVersion,
    Promotion,
    Refusal,
    Release,
    ReleaseEvent,
    ReleaseRequest,
    Rollback,
)
from seaway.evidence.roles import Role, may_sign
from seaway.evidence.shape import read_time, schema, write_time
from seaway.evidence.statement import PredicateType, Statement
from tests.evidence.world import START, subject

pytestmark = pytest.mark.rootless
DIGEST = Digest.of(b"x")
DEEDS: list[Predicate] = [
    Provenance(
        build_definition=BuildDefinition(
            build_type="https://seaway.dev/build/native/v1",
            external_parameters={"service": "api", "platforms": ["linux/amd64"]},
            resolved_dependencies=(Resource(uri="git+https://git.example/shop", digest={"gitCommit": "a" * 40}),),
        ),
        run_details=RunDetails(builder=Builder(id="p-alice")),
    ),
    TestResult(
        result=Outcome.PASSED,
        configuration=(Resource.named("suite", DIGEST),),
        passed_tests=("one",),
        seaway_suite={"name": "e2e", "kind": "test", "environment": "staging"},
    ),
    Scan(
        scanner=Scanner(
            uri="pkg:generic/osv",
            db=Database(last_update=START),
            result=(Vulnerability(id="CVE-2026-1", severity=(Severity(method="CVSSv3", score="8.1"),)),),
        ),
        metadata=ScanMetadata(scan_started_on=START, scan_finished_on=START),
        seaway_scan={"state": "scanned", "skipped": []},
    ),
    Reference(attester=Attester(id="p-alice"), references=(Resource.named("sbom", DIGEST),)),
    DataReference(id="faq", uri="s3://bucket/faq", snapshot_at=START, licence="CC0-1.0", personal=False),
    Release(),
    Promotion(source="staging", target="prod", decision=DIGEST, at=START, person="p-alice"),
    Deployment(
        environment="prod",
        place="host",
        manifest_digest=DIGEST,
        release="prod/1",
        at=START,
        person="p-alice",
        services={"api": DeployedService(image="sha256:x", version="0123456789", arm="canary", replicas=2, weight=40)},
    ),
    Rollback(environment="prod", release="prod/1", source="b", target="a", at=START, why="worse", verdict={"e": 184.0}),
    Refusal(verb="promote", environment="prod", rules=("approved-by-another",), person="p-alice", at=START),
    ReleaseRequest(verb="release", environment="prod", release="prod/1", target="b", person="p-alice", at=START),
    ReleaseEvent(
        environment="prod",
        release="prod/1",
        sequence=3,
        at=START,
        event="Tick",
        source="BAKING",
        target="BAKING",
        cursor=1,
        weights={"canary": 40},
    ),
    PolicyVersion(at=START, person="p-alice", rules=("scan-fresh",)),
    GrantRevocation(environment="prod", reason="bad", person="p-alice", at=START),
    LogAnchor(log="ledger.example", checkpoint="note", at=START),
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: type(deed).__name__)
def test_a_deed_comes_back_as_it_was_said(deed: Predicate) -> None:
    """Through the statement's bytes, and its shape is checked on the way."""
    statement = Statement.parse(deed.about(subject()).payload)
    check_predicate(statement)
    assert type(deed).of(statement) == deed


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: type(deed).__name__)
def test_a_deed_without_a_field_is_refused(deed: Predicate) -> None:
    """Each field that has no default, in turn; the error names it."""
    statement = deed.about(subject())
    for name in schema(type(deed))["required"]:  # type: ignore[attr-defined]
        less = {key: value for key, value in statement.predicate.items() if key != name}
        with pytest.raises(EvidenceInvalid, match="missing") as caught:
            check_predicate(Statement.about(subject(), deed.TYPE, less))
        assert caught.value.where == f"predicate.{name}"


def test_a_closed_deed_has_no_other_field() -> None:
    """Ours are closed; a foreign one's other fields are its own business."""
    ours = Statement.about(subject(), PredicateType.PROMOTION, {**DEEDS[6].about(subject()).predicate, "also": 1})
    with pytest.raises(EvidenceInvalid, match="unknown field 'also'"):
        check_predicate(ours)
    check_predicate(
        Statement.about(subject(), PredicateType.PROVENANCE, {**DEEDS[0].about(subject()).predicate, "x": 1})
    )


def test_every_shape_is_signed_by_somebody_and_every_type_is_known() -> None:
    """No type without a role, no type without a check, but for CI identities, which are not done yet."""
    later = {PredicateType.KEY_SESSION, PredicateType.IDENTITY_ENROLMENT}
    documents = {PredicateType.CYCLONEDX, PredicateType.SPDX, PredicateType.VEX, PredicateType.REFERENCE_PROFILE}
    assert set(PredicateType) - later == set(SHAPES) | documents
    for kind in set(PredicateType) - {PredicateType.DECISION}:
        assert any(may_sign(role, Statement.about(subject(), kind, {})) for role in Role), kind


def test_a_document_must_be_what_its_type_says() -> None:
    """An SBOM that is none, and a type nobody knows."""
    check_predicate(Statement.about(subject(), PredicateType.CYCLONEDX, {"bomFormat": "CycloneDX", "components": []}))
    for kind, predicate in (
        (PredicateType.CYCLONEDX, {}),
        (PredicateType.CYCLONEDX, {"bomFormat": "SPDX"}),
        ("https://x.example", {}),
    ):
        with pytest.raises(EvidenceInvalid):
            check_predicate(Statement.about(subject(), kind, predicate))


def test_a_suite_that_failed_did_not_pass() -> None:
    """Nor one that warned."""
    for names in ({"failed_tests": ("one",)}, {"warned_tests": ("one",)}):
        with pytest.raises(EvidenceInvalid, match="did not pass"):
            TestResult(result=Outcome.PASSED, configuration=(), seaway_suite={}, **names).about(subject())


def test_a_scan_without_a_date_is_no_scan() -> None:
    """Freshness is asked of `lastUpdate`."""
    statement = DEEDS[2].about(subject())
    less = {**statement.predicate, "scanner": {"uri": "pkg:generic/osv", "db": {}}}
    with pytest.raises(EvidenceInvalid, match="missing") as caught:
        check_predicate(Statement.about(subject(), statement.predicate_type, less))
    assert caught.value.where == "predicate.scanner.db.lastUpdate"


def test_a_models_subject_is_the_root_of_its_files() -> None:
    """SHA-256 over the raw digests in the order of names."""
    model = ModelSignature.over({"b": Digest.of(b"b"), "a": Digest.of(b"a")})
    assert model.root == Digest.of(Digest.of(b"a").raw + Digest.of(b"b").raw)
    model.about(model.root)
    with pytest.raises(EvidenceInvalid, match="not the root"):
        model.about(subject())


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00Z", "2026-02-30T12:00:00Z", "", 7])
def test_a_time_is_utc_in_one_spelling(text: object) -> None:
    """Other spellings, impossible days and numbers are refused."""
    with pytest.raises(EvidenceInvalid):
        read_time(text)


def test_a_time_is_written_in_utc() -> None:
    """Whatever zone it came in; one without a zone is no time."""
    there = datetime(2026, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert write_time(there) == "2026-03-01T12:00:00Z"
    assert read_time("2026-03-01T12:00:00Z") == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    with pytest.raises(EvidenceInvalid, match="no time zone"):
        write_time(datetime(2026, 3, 1))

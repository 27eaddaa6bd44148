"""A release history as the ledger has it: v1 live, v2 caught on a canary, v3 live; statements as they are signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seaway.digest import Digest
from seaway.evidence.deeds import (
    BuildDefinition,
    Builder,
    DataReference,
    ModelSignature,
    Outcome,
    Provenance,
    Resource,
    RunDetails,
    TestResult,
)
from seaway.evidence.progress import (
    Approval,
    Choice,
    Decision,
    DeployedService,
    Deployment,
    EvidenceItem,
    ExceptionGrant,
    PolicyVersion,
    Promotion,
    Refusal,
    ReleaseEvent,
    Result,
    Rollback,
    Scope,
    Verifier,
    evidence_set,
)
from seaway.evidence.statement import PredicateType, Statement
from seaway.graph.change import Leaf
from seaway_sdk import token

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Digest.of(b"policy")
STATIC = ModelSignature.over({"model.safetensors": Digest.of(b"weights")})
MINILM = ModelSignature.over({"model.onnx": Digest.of(b"onnx")})
FAQ = Digest.of(b"faq")


def at(minutes: float) -> datetime:
    """A moment of the story."""
    return START + timedelta(minutes=minutes)


def bundle(name: str) -> Digest:
    """The bundle of a version."""
    return Digest.of(f"bundle {name}".encode())


def image(name: str, service: str = "api") -> Digest:
    """The image of a version's service; the worker is the same in all."""
    return Digest.of(f"image {service} {name if service == 'api' else ''}".encode())


def manifest(name: str) -> Digest:
    """The rendered objects of a version."""
    return Digest.of(f"manifest {name}".encode())


def version(name: str, service: str = "api") -> str:
    """The ten digits of a version's service."""
    return image(name, service).hex[:10]


def request(name: str, minutes: float, *, key: bytes = b"") -> str:
    """The token of a request that a version answered."""
    minute = int(at(minutes).timestamp() // 60)
    return token.make(minute, bytes.fromhex(version(name)), b"t" * 16, key=key)


def envelope(statement: Statement) -> Digest:
    """The envelope's digest, as the ledger would have it."""
    return Digest.of(b"envelope" + statement.payload)


class Tape:
    """A ledger in memory: leaves in order, a root for each size."""

    origin = "rag.local"

    def __init__(self, leaves: Sequence[Leaf] = ()) -> None:
        self._leaves = list(leaves)

    @property
    def size(self) -> int:
        return len(self._leaves)

    def root(self, size: int) -> str:
        text = "".join(leaf.id + str(leaf.valid) for leaf in self._leaves[:size])
        return hashlib.sha256(text.encode()).hexdigest()

    def leaves(self, first: int) -> Iterator[Leaf]:
        yield from self._leaves[first:]

    def upto(self, size: int) -> Tape:
        """The ledger as it was with fewer leaves."""
        return Tape(self._leaves[:size])

    def without(self, predicate_type: str, *, subject: Digest | None = None) -> Tape:
        """The ledger as it would be if nobody had said this."""
        kept = [
            leaf
            for leaf in self._leaves
            if leaf.predicate_type != predicate_type or str(subject or leaf.subject) != leaf.subject
        ]
        return Tape([replace(leaf, index=at) for at, leaf in enumerate(kept)])

    def add(self, statement: Statement, person: str) -> Digest:
        """Appends a statement and returns its id."""
        leaf = Leaf(
            index=self.size,
            id=str(statement.id),
            predicate_type=statement.predicate_type,
            subject=str(statement.subject),
            predicate=statement.predicate,
            person=person,
            envelope=str(envelope(statement)),
        )
        self._leaves.append(leaf)
        return envelope(statement)


def tell() -> Tape:
    """The whole story."""
    tape = Tape()
    tape.add(PolicyVersion(at=at(0), person="p-bob", rules=("approved-by-another",)).about(POLICY), "p-bob")
    tape.add(
        DataReference(id="faq", uri="./faq", snapshot_at=at(-60), licence="CC-BY-4.0", personal=False).about(FAQ),
        "p-alice",
    )
    for minutes, name, model in ((0, "v1", STATIC), (10, "v2", STATIC), (30, "v3", MINILM)):
        _promote(tape, minutes, name, model)
    _deploy(tape, 4, "v1", release="1", weight=100.0, arm="canary")
    _event(tape, 5, "v1", "1", "live")
    _canary(tape)
    _deploy(tape, 34, "v3", release="3", weight=40.0, arm="canary")
    _deploy(tape, 36, "v3", release="3", weight=100.0, arm="canary")
    _event(tape, 36, "v3", "3", "live")
    return tape


def _promote(tape: Tape, minutes: float, name: str, model: ModelSignature) -> None:
    inputs = [*_build(tape, name, model), _test(tape, name)]
    if name == "v1":
        exception = _exception(minutes)
        inputs.append(tape.add(exception.about(image(name)), "p-bob"))
    refusal = Refusal(
        verb="promote", environment="production", rules=("approved-by-another",), person="p-alice", at=at(minutes)
    )
    tape.add(refusal.about(bundle(name)), "p-alice")
    inputs.append(tape.add(_approval(minutes + 1).about(bundle(name)), "p-bob"))
    decision = _decision(minutes + 2, inputs).about(bundle(name))
    tape.add(decision, "p-release")
    promotion = Promotion(
        source="staging", target="production", decision=decision.id, at=at(minutes + 2), person="p-alice"
    )
    tape.add(promotion.about(bundle(name)), "p-alice")


def _build(tape: Tape, name: str, model: ModelSignature) -> Iterator[Digest]:
    yield tape.add(model.about(model.root), "p-alice")
    for service in ("api", "worker"):
        yield tape.add(provenance(name, service, model).about(image(name, service)), "p-alice")


def provenance(name: str, service: str, model: ModelSignature) -> Provenance:
    """How an image of the story was built."""
    parts = (
        Resource(name="source", uri="git+file:.", digest={"gitCommit": hashlib.sha1(name.encode()).hexdigest()}),
        Resource.named("apt:debian/bookworm", Digest.of(b"base")),
        Resource.named("numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl", Digest.of(b"wheel")),
        Resource(
            name="model/encoder",
            uri="pypi://encoder/1.0",
            digest={"sha256": model.root.hex},
            annotations={"licence": "MIT"},
        ),
        Resource(name="data/faq", uri="./faq", digest={"sha256": FAQ.hex}),
    )
    definition = BuildDefinition(
        build_type="https://seaway.dev/build/native/v1",
        external_parameters={"service": service},
        resolved_dependencies=parts,
    )
    return Provenance(build_definition=definition, run_details=RunDetails(builder=Builder(id="p-alice")))


def _test(tape: Tape, name: str) -> Digest:
    suite = {
        "name": "answers",
        "environment": "staging",
        "counts": {"passed": 200},
        "finishedAt": "2026-03-01T12:00:00Z",
    }
    result = TestResult(result=Outcome.PASSED, configuration=(), seaway_suite=suite)
    return tape.add(result.about(bundle(name)), "p-alice")


def _exception(minutes: float) -> ExceptionGrant:
    return ExceptionGrant(
        rule="scan-fresh",
        scope=Scope(digest=image("v1")),
        environment="production",
        reason="no advisory source in reach",
        ticket="OPS-1",
        requested_by="p-alice",
        approver="p-bob",
        not_before=at(minutes),
        not_after=at(minutes + 60 * 24 * 30),
    )


def _approval(minutes: float) -> Approval:
    entries, digest = evidence_set([EvidenceItem(id=Digest.of(b"x"), predicate_type="t", log_index=0)])
    return Approval(
        decision=Choice.APPROVED,
        environment="production",
        person="p-bob",
        title="release-manager",
        evidence_set=digest,
        entries=entries,
        policy=POLICY,
        at=at(minutes),
        expires=at(minutes + 600),
    )


def _decision(minutes: float, inputs: Sequence[Digest]) -> Decision:
    return Decision(
        verifier=Verifier(id="https://seaway.dev/gate"),
        time_verified=at(minutes),
        resource_uri="pkg:oci/rag",
        policy=Resource(uri="seaway:policy/production", digest={"sha256": POLICY.hex}),
        input_attestations=tuple(Resource(digest={"sha256": one.hex}) for one in inputs),
        verification_result=Result.PASSED,
        verified_levels=("SLSA_BUILD_LEVEL_1",),
        seaway_decision={"environment": "production", "rules": [], "waivers": []},
    )


def decide_again(tape: Tape, minutes: float) -> None:
    """v1 is decided anew, later."""
    tape.add(_decision(minutes, []).about(bundle("v1")), "p-release")


def deployment(minutes: float, name: str, *, release: str, weight: float, arm: str, **changed: Any) -> Deployment:
    """What runs from a moment on."""
    services = {
        "api": DeployedService(image=str(image(name)), version=version(name), arm=arm, replicas=3, weight=weight),
        "worker": DeployedService(
            image=str(image(name, "worker")), version=version(name, "worker"), arm="stable", replicas=1, weight=100.0
        ),
    }
    said: dict[str, Any] = {
        "environment": "production",
        "place": "host-1",
        "manifest_digest": manifest(name),
        "release": release,
        "at": at(minutes),
        "person": "p-alice",
        "services": services,
    }
    return Deployment(**{**said, **changed})


def _deploy(tape: Tape, minutes: float, name: str, *, release: str, weight: float, arm: str, about: str = "") -> None:
    tape.add(deployment(minutes, name, release=release, weight=weight, arm=arm).about(bundle(about or name)), "p-alice")


def _event(tape: Tape, minutes: float, name: str, release: str, state: str, **more: Any) -> None:
    event = ReleaseEvent(
        environment="production",
        release=release,
        sequence=tape.size,
        at=at(minutes),
        event="weight-seen",
        source="moving",
        target=state,
        cursor=1,
        weights={},
        **more,
    )
    tape.add(event.about(bundle(name)), "p-alice")


def _canary(tape: Tape) -> None:
    """v2 gets 40 % at minute 14 and is rolled back at minute 16; v1's objects are named again, under v2's release."""
    verdict = {
        "outcome": "worse",
        "criterion": "helpful",
        "says": "bad 58.0% / 37.3%, E 184",
        "e": "0x1.7p+7",
        "requests": 471,
    }
    _deploy(tape, 14, "v2", release="2", weight=40.0, arm="canary")
    _event(tape, 16, "v2", "2", "returning", verdict=verdict)
    rollback = Rollback(
        environment="production",
        release="2",
        source=str(manifest("v2")),
        target=str(manifest("v1")),
        at=at(16),
        why="worse",
        verdict=verdict,
    )
    tape.add(rollback.about(bundle("v2")), "p-alice")
    _deploy(tape, 16, "v1", release="2", weight=100.0, arm="stable", about="v2")
    _event(tape, 17, "v2", "2", "rolled-back")
    summary = {
        "scope": "release",
        "environment": "production",
        "release": "2",
        "outcome": "rolled-back",
        "requestsExposed": 471,
    }
    tape.add(Statement.about(bundle("v2"), PredicateType.METRIC_SUMMARY, summary), "p-alice")

"""Predicates about bytes: where they came from, what is in them, how they were tested and scanned.

Each is the vetted predicate of its standard, read as far as Seaway needs it (`OPEN`: other fields are left alone). Ours
are the `seaway_…` members, which other readers ignore (in-toto attestation spec v1, parsing rules). SBOMs and VEX
documents are predicates as they are, without a class. Deeds of people and releases are in `progress.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.predicate import Predicate
from seaway.evidence.statement import PredicateType

_NAMES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource descriptor (in-toto attestation spec v1, resource_descriptor.md)."""

    OPEN: ClassVar[bool] = True
    name: str | None = None
    uri: str | None = None
    digest: Mapping[str, str] | None = None
    download_location: str | None = None
    media_type: str | None = None
    annotations: Mapping[str, object] | None = None

    @classmethod
    def named(cls, name: str, digest: Digest) -> Resource:
        """Names bytes by their SHA-256."""
        return cls(name=name, digest={"sha256": digest.hex})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildDefinition:
    """What was asked of the build and what went into it."""

    OPEN: ClassVar[bool] = True
    build_type: str
    external_parameters: Mapping[str, object]
    resolved_dependencies: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Who built: a person's id or a CI issuer."""

    OPEN: ClassVar[bool] = True
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildMetadata:
    """When it was built."""

    OPEN: ClassVar[bool] = True
    started_on: datetime | None = None
    finished_on: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """The run that built."""

    OPEN: ClassVar[bool] = True
    builder: Builder
    metadata: BuildMetadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance(Predicate):
    """How an image was built (SLSA provenance v1)."""

    TYPE: ClassVar[PredicateType] = PredicateType.PROVENANCE
    OPEN: ClassVar[bool] = True
    build_definition: BuildDefinition
    run_details: RunDetails


class Outcome(StrEnum):
    """The result of a suite; no gate accepts WARNED."""

    PASSED = "PASSED"
    WARNED = "WARNED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult(Predicate):
    """What a suite found (in-toto test-result v0.1); `seaway_suite` has counts, metrics, seed and report."""

    TYPE: ClassVar[PredicateType] = PredicateType.TEST_RESULT
    OPEN: ClassVar[bool] = True
    __test__: ClassVar[bool] = False  # pytest would collect it by its name
    result: Outcome
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    seaway_suite: Mapping[str, object] = field(metadata={"name": "seaway_suite"})

    def check(self) -> None:
        """Raises EvidenceInvalid for a result that its own names contradict, or too many names."""
        if self.result is Outcome.PASSED and (self.failed_tests or self.warned_tests):
            raise EvidenceInvalid("a suite with failed or warned tests did not pass", where="predicate.result")
        if len(self.passed_tests) + len(self.warned_tests) + len(self.failed_tests) > _NAMES:
            raise EvidenceInvalid(f"more than {_NAMES} names of tests", where="predicate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The advisories a scanner used; without `last_update` nobody could tell how fresh they were."""

    OPEN: ClassVar[bool] = True
    uri: str | None = None
    version: str | None = None
    last_update: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """One rating, as a vector or a number in a string."""

    OPEN: ClassVar[bool] = True
    method: str
    score: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One finding of a scanner; `annotations` hold package, version and fix."""

    OPEN: ClassVar[bool] = True
    id: str
    severity: tuple[Severity, ...] = ()
    annotations: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """The tool, its advisories and what it found."""

    OPEN: ClassVar[bool] = True
    uri: str
    version: str | None = None
    db: Database
    result: tuple[Vulnerability, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanMetadata:
    """When the scan ran."""

    OPEN: ClassVar[bool] = True
    scan_started_on: datetime
    scan_finished_on: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Predicate):
    """What a scanner found (in-toto vulns v0.2); `seaway_scan` has its state and what was skipped."""

    TYPE: ClassVar[PredicateType] = PredicateType.VULNERABILITIES
    OPEN: ClassVar[bool] = True
    scanner: Scanner
    metadata: ScanMetadata
    seaway_scan: Mapping[str, object] | None = field(default=None, metadata={"name": "seaway_scan"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attester:
    """Who vouches for a reference."""

    OPEN: ClassVar[bool] = True
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Predicate):
    """A document kept elsewhere, by digest: an SBOM over 1 MB, a foreign statement (in-toto reference v0.1)."""

    TYPE: ClassVar[PredicateType] = PredicateType.REFERENCE
    OPEN: ClassVar[bool] = True
    attester: Attester
    references: tuple[Resource, ...]

    def check(self) -> None:
        """Raises EvidenceInvalid for a document that is not named by its SHA-256."""
        for item in self.references:
            try:
                Digest((item.digest or {})["sha256"])
            except (KeyError, ValueError) as error:
                raise EvidenceInvalid("a document is named by sha256", where="predicate.references") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model."""

    name: str
    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSignature(Predicate):
    """The files of a model (OpenSSF model signing v1.0); the subject is `root`."""

    TYPE: ClassVar[PredicateType] = PredicateType.MODEL_SIGNATURE
    OPEN: ClassVar[bool] = True
    resources: tuple[ModelFile, ...]
    serialization: Mapping[str, object]

    @classmethod
    def over(cls, files: Mapping[str, Digest]) -> ModelSignature:
        """Signs for a model's files, sorted by name, links refused."""
        resources = tuple(ModelFile(name=name, algorithm="sha256", digest=files[name].hex) for name in sorted(files))
        serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []}
        return cls(resources=resources, serialization=serialization)

    @property
    def root(self) -> Digest:
        """SHA-256 over the raw digests of the files in order (OMS v1.0, "Serialization")."""
        return Digest.of(b"".join(Digest(item.digest).raw for item in self.resources))

    def check_subject(self, subject: Digest) -> None:
        """Raises EvidenceInvalid unless the files are sorted, hashed by sha256 and the subject is their root."""
        names = [item.name for item in self.resources]
        if names != sorted(set(names)) or any(item.algorithm != "sha256" for item in self.resources):
            raise EvidenceInvalid("files are named once, in order, by sha256", where="predicate.resources")
        try:
            root = self.root
        except ValueError as error:
            raise EvidenceInvalid(str(error), where="predicate.resources") from error
        if root != subject:
            raise EvidenceInvalid("the subject is not the root of these files", where="subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReference(Predicate):
    """A snapshot of data, by digest, with what may be done with it."""

    TYPE: ClassVar[PredicateType] = PredicateType.DATA_REFERENCE
    id: str
    uri: str
    snapshot_at: datetime
    licence: str
    personal: bool
    residency: tuple[str, ...] = ()
    lineage_run: str | None = None

"""What every scanner is: `scan(sbom, advisories, now) -> ScanResult`, and what its states mean. Pure.

Rules: `scanned` means that every package of the SBOM was compared with a source that is fresh. No package, a package
without a source, one that could not be compared or a database that is old are `empty`, `not-scanned`, `partial` and
`stale`, in that order, and none of them passes a gate. A version that cannot be compared is a finding. Sources are
one file each: `debian.py` (the security suite), `osv.py` (imported directories).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from packageurl import PackageURL

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.strictjson import read_object

LARGEST = 256 << 20
STALE_AFTER = timedelta(hours=72)


class ScanState(StrEnum):
    """How far a scan went."""

    SCANNED = "scanned"
    NOT_SCANNED = "not-scanned"
    STALE = "stale"
    EMPTY = "empty"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Package:
    """A package an SBOM lists; `purl` as it stands there, `url` parsed."""

    purl: str
    url: PackageURL

    @property
    def version(self) -> str:
        """The version installed, empty where the purl names none."""
        return self.url.version or ""


@dataclass(frozen=True, slots=True)
class Finding:
    """An advisory that applies to a package; `score` is a CVSS base score, None where nobody gave one."""

    id: str
    purl: str
    says: str
    fixed: str = ""
    score: float | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A package that was not compared, and why."""

    purl: str
    why: str


@dataclass(frozen=True, slots=True)
class Database:
    """Where advisories come from and how new they are: both when they were fetched and when they last changed."""

    ecosystem: str
    source: str
    last_update: datetime
    fetched_at: datetime
    records: int
    digest: Digest

    def is_stale(self, now: datetime, after: timedelta) -> bool:
        """Tells whether either time is longer ago than `after`, or yet to come."""
        return any(not timedelta(0) <= now - moment <= after for moment in (self.last_update, self.fetched_at))


class Advisories(Protocol):
    """A source of advisories."""

    @property
    def database(self) -> Database:
        """What it is and how new."""

    def covers(self, package: Package) -> bool:
        """Tells whether packages of this kind are in the source."""

    def examine(self, package: Package) -> Sequence[Finding] | Skipped:
        """Compares a package it covers; says why where that cannot be done."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan of one SBOM came to."""

    state: ScanState
    sbom: Digest
    packages: int
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    databases: tuple[Database, ...]


def scan(
    sbom: bytes, advisories: Sequence[Advisories], now: datetime, *, stale_after: timedelta = STALE_AFTER
) -> ScanResult:
    """Compares every package of a CycloneDX document; raises EvidenceInvalid if it is none."""
    document = read_object(sbom, where="sbom", limit=LARGEST)
    packages, skipped = _packages(document)
    findings: list[Finding] = []
    used: dict[int, Database] = {}
    for package in packages:
        source = _source(package, advisories)
        if isinstance(source, Skipped):
            skipped.append(source)
            continue
        used[id(source)] = source.database
        found = source.examine(package)
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            findings.extend(found)
    databases = tuple(sorted(used.values(), key=lambda database: database.ecosystem))
    return ScanResult(
        state=_state(document, databases, skipped=bool(skipped), now=now, stale_after=stale_after),
        sbom=Digest.of_json(document),
        packages=len(packages),
        findings=tuple(sorted(findings, key=lambda finding: (finding.purl, finding.id))),
        skipped=tuple(sorted(skipped, key=lambda one: one.purl)),
        databases=databases,
    )


def _state(
    document: Mapping[str, object],
    databases: Sequence[Database],
    *,
    skipped: bool,
    now: datetime,
    stale_after: timedelta,
) -> ScanState:
    if not document["components"]:
        return ScanState.EMPTY
    if not databases:
        return ScanState.NOT_SCANNED
    if skipped or not _is_whole(document):
        return ScanState.PARTIAL
    return ScanState.STALE if any(database.is_stale(now, stale_after) for database in databases) else ScanState.SCANNED


def _source(package: Package, advisories: Sequence[Advisories]) -> Advisories | Skipped:
    """Returns the source for a package, or why there is none; a source without a record knows nothing."""
    for source in advisories:
        if source.covers(package):
            empty = Skipped(package.purl, f"the source {source.database.source} has no records")
            return source if source.database.records > 0 else empty
    return Skipped(package.purl, f"no source of advisories for {package.url.type}")


def _packages(document: Mapping[str, object]) -> tuple[list[Package], list[Skipped]]:
    """Returns the packages a document lists, nested ones too, and the components that have no package URL."""
    if document.get("bomFormat") != "CycloneDX" or not isinstance(document.get("components"), list):
        raise EvidenceInvalid("not a CycloneDX document with components", where="sbom")
    packages, nameless = [], []
    for component in _components(document["components"]):
        name, purl = component.get("name"), component.get("purl")
        try:
            packages.append(Package(str(purl), PackageURL.from_string(purl)))  # type: ignore[arg-type]  # raises
        except (ValueError, TypeError, AttributeError):
            nameless.append(Skipped(str(name), "it has no package URL"))
    return packages, nameless


def _components(listed: object) -> Iterable[Mapping[str, object]]:
    if not isinstance(listed, list):
        raise EvidenceInvalid("components are a list", where="sbom")
    for component in listed:
        if not isinstance(component, dict):
            raise EvidenceInvalid("a component is an object", where="sbom")
        yield component
        yield from _components(component.get("components", []))


def _is_whole(document: Mapping[str, object]) -> bool:
    """Tells whether no composition says that something could not be read."""
    compositions = document.get("compositions", [])
    return isinstance(compositions, list) and all(
        isinstance(part, dict) and part.get("aggregate") == "complete" for part in compositions
    )

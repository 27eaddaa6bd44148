"""A scan as a predicate: in-toto `vulns/v0.2`, with what was not compared beside what was found.

`scanner.db.lastUpdate` is the oldest of the sources used, so that a fresh source never hides an old one; without any
source there is nothing to say, and nothing is said. `seaway_scan` has the state, the SBOM's digest, what was skipped
and why, and each source.
"""

from __future__ import annotations

from datetime import datetime

from seaway.errors import NotScanned
from seaway.evidence import deeds
from seaway.evidence.scan.interface import Database, Finding, ScanResult
from seaway.evidence.shape import write_time

SCANNER = "https://seaway.dev/scan"


def scan_predicate(result: ScanResult, *, version: str, started: datetime, finished: datetime) -> deeds.Scan:
    """Returns the predicate of a scan (in-toto attestation, predicates/vulns, v0.2); `version` is the scanner's.

    Raises NotScanned where no source was used: there is no freshness to state.
    """
    if not result.databases:
        why = result.skipped[0].why if result.skipped else "the SBOM lists no package"
        raise NotScanned(
            f"nothing was scanned: {why}", hint="seaway advisories import DIR, or add the security suite to apt"
        )
    oldest = min(result.databases, key=lambda database: database.last_update)
    scanner = deeds.Scanner(
        uri=SCANNER,
        version=version,
        db=deeds.Database(uri=oldest.source, version=oldest.digest.hex, last_update=oldest.last_update),
        result=tuple(_vulnerability(finding) for finding in result.findings),
    )
    own = {
        "state": str(result.state),
        "sbom": str(result.sbom),
        "packages": result.packages,
        "skipped": [{"purl": one.purl, "why": one.why} for one in result.skipped],
        "databases": [_database(database) for database in result.databases],
    }
    metadata = deeds.ScanMetadata(scan_started_on=started, scan_finished_on=finished)
    return deeds.Scan(scanner=scanner, metadata=metadata, seaway_scan=own)


def _vulnerability(finding: Finding) -> deeds.Vulnerability:
    known = () if finding.score is None else (deeds.Severity(method="CVSS", score=f"{finding.score:.1f}"),)
    own = {"purl": finding.purl, "says": finding.says, "fixed": finding.fixed, "aliases": list(finding.aliases)}
    return deeds.Vulnerability(id=finding.id, severity=known, annotations=({"seaway": own},))


def _database(database: Database) -> dict[str, object]:
    return {
        "ecosystem": database.ecosystem,
        "source": database.source,
        "lastUpdate": write_time(database.last_update),
        "fetchedAt": write_time(database.fetched_at),
        "records": database.records,
        "digest": str(database.digest),
    }

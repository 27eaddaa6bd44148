"""A scan as a predicate: in-toto `vulns/v0.2`, with what was not compared beside what was found.

`scanner.db.lastUpdate` is the oldest of the sources used, so that a fresh source never hides an old one; without a
source there is no `db`. `seaway_scan` has the state, the SBOM's digest, what was skipped and why, and each source.
"""

from __future__ import annotations

from datetime import datetime

from seaway.evidence.scan.interface import Database, Finding, ScanResult
from seaway.evidence.shape import write_time

SCANNER = "https://seaway.dev/scan"


def vulnerabilities(result: ScanResult, *, version: str, started: datetime, finished: datetime) -> dict[str, object]:
    """Returns the predicate of a scan (in-toto attestation, predicates/vulns, v0.2); `version` is the scanner's."""
    scanner: dict[str, object] = {
        "uri": SCANNER,
        "version": version,
        "result": [_result(finding) for finding in result.findings],
    }
    if result.databases:
        oldest = min(result.databases, key=lambda database: database.last_update)
        scanner["db"] = {
            "uri": oldest.source,
            "version": oldest.digest.hex,
            "lastUpdate": write_time(oldest.last_update),
        }
    return {
        "scanner": scanner,
        "metadata": {"scanStartedOn": write_time(started), "scanFinishedOn": write_time(finished)},
        "seaway_scan": {
            "state": str(result.state),
            "sbom": str(result.sbom),
            "packages": result.packages,
            "skipped": [{"purl": one.purl, "why": one.why} for one in result.skipped],
            "databases": [_database(database) for database in result.databases],
        },
    }


def _result(finding: Finding) -> dict[str, object]:
    known = [] if finding.score is None else [{"method": "CVSS", "score": f"{finding.score:.1f}"}]
    own = {"purl": finding.purl, "says": finding.says, "fixed": finding.fixed, "aliases": list(finding.aliases)}
    return {"id": finding.id, "severity": known, "annotations": [{"seaway": own}]}


def _database(database: Database) -> dict[str, object]:
    return {
        "ecosystem": database.ecosystem,
        "source": database.source,
        "lastUpdate": write_time(database.last_update),
        "fetchedAt": write_time(database.fetched_at),
        "records": database.records,
        "digest": str(database.digest),
    }

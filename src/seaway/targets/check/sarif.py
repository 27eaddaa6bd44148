"""Findings as SARIF 2.1.0, for code hosts and editors.

Levels: error is error, loss is warning, note is note. Columns count characters. A finding's rule is its code, with its
page as help; what its place lies over are related locations. Source: OASIS SARIF 2.1.0, sections 3.14, 3.27, 3.49.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from seaway.findings import Finding, Level, Position
from seaway.targets.check.catalogue import Entry, catalogue

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Level.ERROR: "error", Level.LOSS: "warning", Level.NOTE: "note"}
_ROOT = "SRCROOT"

Replacements = Callable[[Finding], Sequence[Mapping[str, Any]]]


def sarif(findings: Sequence[Finding], version: str, replacements: Replacements) -> dict[str, Any]:
    """Returns the log of one run; `replacements` gives the artifact changes of a finding's fix."""
    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "seaway",
        "semanticVersion": version,
        "rules": [_rule(code, catalogue().get(code)) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the folder of the app"}}},
        "results": [_result(finding, codes.index(finding.code), replacements(finding)) for finding in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.why},
        "help": {"text": entry.fix, "markdown": entry.page},
        "properties": {"tags": [entry.risk]},
    }


def _result(finding: Finding, rule: int, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    hint = f". {finding.hint}" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.says}{hint}"},
        "partialFingerprints": {"said/v1": _fingerprint(finding)},
    }
    if finding.where is not None:
        result["locations"] = [{"physicalLocation": _physical(finding.where)}]
    if finding.overrode:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _physical(place), "message": {"text": "it lies over this"}}
            for number, place in enumerate(finding.overrode)
        ]
    if changes:
        result["fixes"] = [{"description": {"text": finding.hint or finding.says}, "artifactChanges": list(changes)}]
    return result


def _fingerprint(finding: Finding) -> str:
    file = finding.where.file if isinstance(finding.where, Position) else str(finding.where)
    return hashlib.sha256("\0".join((finding.code, finding.says, file)).encode()).hexdigest()[:32]


def _physical(where: Position | str) -> dict[str, Any]:
    if isinstance(where, str):
        return {"artifactLocation": artifact(where)}
    region = {"startLine": where.line, "startColumn": where.column}
    return {"artifactLocation": artifact(where.file), "region": region}


def artifact(file: str) -> dict[str, str]:
    """Returns the location of a file: below the app's folder, or anywhere on this machine."""
    if file.startswith("/"):
        return {"uri": f"file://{quote(file)}"}
    return {"uri": quote(file), "uriBaseId": _ROOT}

"""One image's facts: where it comes from, what is in it, how it was tested and scanned.

Each is read from the newest verified statement of its type; a predicate that does not say what is asked is
`unreadable`, never good. A scan is of one SBOM: of another than the newest it is stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.deeds import Outcome, Provenance, Reference, Scan, TestResult, Vulnerability
from seaway.evidence.scan.interface import LARGEST, ScanState
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.strictjson import read_object
from seaway.policy.gathered import Gathered, ImageAsked
from seaway.policy.shape import State
from seaway.policy.waivers import Waiver

_WORST = (Outcome.FAILED, Outcome.WARNED, Outcome.PASSED)
_SBOM = (T.CYCLONEDX, T.SPDX, T.REFERENCE)
Fact = dict[str, object]


def image_fact(image: ImageAsked, gathered: Gathered, *, waivers: Sequence[Waiver], now: datetime) -> Fact:
    """Returns the facts about one image; findings name the exception of `waivers`, all live, that accepts them."""
    provenance, _ = provenance_fact(image.digest, gathered)
    sbom, document = _sbom(image.digest, gathered)
    return {
        "service": image.service,
        "ref": image.ref,
        "digest": str(image.digest),
        "provenance": provenance,
        "sbom": sbom,
        "tests": test_facts(image.digest, gathered),
        "scan": _scan(image.digest, gathered, document, [w for w in waivers if w.subject == image.digest], now),
    }


def provenance_fact(digest: Digest, gathered: Gathered) -> tuple[Fact, str]:
    """Returns the fact, and the person who signed it as builder (SLSA provenance v1)."""
    found = gathered.newest(digest, T.PROVENANCE)
    if found is None:
        state = gathered.why_absent(digest, T.PROVENANCE)
        return {"state": str(state), "builder": "", "commit": ""}, ""
    said = Provenance.of(found.statement)
    sources = [dict(one.digest or {}) for one in said.build_definition.resolved_dependencies]
    commit = next((source["gitCommit"] for source in sources if "gitCommit" in source), "")
    return {"state": str(State.VERIFIED), "builder": said.run_details.builder.id, "commit": commit}, found.person


def test_facts(digest: Digest, gathered: Gathered) -> list[Fact]:
    """Returns each suite's result: newest of each environment, the worst of those (in-toto test-result v0.1).

    A result that cannot be read may be of any suite, so those before it count no more.
    """
    newest: dict[tuple[str, str], TestResult] = {}
    lost = gathered.lost(digest, T.TEST_RESULT)
    for verified in gathered.about(digest, T.TEST_RESULT):
        said = TestResult.of(verified.statement)
        if lost is None or verified.index > lost.index:
            newest[_text(said.seaway_suite, "name"), _text(said.seaway_suite, "environment")] = said
    suites = sorted({name for name, _ in newest if name})
    return [_test(name, [said for (suite, _), said in newest.items() if suite == name]) for name in suites]


def _test(name: str, results: Sequence[TestResult]) -> Fact:
    worst = min(results, key=lambda said: _WORST.index(said.result))
    return {"suite": name, "kind": _text(worst.seaway_suite, "kind"), "state": worst.result.lower()}


def _sbom(digest: Digest, gathered: Gathered) -> tuple[Fact, Digest | None]:
    """Returns the fact, and the digest of the document, which a scan must name."""
    found = gathered.newest(digest, *_SBOM)
    if found is None:
        return {"state": str(gathered.why_absent(digest, *_SBOM)), "components": None}, None
    if found.statement.predicate_type != T.REFERENCE:
        return _contents(found.statement.predicate), Digest.of_json(found.statement.predicate)
    referred = _referred(Reference.of(found.statement))
    data = gathered.documents.get(referred) if referred else None
    if data is None:
        return {"state": str(State.UNAVAILABLE), "components": None}, referred
    try:
        return _contents(read_object(data, where=referred, limit=LARGEST)), referred
    except EvidenceInvalid:
        return {"state": str(State.UNREADABLE), "components": None}, referred


def _referred(reference: Reference) -> Digest | None:
    """Returns the one document a reference is to; None for none or several."""
    digests = [Digest((one.digest or {})["sha256"]) for one in reference.references]
    return digests[0] if len(digests) == 1 else None


def _contents(document: Mapping[str, object]) -> Fact:
    """Counts what is listed; a composition that is not complete says that a package database was not read."""
    listed = document.get("components", document.get("packages"))
    if not isinstance(listed, list):
        return {"state": str(State.UNREADABLE), "components": None}
    compositions = document.get("compositions", [])
    whole = isinstance(compositions, list) and all(
        isinstance(part, dict) and part.get("aggregate") == "complete" for part in compositions
    )
    state = State.EMPTY if not listed else State.VERIFIED if whole else State.PARTIAL
    return {"state": str(state), "components": len(listed)}


def _scan(
    digest: Digest, gathered: Gathered, document: Digest | None, waivers: Sequence[Waiver], now: datetime
) -> Fact:
    found = gathered.newest(digest, T.VULNERABILITIES)
    if found is None:
        absent = gathered.why_absent(digest, T.VULNERABILITIES)
        state = State.NOT_SCANNED if absent is State.MISSING else absent
        return {"state": str(state), "dbAgeSeconds": None, "skipped": None, "findings": []}
    said = Scan.of(found.statement)
    skipped = (said.seaway_scan or {}).get("skipped")
    return {
        "state": str(_scan_state(said.seaway_scan or {}, document)),
        "dbAgeSeconds": _age(said.scanner.db.last_update, now),
        "skipped": len(skipped) if isinstance(skipped, list) else None,
        "findings": [_finding(item, waivers) for item in said.scanner.result],
    }


def _scan_state(own: Mapping[str, object], document: Digest | None) -> State:
    """Returns what a scan says of itself; one of another SBOM than the newest is stale."""
    said = own.get("state")
    if said not in frozenset(ScanState):
        return State.UNREADABLE
    return State(str(said)) if document is not None and own.get("sbom") == str(document) else State.STALE


def _age(last_update: datetime, now: datetime) -> int:
    """Returns whole seconds, rounded up, so that a limit is never passed by a fraction."""
    return -int((last_update - now).total_seconds() // 1)


def _finding(item: Vulnerability, waivers: Sequence[Waiver]) -> Fact:
    own = item.annotations[0].get("seaway") if item.annotations else None
    package = _text(own, "purl") if isinstance(own, Mapping) else ""
    waiver = next((waiver for waiver in waivers if waiver.accepts(item.id, package)), None)
    return {
        "id": item.id,
        "package": package,
        "score": max((score for one in item.severity if (score := _score(one.score)) is not None), default=None),
        "waivedBy": waiver.id.hex if waiver else "",
        "vex": "none",
    }


def _score(text: str) -> float | None:
    """Reads a CVSS base score in decimal text; a vector or anything else is not known here."""
    try:
        score = float(text)
    except ValueError:
        return None
    return score if 0 <= score <= 10 else None


def _text(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""

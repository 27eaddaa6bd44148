"""One image's facts: where it comes from, what is in it, how it was tested and scanned.

Each is read from the newest verified statement of its type; a predicate that does not say what is asked is
`unreadable`, never good. A scan is of one SBOM: of another than the newest it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.shape import read_time
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.strictjson import read_object
from seaway.policy.gathered import Gathered, ImageAsked, Verified
from seaway.policy.shape import State
from seaway.policy.waivers import Waiver

_WORST = (State.UNREADABLE, State.FAILED, State.WARNED, State.PASSED)
_RESULTS = {"PASSED": State.PASSED, "WARNED": State.WARNED, "FAILED": State.FAILED}
_SBOM = (T.CYCLONEDX, T.SPDX, T.REFERENCE)
_SCANS = frozenset({State.SCANNED, State.NOT_SCANNED, State.STALE, State.EMPTY, State.PARTIAL})
_LARGEST_SBOM = 256 << 20
Fact = dict[str, object]


def image_fact(image: ImageAsked, gathered: Gathered, *, waivers: Sequence[Waiver], now: datetime) -> Fact:
    """Returns the facts about one image; findings name the live exception that accepts them."""
    provenance, _ = provenance_fact(image.digest, gathered)
    sbom, contents = _sbom(image.digest, gathered)
    about = [waiver for waiver in waivers if waiver.subject == image.digest]
    return {
        "service": image.service,
        "ref": image.ref,
        "digest": str(image.digest),
        "provenance": provenance,
        "sbom": sbom,
        "tests": test_facts(image.digest, gathered),
        "scan": _scan(image.digest, gathered, contents, about, now),
    }


def provenance_fact(digest: Digest, gathered: Gathered) -> tuple[Fact, str]:
    """Returns the fact, and the person who signed it as builder (SLSA provenance v1)."""
    found = gathered.newest(digest, T.PROVENANCE)
    if found is None:
        state = gathered.why_absent(digest, T.PROVENANCE)
        return {"state": str(state), "builder": "", "commit": ""}, ""
    run, definition = (
        _object(found.statement.predicate, "runDetails"),
        _object(found.statement.predicate, "buildDefinition"),
    )
    builder = _text(_object(run, "builder"), "id")
    commit = next(_commits(definition.get("resolvedDependencies")), "")
    state = State.VERIFIED if builder else State.UNREADABLE
    return {"state": str(state), "builder": builder, "commit": commit}, found.person


def _commits(dependencies: object) -> Iterator[str]:
    for dependency in dependencies if isinstance(dependencies, list) else ():
        if isinstance(dependency, dict) and (commit := _text(_object(dependency, "digest"), "gitCommit")):
            yield commit


def test_facts(digest: Digest, gathered: Gathered) -> list[Fact]:
    """Returns each suite's result: newest of each environment, the worst of those (in-toto test-result v0.1)."""
    newest: dict[tuple[str, str], tuple[str, State]] = {}
    for verified in gathered.about(digest, T.TEST_RESULT):
        suite = _object(verified.statement.predicate, "seaway_suite")
        if name := _text(suite, "name"):
            result = _RESULTS.get(_text(verified.statement.predicate, "result"), State.UNREADABLE)
            newest[name, _text(suite, "environment")] = (_text(suite, "kind"), result)
    suites = sorted({name for name, _ in newest})
    return [_test(name, [value for (suite, _), value in newest.items() if suite == name]) for name in suites]


def _test(name: str, results: Sequence[tuple[str, State]]) -> Fact:
    kind, state = min(results, key=lambda result: _WORST.index(result[1]))
    return {"suite": name, "kind": kind, "state": str(state)}


def _sbom(digest: Digest, gathered: Gathered) -> tuple[Fact, Digest | None]:
    """Returns the fact, and the digest of the document, which a scan must name."""
    found = gathered.newest(digest, *_SBOM)
    if found is None:
        return {"state": str(gathered.why_absent(digest, *_SBOM)), "components": None}, None
    if found.statement.predicate_type != T.REFERENCE:
        return _contents(found.statement.predicate), Digest.of_json(found.statement.predicate)
    referred = _referred(found)
    data = gathered.documents.get(referred) if referred else None
    if referred is None or data is None:
        return {"state": str(State.UNAVAILABLE), "components": None}, referred
    try:
        return _contents(read_object(data, where=referred, limit=_LARGEST_SBOM)), referred
    except EvidenceInvalid:
        return {"state": str(State.UNREADABLE), "components": None}, referred


def _referred(found: Verified) -> Digest | None:
    references = found.statement.predicate.get("references")
    only = len(references) == 1 if isinstance(references, list) else False
    try:
        return (
            Digest(_text(_object(_first(found.statement.predicate, "references"), "digest"), "sha256"))
            if only
            else None
        )
    except ValueError:
        return None


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


def _scan(digest: Digest, gathered: Gathered, sbom: Digest | None, waivers: Sequence[Waiver], now: datetime) -> Fact:
    found = gathered.newest(digest, T.VULNERABILITIES)
    if found is None:
        state = gathered.why_absent(digest, T.VULNERABILITIES)
        absent = State.NOT_SCANNED if state is State.MISSING else state
        return {"state": str(absent), "dbAgeSeconds": None, "skipped": None, "findings": []}
    scanner, own = _object(found.statement.predicate, "scanner"), _object(found.statement.predicate, "seaway_scan")
    results, skipped = scanner.get("result"), own.get("skipped")
    readable = isinstance(results, list) and isinstance(skipped, list)
    return {
        "state": str(_scan_state(own, sbom) if readable else State.UNREADABLE),
        "dbAgeSeconds": _age(_object(scanner, "db").get("lastUpdate"), now),
        "skipped": len(skipped) if isinstance(skipped, list) else None,
        "findings": [_finding(item, waivers, now) for item in results] if isinstance(results, list) else [],
    }


def _scan_state(own: Mapping[str, object], sbom: Digest | None) -> State:
    """Returns what a scan says of itself; one of another SBOM than the newest is stale."""
    said = _text(own, "state")
    if said not in _SCANS:
        return State.UNREADABLE
    return State(said) if sbom is not None and own.get("sbom") == str(sbom) else State.STALE


def _age(last_update: object, now: datetime) -> int | None:
    """Returns whole seconds, rounded up, so that a limit is never passed by a fraction."""
    try:
        return -int((read_time(last_update) - now).total_seconds() // 1)
    except EvidenceInvalid:
        return None


def _finding(item: object, waivers: Sequence[Waiver], now: datetime) -> Fact:
    body: Mapping[str, object] = item if isinstance(item, dict) else {}
    name, package = _text(body, "id"), _text(_object(_first(body, "annotations"), "seaway"), "purl")
    waiver = next((w for w in waivers if w.covers_finding(name, package, w.environment, now)), None)
    return {
        "id": name,
        "package": package,
        "score": _score(_first(body, "severity").get("score")),
        "waivedBy": waiver.id.hex if waiver else "",
        "vex": "none",
    }


def _score(value: object) -> float | None:
    """Reads a CVSS score, a number or its decimal text; anything else is not known."""
    try:
        score = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        return None
    return score if 0 <= score <= 10 else None


def _first(body: Mapping[str, object], key: str) -> Mapping[str, object]:
    values = body.get(key)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else {}


def _object(body: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def _text(body: Mapping[str, object], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""

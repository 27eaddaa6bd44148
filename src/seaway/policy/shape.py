"""The shape of facts: every field, always there, each of its kind. Facts of another shape decide nothing.

A field that is unknown says so by its own state or by null, never by absence or by a word where a number or a person
belongs. So a rule may be written without `has()`, and nothing that lost a field can read as good.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum


class State(StrEnum):
    """How far a fact is known; of them `verified`, `scanned` and `passed` are good, each in its place."""

    VERIFIED = "verified"
    SCANNED = "scanned"
    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    MISSING = "missing"
    STALE = "stale"
    PARTIAL = "partial"
    EMPTY = "empty"
    NOT_SCANNED = "not-scanned"
    ERASED = "erased"
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    QUEUED = "queued"
    UNKNOWN = "unknown"


class Word(StrEnum):
    """What an approver's newest word on a bundle amounts to, before its evidence and its age are looked at."""

    VERIFIED = "verified"
    SELF = "self"
    EXPIRED = "expired"
    WRONG_TITLE = "wrong-title"
    OTHER_POLICY = "other-policy"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"


_STATES = frozenset(State)
_WORDS = frozenset(Word)
_RESERVED = _STATES | _WORDS  # no name: a lost value must not read as somebody
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_EXACT = 1 << 53  # the largest whole number that every reader of JSON sees alike
_MOST = 10_000  # elements of a list: rules loop over them, up to three deep


def _text(value: object) -> bool:
    """Text that has bytes: half of a surrogate pair has none, and the engine dies of it."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _name(value: object) -> bool:
    """A person, suite, service or environment: text, and none of the words that say how far something is known."""
    return _text(value) and value != "" and value not in _RESERVED


def _name_or_unknown(value: object) -> bool:
    return value == State.UNKNOWN or _name(value)


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _truth_or_null(value: object) -> bool:
    return value is None or _truth(value)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT


def _count_or_null(value: object) -> bool:
    return value is None or _count(value)


def _score_or_null(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10)


def _state(value: object) -> bool:
    return isinstance(value, str) and value in _STATES


def _word(value: object) -> bool:
    return isinstance(value, str) and value in _WORDS


def _risk(value: object) -> bool:
    return value in ("normal", "high")


def _digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


Check = Callable[[object], bool]
Shape = Check | Mapping[str, "Shape"] | list["Shape"]
_TEST: Shape = {"suite": _name, "kind": _text, "state": _state}
_FINDING: Shape = {"id": _name, "package": _text, "score": _score_or_null, "waivedBy": _text, "vex": _text}
_IMAGE: Shape = {
    "service": _name,
    "ref": _name,
    "digest": _digest,
    "provenance": {"state": _state, "builder": _text, "commit": _text},
    "sbom": {"state": _state, "components": _count_or_null},
    "tests": [_TEST],
    "scan": {"state": _state, "dbAgeSeconds": _count_or_null, "skipped": _count_or_null, "findings": [_FINDING]},
}
_APPROVAL: Shape = {"person": _name, "title": _text, "state": _word, "sameEvidence": _truth, "newest": _truth}
_PREVIOUS: Shape = {
    "environment": _text,
    "soakedSeconds": _count_or_null,
    "sameBundle": _truth_or_null,
    "objectivesMet": _truth_or_null,
}
FACTS: Shape = {
    "environment": _name,
    "risk": _risk,
    "bundle": _digest,
    "authors": [_name_or_unknown],
    "requester": _name_or_unknown,
    "approvers": _count,
    "evidenceSet": _digest,
    "policy": {"digest": _digest, "consented": _truth},
    "models": [{"name": _name, "digest": _text, "state": _state}],
    "data": [{"name": _name, "digest": _text, "state": _state, "licence": _text, "personal": _truth_or_null}],
    "images": [_IMAGE],
    "tests": [_TEST],
    "approvals": [_APPROVAL],
    "previous": _PREVIOUS,
}


def faults(facts: object, shape: Shape = FACTS, path: str = "") -> Iterator[str]:
    """Yields the path of every field that is missing, foreign or of another kind."""
    if isinstance(shape, Mapping):
        yield from _object_faults(facts, shape, path)
    elif isinstance(shape, list):
        yield from _list_faults(facts, shape[0], path)
    elif not shape(facts):
        yield f"{path} is {facts!r}"[:200]


def _object_faults(facts: object, shape: Mapping[str, Shape], path: str) -> Iterator[str]:
    if not isinstance(facts, Mapping):
        yield f"{path or 'facts'} is no object"
        return
    for key in sorted(shape.keys() | facts.keys()):
        here = f"{path}.{key}" if path else str(key)
        if key not in facts:
            yield f"{here} is missing"
        elif key not in shape:
            yield f"{here} is not a fact"
        else:
            yield from faults(facts[key], shape[key], here)


def _list_faults(facts: object, shape: Shape, path: str) -> Iterator[str]:
    if not isinstance(facts, list):
        yield f"{path} is no list"
        return
    if len(facts) > _MOST:
        yield f"{path} has more than {_MOST} elements"
        return
    for index, fact in enumerate(facts):
        yield from faults(fact, shape, f"{path}[{index}]")

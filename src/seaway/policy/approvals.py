"""Approvals as facts: each approver's newest word on this bundle for this environment, and whether it counts.

Persons are compared, never strings. A rejection stands until the same person approves again; an approval within a
release is about that release and no promotion. Whose word is too old, of other evidence or their own work is said,
so that a refusal can name it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.roles import environment_of
from seaway.evidence.shape import read_time
from seaway.evidence.statement import PredicateType
from seaway.policy.considered import considered, evidence_set
from seaway.policy.gathered import Gathered, Question, Registry, Verified
from seaway.policy.shape import Word

APPROVED, REJECTED = "approved", "rejected"


def approvals(
    question: Question, gathered: Gathered, people: Registry, *, involved: Collection[str], now: datetime
) -> list[dict[str, object]]:
    """Returns a fact for each person and title, newest word only; `involved` wrote, built or asked for it."""
    seen = considered(question, gathered)
    digest, newest = evidence_set(seen), max((verified.index for verified in seen), default=-1)
    return [
        {
            "person": verified.person,
            "title": _title(verified),
            "state": str(_word(verified, question, people, involved, now)),
            "sameEvidence": _names(verified, "evidenceSet", digest),
            "newest": verified.index > newest,
        }
        for verified in _standing(question, gathered)
    ]


def _standing(question: Question, gathered: Gathered) -> Iterator[Verified]:
    """Yields the words that stand: per person a rejection if it is the newest, else the newest of each title."""
    persons: dict[str, list[Verified]] = {}
    for verified in gathered.about(question.bundle, PredicateType.APPROVAL):
        if environment_of(verified.statement) == question.environment and not verified.statement.predicate.get(
            "release"
        ):
            persons.setdefault(verified.person, []).append(verified)
    for _, words in sorted(persons.items()):
        yield from _last(words)


def _last(words: list[Verified]) -> list[Verified]:
    rejected = max((place for place, word in enumerate(words) if not _approves(word)), default=-1)
    if rejected == len(words) - 1:
        return [words[-1]]
    return list({_title(word): word for word in words[rejected + 1 :]}.values())


def _word(verified: Verified, question: Question, people: Registry, involved: Collection[str], now: datetime) -> Word:
    predicate = verified.statement.predicate
    if predicate.get("person") != verified.person or verified.role != "approver":
        return Word.UNREADABLE
    if not _approves(verified):
        return Word.REJECTED if predicate.get("decision") == REJECTED else Word.UNREADABLE
    if verified.person in involved:
        return Word.SELF
    if _has_ended(predicate, now):
        return Word.EXPIRED
    if not _names(verified, "policy", question.policy):
        return Word.OTHER_POLICY
    known = people.persons().get(verified.person)
    title = _title(verified)
    return Word.VERIFIED if known and (not title or title in known.titles) else Word.WRONG_TITLE


def _has_ended(predicate: Mapping[str, object], now: datetime) -> bool:
    """Tells whether an approval is no longer good; one whose end cannot be read has ended."""
    try:
        return now >= read_time(predicate.get("expires"))
    except EvidenceInvalid:
        return True


def _approves(verified: Verified) -> bool:
    return verified.statement.predicate.get("decision") == APPROVED


def _title(verified: Verified) -> str:
    title = verified.statement.predicate.get("title")
    return title if isinstance(title, str) else ""


def _names(verified: Verified, field: str, digest: Digest) -> bool:
    return verified.statement.predicate.get(field) in (str(digest), digest.hex)

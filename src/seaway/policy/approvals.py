"""Approvals as facts: each approver's newest word on this bundle for this environment, and whether it counts.

Persons are compared, never strings. A rejection stands until the same person approves again; an approval within a
release is about that release and no promotion. Whose word is too old, of other evidence or their own work is said,
so that a refusal can name it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from seaway.evidence.progress import Approval, Choice, evidence_set
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.evidence.verify import Verified
from seaway.policy.considered import considered
from seaway.policy.gathered import Gathered, Question
from seaway.policy.shape import Word


@dataclass(frozen=True, slots=True)
class _Said:
    """An approval with who said it, where."""

    by: Verified
    approval: Approval


def approvals(
    question: Question, gathered: Gathered, *, involved: Collection[str], now: datetime
) -> list[dict[str, object]]:
    """Returns a fact for each person and title, newest word only; `involved` wrote, built or asked for it."""
    items, digest = evidence_set(considered(question, gathered))
    newest = max((item.log_index for item in items), default=-1)
    return [*_lost(question, gathered)] + [
        {
            "person": said.by.person,
            "title": said.approval.title,
            "state": str(_word(said, question, involved, now)),
            "sameEvidence": said.approval.evidence_set == digest,
            "newest": said.by.index > newest,
        }
        for said in _standing(question, gathered)
    ]


def _lost(question: Question, gathered: Gathered) -> Iterator[dict[str, object]]:
    """Yields a fact for a word after all others that cannot be read: it may have been a rejection."""
    words = gathered.about(question.bundle, PredicateType.APPROVAL)
    if gathered.lost(question.bundle, PredicateType.APPROVAL, since=words[-1].index if words else -1):
        state = str(Word.UNREADABLE)
        yield {"person": "somebody", "title": "", "state": state, "sameEvidence": False, "newest": False}


def _standing(question: Question, gathered: Gathered) -> Iterator[_Said]:
    """Yields the words that stand: per person a rejection if it is the newest, else the newest of each title."""
    persons: dict[str, list[_Said]] = {}
    for verified in gathered.about(question.bundle, PredicateType.APPROVAL):
        said = _Said(verified, Approval.of(verified.statement))
        if said.approval.environment == question.environment and said.approval.release is None:
            persons.setdefault(verified.person, []).append(said)
    for _, words in sorted(persons.items()):
        yield from _last(words)


def _last(words: list[_Said]) -> list[_Said]:
    rejected = max((place for place, said in enumerate(words) if _rejects(said)), default=-1)
    if rejected == len(words) - 1:
        return [words[-1]]
    return list({said.approval.title: said for said in words[rejected + 1 :]}.values())


def _word(said: _Said, question: Question, involved: Collection[str], now: datetime) -> Word:
    by, approval = said.by, said.approval
    if by.role is not Role.APPROVER or approval.person != by.person:
        return Word.UNREADABLE
    if _rejects(said):
        return Word.REJECTED
    if by.person in involved:
        return Word.SELF
    if not approval.at <= now < approval.expires:
        return Word.EXPIRED
    if approval.policy != question.policy:
        return Word.OTHER_POLICY
    return Word.VERIFIED if approval.title in ("", *by.titles) else Word.WRONG_TITLE


def _rejects(said: _Said) -> bool:
    return said.approval.decision is Choice.REJECTED

"""Brings together what a gate looks at: everything the ledger holds about what is asked, verified or lost.

The ledger is asked, never a registry. A statement by a key that may not sign it, or that does not hold, is nothing: it
can neither add nor block. One that counts and cannot be read is recorded as lost, so that older and better news does
not stand in for it. Evidence that is signed and not yet recorded is `queued`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from seaway.digest import Digest
from seaway.errors import EvidenceError, EvidenceMissing, Undecided
from seaway.evidence.deeds import Reference, Scan
from seaway.evidence.progress import Approval, Decision, Deployment, PolicyVersion
from seaway.evidence.shape import write_time
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.statement import Statement
from seaway.evidence.verify import Verified
from seaway.policy.gathered import Absent, Gathered, Question
from seaway.policy.shape import State

SLOW_CLOCK = timedelta(minutes=5)


class Unread(Protocol):
    """An entry of the ledger that does not count, and why; `evidence.notary.Rejected` is one."""

    @property
    def index(self) -> int: ...
    @property
    def predicate_type(self) -> str: ...
    @property
    def why(self) -> EvidenceError: ...


class Examined(Protocol):
    """All the ledger holds for a question."""

    @property
    def verified(self) -> tuple[Verified, ...]: ...
    @property
    def rejected(self) -> Sequence[Unread]: ...


class Documents(Protocol):
    """The payloads beside the ledger."""

    def has(self, digest: Digest) -> bool:
        """Tells whether the blob is here."""

    def get(self, digest: Digest) -> bytes:
        """Returns the bytes, verified."""


class Reader(Protocol):
    """The ledger as it is read; `evidence.notary.Notary` is one."""

    @property
    def payloads(self) -> Documents: ...

    def examine(self, *, subject: Digest | None = None, predicate_type: str | None = None) -> Examined:
        """Returns everything about a subject, or of a type, verified or rejected."""


def gather(reader: Reader, question: Question, *, queued: Iterable[Statement] = ()) -> Gathered:
    """Returns everything the gate looks at for a question; `queued` are statements not yet in the ledger."""
    found: dict[int, Verified] = {}
    absent = [Absent(one.subject, one.predicate_type, sys.maxsize, State.QUEUED) for one in queued]
    for subject in sorted(_subjects(question)):
        examined = reader.examine(subject=subject)
        found |= {verified.index: verified for verified in examined.verified}
        absent.extend(_lost(examined, subject))
    for kind in (T.DECISION, T.DEPLOYMENT, T.EXCEPTION):
        examined = reader.examine(predicate_type=kind)
        found |= {verified.index: verified for verified in examined.verified}
        absent.extend(_lost(examined, None))
    statements = tuple(found[index] for index in sorted(found))
    return Gathered(statements, dict(_documents(reader, statements)), tuple(absent))


def gate_time(clock: datetime, gathered: Gathered) -> datetime:
    """Returns the newest of the clock and of all times in verified statements, which no clock set back undoes.

    Raises Undecided where the clock is more than five minutes behind them.
    """
    newest = max((time for verified in gathered.statements for time in _times(verified.statement)), default=clock)
    if newest - clock > SLOW_CLOCK:
        says = f"the clock says {write_time(clock.replace(microsecond=0))}, evidence of {write_time(newest)} is here"
        raise Undecided(says, hint="set the clock, then try again")
    return max(clock, newest)


def _times(statement: Statement) -> Iterator[datetime]:
    """Yields when a deed was done, where its predicate says so."""
    match statement.predicate_type:
        case T.APPROVAL:
            yield Approval.of(statement).at
        case T.DECISION:
            yield Decision.of(statement).time_verified
        case T.DEPLOYMENT:
            yield Deployment.of(statement).at
        case T.POLICY_VERSION:
            yield PolicyVersion.of(statement).at
        case T.VULNERABILITIES:
            yield Scan.of(statement).metadata.scan_finished_on


def _subjects(question: Question) -> set[Digest]:
    images = {image.digest for image in question.images}
    references = {reference.digest for reference in question.references if reference.digest}
    return {question.bundle, question.policy} | images | references


def _lost(examined: Examined, subject: Digest | None) -> Iterator[Absent]:
    for one in examined.rejected:
        if isinstance(one.why, EvidenceMissing):
            state = State.ERASED if "erased" in one.why.says else State.UNAVAILABLE
            yield Absent(subject, one.predicate_type, one.index, state)


def _documents(reader: Reader, statements: Iterable[Verified]) -> Iterator[tuple[Digest, bytes]]:
    """Yields the documents that references name, with their bytes, where they are here."""
    for verified in statements:
        if verified.statement.predicate_type != T.REFERENCE:
            continue
        for one in Reference.of(verified.statement).references:
            digest = Digest((one.digest or {})["sha256"])
            if reader.payloads.has(digest):
                yield digest, reader.payloads.get(digest)

"""Verification in numbered steps; nothing else makes a `Verified`, and gates accept nothing else.

The ledger is asked what exists, never a registry, so nobody who can write referrers adds, hides or blocks evidence.
Steps (evidence.md 4.5): 1 caps, 2 strict JSON, 3 types, base64, one signature · 4 the key may sign this, by role,
environment and type · 5 ECDSA P-256 with SHA-256 · 6 one subject, the one asked for · 7 the predicate asked for, in
its shape · 8 the key counts at this leaf · 9 leaf rebuilt, inclusion, checkpoint, origin · 10 consistent with what is
remembered · 11 payload and referred blobs are here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence.checkpoint import LogKey
from seaway.evidence.deeds import Reference
from seaway.evidence.enrolment import REGISTRY, KeyEnrolment
from seaway.evidence.ledger import Entry, Presence, Proof, Signed
from seaway.evidence.merkle import leaf_hash, verify_inclusion
from seaway.evidence.people import People
from seaway.evidence.predicates import check_predicate, check_speaker
from seaway.evidence.progress import EvidenceItem
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType, Statement


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement that counts: what was said, at which leaf, by whom, in which role."""

    statement: Statement
    index: int
    person: str
    role: Role
    titles: tuple[str, ...]
    key: Digest
    envelope: Digest

    @property
    def item(self) -> EvidenceItem:
        """Its line in an evidence set."""
        return EvidenceItem(id=self.statement.id, predicate_type=self.statement.predicate_type, log_index=self.index)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for; a statement about anything else does not answer it."""

    subject: Digest | None = None
    predicate_type: str | None = None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Everything a verification trusts: the people, the log's key, and a checkpoint that was found consistent."""

    people: People
    log: LogKey
    has: Callable[[Digest], Presence]

    def verify(self, entry: Entry, proof: Proof, question: Question) -> Verified:
        """Verifies one entry; raises EvidenceInvalid, EvidenceMissing or KeyRefused with the first reason."""
        check_logged(self.log, _present(entry), entry.index, proof)  # 9
        return self.judge(entry, question)

    def judge(self, entry: Entry, question: Question) -> Verified:
        """All steps but 9, which the caller has done: what is wrong here is the statement, not the ledger."""
        signed = _present(entry)  # 11, first: what cannot be read cannot be verified
        statement = read_signed(signed)  # 1, 2, 3, 5, 6
        check_question(statement, question)  # 6, 7
        check_predicate(statement)  # 7
        held, role = self.people.standing(signed.key.digest, entry.index, statement)  # 4, 8
        check_speaker(statement, held.enrolment.person)  # 8
        self._check_referred(statement)  # 11
        enrolment = held.enrolment
        return Verified(
            statement, entry.index, enrolment.person, role, enrolment.titles, signed.key.digest, entry.envelope
        )

    def _check_referred(self, statement: Statement) -> None:
        # Personal payloads may be erased, so an enrolment stands without its own.
        if statement.predicate_type in REGISTRY:
            return
        for digest in referred(statement):
            if (presence := self.has(digest)) is not Presence.PRESENT:
                raise EvidenceMissing(f"a document it refers to is {presence}", where=str(digest))


def referred(statement: Statement) -> tuple[Digest, ...]:
    """Returns the blobs a statement of a known shape refers to: a person's identity, documents kept elsewhere."""
    if statement.predicate_type == PredicateType.KEY_ENROLMENT:
        identity = KeyEnrolment.of(statement).identity
        return (identity,) if identity else ()
    if statement.predicate_type != PredicateType.REFERENCE:
        return ()
    return tuple(Digest((item.digest or {})["sha256"]) for item in Reference.of(statement).references)


def check_logged(log: LogKey, signed: Signed, index: int, proof: Proof) -> None:
    """Step 9: rebuilds the leaf and proves it; raises EvidenceInvalid. Step 10 is `memory.check`, once a head."""
    if proof.index != index:
        raise EvidenceInvalid(f"the proof is of leaf {proof.index}", where=f"leaf {index}")
    proof.checkpoint.verify(log)
    verify_inclusion(leaf_hash(signed.leaf), index, proof.checkpoint.size, proof.hashes, proof.checkpoint.root)


def read_signed(signed: Signed) -> Statement:
    """Checks the signature and reads the statement; raises EvidenceInvalid. An Envelope has passed 1 to 3."""
    signed.envelope.verify(signed.key)  # 5: a PublicKey is P-256, and verifies with SHA-256 alone
    return signed.envelope.statement()  # 1, 2, 6


def check_question(statement: Statement, question: Question) -> None:
    """Raises EvidenceInvalid unless the statement is about the subject and of the type asked for."""
    if question.subject not in (None, statement.subject):
        raise EvidenceInvalid("the statement is about another digest", where=str(statement.subject))
    if question.predicate_type not in (None, statement.predicate_type):
        raise EvidenceInvalid(f"the statement is not a {question.predicate_type}", where=statement.predicate_type)


def _present(entry: Entry) -> Signed:
    if entry.signed is None:
        raise EvidenceMissing(f"the statement is {entry.presence}", where=f"leaf {entry.index}")
    return entry.signed

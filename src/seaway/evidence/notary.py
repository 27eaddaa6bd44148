"""The notary: the one door through which the rest of Seaway writes and reads evidence.

It signs nothing by itself. It lets a deed in if the signer's key may say it now, proves the ledger's answer before it
believes it, and remembers the head; it lets a statement out only as `Verified`. Opened for writing it holds the
ledger's lock until closed; for reading it takes none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from seaway.digest import Digest
from seaway.errors import AppendRefused, EvidenceError, EvidenceInvalid, EvidenceMissing, KeyRefused, UsageError
from seaway.evidence.checkpoint import genesis_of, trusted_root
from seaway.evidence.encoding import b64
from seaway.evidence.enrolment import REGISTRY, KeyRevocation, KeyRotation, spelled
from seaway.evidence.files import Clock, FileLedger, utc_now
from seaway.evidence.head import journals
from seaway.evidence.keys import PublicKey, Signer
from seaway.evidence.ledger import Acknowledgement, Entry, Signed
from seaway.evidence.memory import Memory
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.payloads import Payloads
from seaway.evidence.people import People, Registration
from seaway.evidence.place import Place
from seaway.evidence.predicates import check_predicate, check_speaker
from seaway.evidence.sigstore import Bundle
from seaway.evidence.statement import Statement
from seaway.evidence.stored import StoredLedger
from seaway.evidence.verify import Question, Verified, Verifier, check_logged, read_signed


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that does not count, and why."""

    index: int
    id: Digest
    predicate_type: str
    why: EvidenceError


@dataclass(frozen=True, slots=True)
class Examined:
    """All the ledger holds for a question: what counts and what does not."""

    verified: tuple[Verified, ...]
    rejected: tuple[Rejected, ...]


class Notary:
    """Evidence of one origin, read and written under its rules."""

    def __init__(self, place: Place, ledger: StoredLedger, clock: Clock = utc_now) -> None:
        """Takes an open ledger; raises LedgerForked if it is not the pinned one or not what is remembered, extended."""
        self.place = place
        self.ledger = ledger
        self._clock = clock
        self._first: Digest | None = None  # leaf 0 never changes, and what is published proves that it did not
        place.pin.check(ledger.key, self._genesis())
        self._memory = Memory(place.memory)
        self._memory.check(ledger, self._genesis())
        self._people: People | None = None

    @classmethod
    def open(cls, place: Place, *, clock: Clock = utc_now, wait: float = 10.0) -> Self:
        """Opens for writing, founding the ledger if there is none and none is pinned; waits for the lock."""
        if place.pin and not journals(place.ledger):
            hint = "restore it; or, to begin anew, take key and genesis out of x-seaway.ledger"
            raise EvidenceMissing("the ledger that the project pins is not here", where=place.ledger, hint=hint)
        return cls._guarded(place, FileLedger.take(place.ledger, place.origin, clock=clock, wait=wait), clock)

    @classmethod
    def reading(cls, place: Place, *, clock: Clock = utc_now) -> Self:
        """Opens for reading, without a lock; raises EvidenceMissing if there is no ledger."""
        return cls._guarded(place, StoredLedger.open(place.ledger, place.origin), clock)

    @classmethod
    def _guarded(cls, place: Place, ledger: StoredLedger, clock: Clock) -> Self:
        try:
            return cls(place, ledger, clock)
        except EvidenceError:
            ledger.close()
            raise

    def close(self) -> None:
        """Closes the ledger."""
        self.ledger.close()

    def __enter__(self) -> Self:
        """Returns the open notary."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def payloads(self) -> Payloads:
        """The blobs beside the ledger: documents that statements refer to."""
        return self.ledger.payloads

    @property
    def genesis(self) -> Digest:
        """The hash of leaf 0, by which the ledger is pinned; raises EvidenceMissing while there is none."""
        if (first := self._genesis()) is None:
            raise EvidenceMissing("the ledger is empty", where=self.place.origin, hint="seaway keys enrol")
        return first

    @property
    def people(self) -> People:
        """Who holds which key, folded once and kept up to date."""
        if self._people is None:
            self._people = People.fold(self._registrations(), self._identity)
        return self._people

    # -- writing ---------------------------------------------------------------------------------------------------

    def append(self, statement: Statement, signer: Signer) -> Acknowledgement:
        """Signs and records one deed; raises KeyRefused if the signer may not say it now."""
        return self.append_all([(statement, signer)])[0]

    def append_all(self, deeds: Sequence[tuple[Statement, Signer]]) -> tuple[Acknowledgement, ...]:
        """Signs and records deeds, all or none, under one sync."""
        writer = self._writer()
        for statement, signer in deeds:
            self._admit(statement, signer.public.digest)
        signed = [Signed.by(signer, statement) for statement, signer in deeds]
        return self._believe(signed, writer.append(signed))

    def bootstrap(self, owner: Signer, newcomer: Newcomer) -> Acknowledgement:
        """Enrols the first owner by its own signature at leaf 0; raises AppendRefused if there is one."""
        if self.people.head is not None:
            raise AppendRefused("the ledger has an owner", where=self.place.origin, hint="seaway keys enrol")
        return self.enrol(owner, owner.public, newcomer)

    def enrol(self, owner: Signer, key: PublicKey, newcomer: Newcomer) -> Acknowledgement:
        """Enrols a key, or changes what an enrolled key is for."""
        payload = newcomer.identity(os.urandom(16).hex())
        identity = self.payloads.put(payload) if payload and self._writer() else None
        enrolment = newcomer.enrolment(key, self._now(), identity=identity, previous=self.people.head)
        return self._register(enrolment.about(key.digest), owner)

    def revoke(self, owner: Signer, key: Digest, reason: str, from_index: int | None = None) -> Acknowledgement:
        """Revokes a key: what it signed counts only below `from_index` (default: up to now)."""
        start = self.ledger.size if from_index is None else from_index
        value = KeyRevocation(reason=reason, from_index=start, at=self._now(), previous=self._registry_head())
        return self._register(value.about(key), owner)

    def rotate(self, old: Signer, new: Signer) -> Acknowledgement:
        """Puts a new key in the place of the one that signs this."""
        replaces = old.public.digest
        value = KeyRotation(
            key=spelled(new.public),
            replaces=replaces,
            proof=b64(new.prove("key-rotation", str(replaces))),
            at=self._now(),
            previous=self._registry_head(),
        )
        return self._register(value.about(new.public.digest), old)

    def erase(self, digest: Digest, why: str) -> None:
        """Erases a personal or a plain payload for good; statements of the registry stay, or nobody could be known."""
        self._writer().erase(digest, why)

    def _register(self, statement: Statement, signer: Signer) -> Acknowledgement:
        writer = self._writer()
        trial = self.people.copy()
        trial.add(Registration(self.ledger.size, statement, signer.public))
        signed = [Signed.by(signer, statement)]
        answer = self._believe(signed, writer.append(signed))[0]
        self._people = trial
        return answer

    def _admit(self, statement: Statement, key: Digest) -> None:
        if statement.predicate_type in REGISTRY:
            raise AppendRefused(
                "keys are enrolled, rotated and revoked by their own calls", where=statement.predicate_type
            )
        check_predicate(statement)
        held, _ = self.people.standing(key, self.ledger.size, statement, self._now())
        check_speaker(statement, held.enrolment.person)

    def _believe(self, signed: Sequence[Signed], answers: tuple[Acknowledgement, ...]) -> tuple[Acknowledgement, ...]:
        """Proves each answer against the own envelope and key, then moves the memory forward (evidence.md 4.4)."""
        for item, answer in zip(signed, answers, strict=True):
            check_logged(self.ledger.key, item, answer.index, answer.proof)
        genesis = self._genesis()
        self._memory.check(self.ledger, genesis)
        if genesis is not None:
            self._memory.remember(self.ledger, genesis)
        return answers

    # -- reading ---------------------------------------------------------------------------------------------------

    def examine(self, *, subject: Digest | None = None, predicate_type: str | None = None) -> Examined:
        """Returns everything the ledger holds about a subject or of a type, verified or rejected with the reason.

        Raises EvidenceInvalid where the ledger itself contradicts its checkpoint: that is damage, not an answer.
        """
        question, verifier = Question(subject, predicate_type), self._verifier()
        verified, rejected = [], []
        for entry in self.ledger.entries(subject=subject, predicate_type=predicate_type):
            if entry.signed is not None:
                check_logged(self.ledger.key, entry.signed, entry.index, self.ledger.prove(entry.index))
            try:
                verified.append(verifier.judge(entry, question))
            except (EvidenceInvalid, EvidenceMissing, KeyRefused) as error:
                rejected.append(Rejected(entry.index, entry.id, entry.predicate_type, error))
        return Examined(tuple(verified), tuple(rejected))

    def verified(self, *, subject: Digest | None = None, predicate_type: str | None = None) -> tuple[Verified, ...]:
        """Returns what counts, by leaf index."""
        return self.examine(subject=subject, predicate_type=predicate_type).verified

    def bundle(self, index: int) -> bytes:
        """Returns the Sigstore bundle of a leaf, which stock tools verify without this ledger."""
        entry = next(iter(self.ledger.entries(from_index=index)), None)
        if entry is None or entry.index != index or entry.signed is None:
            raise EvidenceMissing("no statement can be read there", where=f"leaf {index}")
        return Bundle(entry.signed, self.ledger.prove(index)).to_bytes(self.ledger.key)

    def trusted_root(self) -> dict[str, object]:
        """Returns `trusted_root.json`, by which stock tools know this log."""
        starts = [held.enrolment.at for holdings in self.people.holdings.values() for held in holdings]
        if not starts:
            raise EvidenceMissing("the ledger is empty", where=self.place.origin)
        return trusted_root([(self.ledger.key, min(starts))])

    def _verifier(self) -> Verifier:
        return Verifier(self.people, self.ledger.key, self.payloads.presence)

    def _registrations(self) -> Iterator[Registration]:
        for entry in self._registry_entries():
            if entry.signed is None:
                raise EvidenceMissing(
                    f"a statement of the key registry is {entry.presence}", where=f"leaf {entry.index}"
                )
            check_logged(self.ledger.key, entry.signed, entry.index, self.ledger.prove(entry.index))
            statement = read_signed(entry.signed)
            yield Registration(entry.index, statement, entry.signed.key)

    def _registry_entries(self) -> Iterable[Entry]:
        found = [entry for kind in REGISTRY for entry in self.ledger.entries(predicate_type=kind)]
        return sorted(found, key=lambda entry: entry.index)

    def _registry_head(self) -> Digest:
        if self.people.head is None:
            raise EvidenceMissing("the ledger has no owner yet", where=self.place.origin, hint="seaway init")
        return self.people.head

    def _identity(self, digest: Digest) -> bytes | None:
        return self.payloads.get(digest) if self.payloads.has(digest) else None

    def _genesis(self) -> Digest | None:
        if self._first is None and self.ledger.size:
            self._first = genesis_of(self.ledger.tiles.leaf(0))
        return self._first

    def _writer(self) -> FileLedger:
        if not isinstance(self.ledger, FileLedger):
            raise UsageError("the ledger is open for reading only", where=self.place.origin)
        return self.ledger

    def _now(self) -> datetime:
        # Statements carry whole seconds: what is signed is what a reader of the JSON sees.
        return self._clock().replace(microsecond=0)

"""What a ledger is: append signed statements, read them back, prove where they stand.

One protocol for the store on this disk (`files.py`) and, later, a server. An acknowledgement is worth what it proves:
leaf index, inclusion proof and checkpoint; `verify.py` checks them before anybody believes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from seaway.digest import Digest
from seaway.evidence.checkpoint import Checkpoint, LogKey
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PublicKey, Signer
from seaway.evidence.leaf import leaf_of
from seaway.evidence.statement import Statement

MAX_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Signed:
    """An envelope and the key that made its signature: what is appended."""

    envelope: Envelope
    key: PublicKey

    @classmethod
    def by(cls, signer: Signer, statement: Statement) -> Signed:
        """Signs a statement; raises KeyRefused if the key may not."""
        return cls(Envelope.seal(statement, signer), signer.public)

    @property
    def leaf(self) -> bytes:
        """The leaf that stands for it in the log."""
        return leaf_of(self.envelope, self.key)


class Presence(StrEnum):
    """Whether a payload can be read; erased and unavailable are states of their own and prove nothing."""

    PRESENT = "present"
    ERASED = "erased"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf of the log as the index describes it, unproved; `signed` is None where the payload cannot be read."""

    index: int
    id: Digest
    predicate_type: str
    subject: Digest
    key: Digest
    envelope: Digest
    presence: Presence
    signed: Signed | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf stands at `index` below a checkpoint."""

    index: int
    hashes: tuple[bytes, ...] = field(repr=False)
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ledger's answer to one statement; `known` if the same statement by the same key was there before."""

    id: Digest
    index: int
    proof: Proof
    known: bool


class Ledger(Protocol):
    """An append-only log of signed statements."""

    @property
    def key(self) -> LogKey:
        """The log's origin and public key."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The published head."""

    def append(self, signed: Sequence[Signed]) -> tuple[Acknowledgement, ...]:
        """Appends up to 1,024 statements, all or none; repeats get their first leaf."""

    def entries(
        self,
        *,
        subject: Digest | None = None,
        predicate_type: str | None = None,
        statement: Digest | None = None,
        from_index: int = 0,
    ) -> Iterator[Entry]:
        """Yields entries by leaf index."""

    def prove(self, index: int) -> Proof:
        """Returns the inclusion proof of a leaf below the published head."""

    def consistency(self, size: int) -> tuple[bytes, ...]:
        """Returns the proof that the published head extends its earlier form of `size` leaves."""

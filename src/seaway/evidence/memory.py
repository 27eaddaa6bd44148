"""What a client remembers of a ledger: its key, its first leaf and the last checkpoint it saw.

Kept outside the ledger's own directory, so that restoring an old copy of that does not reset it. Whoever opens a ledger
proves that it extends what is remembered; one that does not is a fork, a rollback or a truncation, and there is no
override.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid, LedgerForked
from seaway.evidence import disk
from seaway.evidence.checkpoint import Checkpoint, LogKey
from seaway.evidence.merkle import verify_consistency
from seaway.evidence.shape import read, write
from seaway.evidence.strictjson import read_json


class Head(Protocol):
    """What a memory needs of a ledger."""

    @property
    def key(self) -> LogKey:
        """The log's origin and key."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The published head."""

    def consistency(self, size: int) -> tuple[bytes, ...]:
        """The proof that the head extends its form of `size` leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One ledger as it was last seen."""

    key: str
    genesis: Digest
    checkpoint: str

    def to_bytes(self) -> bytes:
        """Returns the one form of the file."""
        return canonical(write(self))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads the file; raises EvidenceInvalid if it was changed."""
        found = read(cls, read_json(data, where="memory"), where="memory")
        if found.to_bytes() != data:
            raise EvidenceInvalid("what is remembered of the ledger was changed", where="memory")
        found.open()
        return found

    def open(self) -> Checkpoint:
        """Returns the checkpoint, verified under the remembered key."""
        return Checkpoint.open(self.checkpoint.encode(), LogKey.parse(self.key))


@dataclass(frozen=True, slots=True)
class Memory:
    """The file of one origin, `<state>/checkpoint/<origin>`."""

    path: Path

    def read(self) -> Remembered | None:
        """Returns what is remembered, None before the first look; raises EvidenceInvalid for a changed file."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Remembered.parse(data)
        except EvidenceInvalid as error:
            hint = "compare the ledger with another copy, then delete this file"
            raise EvidenceInvalid(error.says, where=self.path, hint=hint) from error

    def check(self, ledger: Head, genesis: Digest | None) -> None:
        """Raises LedgerForked unless the ledger extends what is remembered (evidence.md 4.4)."""
        remembered = self.read()
        if remembered is None:
            return
        checkpoint, origin = remembered.open(), ledger.key.origin
        if remembered.key != ledger.key.verifier:
            raise LedgerForked("the ledger is signed with another key than before", where=origin)
        if checkpoint.size > ledger.checkpoint.size:
            says = f"the ledger has {ledger.checkpoint.size} leaves and had {checkpoint.size}"
            raise LedgerForked(says, where=origin)
        if genesis != remembered.genesis:
            raise LedgerForked("the ledger begins with another leaf than before", where=origin)
        try:
            verify_consistency(checkpoint.head, ledger.checkpoint.head, ledger.consistency(checkpoint.size))
        except EvidenceInvalid as error:
            raise LedgerForked(f"the ledger does not extend what was seen: {error.says}", where=origin) from error

    def remember(self, ledger: Head, genesis: Digest) -> None:
        """Replaces what is remembered, durably; the caller has checked that it extends it."""
        note = ledger.checkpoint.note.decode()
        remembered = Remembered(key=ledger.key.verifier, genesis=genesis, checkpoint=note)
        for directory in disk.make_directory(self.path.parent, mode=0o700):
            disk.sync_path(directory)
        disk.write_durably(self.path, remembered.to_bytes(), mode=0o600)

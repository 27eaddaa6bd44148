"""A ledger on this disk, for reading: published head, tiles, index and payloads, without a lock.

What is read is below the published checkpoint, which is written last, so a reader sees whole batches while a writer
works. An index that is missing, damaged or behind is not repaired here but rebuilt in memory. Writing is `files.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from seaway.digest import Digest
from seaway.errors import LedgerForked
from seaway.evidence.checkpoint import Checkpoint, LogKey
from seaway.evidence.envelope import Envelope
from seaway.evidence.head import read_checkpoint, read_header, unwritten
from seaway.evidence.index import Index, Row
from seaway.evidence.keys import PublicKey
from seaway.evidence.leaf import leaf_parts
from seaway.evidence.ledger import Entry, Presence, Proof, Signed
from seaway.evidence.merkle import consistency_proof, inclusion_proof
from seaway.evidence.payloads import Payloads
from seaway.evidence.recovery import recovered_rows
from seaway.evidence.tilefiles import TileFiles


class StoredLedger:
    """A ledger's directory, read at its published checkpoint."""

    def __init__(self, directory: Path, key: LogKey, checkpoint: Checkpoint) -> None:
        """Takes what `open` found; the index comes with the first question."""
        self.directory = directory
        self.key = key
        self.checkpoint = checkpoint
        self.payloads = Payloads(directory / "oci")
        self.tiles = TileFiles(directory, checkpoint.size)
        self._index: Index | None = None

    @classmethod
    def open(cls, directory: Path, origin: str) -> Self:
        """Opens for reading; raises EvidenceMissing if there is no ledger, EvidenceInvalid if its head is damaged."""
        header = read_header(directory, origin)
        key = LogKey(origin, header.key)
        Payloads(directory / "oci").check_layout()
        return cls(directory, key, read_checkpoint(directory, key) or unwritten(origin))

    @property
    def size(self) -> int:
        """The number of leaves below the published head."""
        return self.checkpoint.size

    @property
    def index(self) -> Index:
        """The index, at least as far as the published head."""
        if self._index is None or self._index.size < self.size:
            found = Index.open(self.directory / "index.sqlite", readonly=True)
            self._index = found if found and found.size >= self.size else self.rebuild_index(None)
        return self._index

    def rebuild_index(self, path: Path | None) -> Index:
        """Builds the index anew from leaves, payloads and tombstones, in memory without a path."""
        index = Index.create(path)
        index.add(recovered_rows(self.payloads, (self.tiles.leaf(leaf) for leaf in range(self.size))))
        return index

    def entries(
        self,
        *,
        subject: Digest | None = None,
        predicate_type: str | None = None,
        statement: Digest | None = None,
        from_index: int = 0,
    ) -> Iterator[Entry]:
        """Yields entries by leaf index, unproved."""
        asked = {"subject": subject and subject.hex, "type": predicate_type, "id": statement and statement.hex}
        equal = {column: str(value) for column, value in asked.items() if value is not None}
        for row in self.index.select(equal, from_index, self.size):
            yield self.entry(row)

    def entry(self, row: Row) -> Entry:
        """Returns an indexed leaf with its payload, if that can be read."""
        envelope = Digest(row.envelope)
        presence, signed = self.payloads.presence(envelope), None
        if presence is Presence.PRESENT:
            spki = leaf_parts(self.tiles.leaf(row.leaf))[2]
            signed = Signed(Envelope.parse(self.payloads.get(envelope)), PublicKey.parse(spki))
        return Entry(
            row.leaf, Digest(row.id), row.type, Digest(row.subject), Digest(row.key), envelope, presence, signed
        )

    def prove(self, index: int) -> Proof:
        """Returns the inclusion proof of a leaf below the published head (RFC 6962 §2.1.1)."""
        return Proof(index, inclusion_proof(index, self.size, self.tiles.nodes()), self.checkpoint)

    def consistency(self, size: int) -> tuple[bytes, ...]:
        """Returns the proof that the head extends its form of `size` leaves; LedgerForked if it is shorter."""
        if size > self.size:
            raise LedgerForked(f"the ledger has {self.size} leaves and had {size}", where=self.key.origin)
        return consistency_proof(size, self.size, self.tiles.nodes())

    def close(self) -> None:
        """Closes the index."""
        if self._index is not None:
            self._index.close()
            self._index = None

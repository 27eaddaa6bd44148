"""The embedded ledger: one process writes, and no acknowledged deed is ever lost.

`<data>/ledger/<origin>/{lock, log.key, journal/, tile/, oci/, checkpoint, index.sqlite}`. The order of writes, and why
it is safe:

1. An exclusive `flock` is held until `close`. Envelopes over 256 KiB are written first, synced, with their directory.
2. Leaves and the new root are computed in memory. A clock behind the head's time is refused.
3. One journal record: old head, leaves, envelopes, new head, SHA-256 of it all; then fdatasync. **This is the commit.**
4. The checkpoint is signed. Ed25519 is deterministic, so recovery signs the same bytes; nothing that is not durable is
   ever signed, and one size never has two checkpoints.
5. Tiles, entry bundles and envelopes, by temporary file and rename, unsynced. Outside a replay a file with other bytes
   is damage: stop.
6. `checkpoint` is replaced by rename; then the acknowledgement; then the index, which is derived.
7. At 64 MiB, on close and after every recovery, the roll: sync all files written since the last one, their directories
   and the checkpoint; make the new journal, durably; only then remove the old one and the narrow tiles it needed.

A crash before 3 returns leaves a torn end, which was never signed: it is cut. After 3 every record since the last roll
is replayed, overwriting what 5 left half-written with the same bytes. A damaged record before the end, a journal that
ends below the published checkpoint, a hole in the tiles or another root is never repaired silently. After a failed
sync the store refuses further writes: the next open recovers into new files, since the kernel may have dropped the old
pages. Disk full at 3: the journal is cut back, nothing is acknowledged.

`(statement id, key)` is unique: a repeat gets the first leaf.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from seaway.digest import Digest
from seaway.errors import AppendRefused, EvidenceError, LedgerUnavailable
from seaway.evidence import disk
from seaway.evidence.checkpoint import LogSigner
from seaway.evidence.enrolment import REGISTRY
from seaway.evidence.head import journals
from seaway.evidence.index import Index, Row
from seaway.evidence.journal import Head, Header, Journal, Record
from seaway.evidence.leaf import leaf_parts
from seaway.evidence.ledger import MAX_BATCH, Acknowledgement, Signed
from seaway.evidence.lock import Lock
from seaway.evidence.opening import Opened, found, recover
from seaway.evidence.recovery import row_of
from seaway.evidence.shape import write_time
from seaway.evidence.stored import StoredLedger
from seaway.evidence.tilefiles import TileFiles
from seaway.evidence.tiles import Tile

SMALL = 256 << 10
ROLL = 64 << 20
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Returns the time of this machine."""
    return datetime.now(UTC)


class FileLedger(StoredLedger):
    """A ledger's directory, held for writing until `close`."""

    def __init__(self, directory: Path, opened: Opened, lock: Lock, clock: Clock) -> None:
        """Takes a recovered store."""
        super().__init__(directory, opened.signer.public, opened.checkpoint)
        self._signer: LogSigner = opened.signer
        self._head, self._edge = opened.head, opened.edge
        self._lock, self._clock = lock, clock
        self._unsynced = opened.unsynced
        self._journal = Journal(opened.contents.path, opened.contents.end)
        self._failed = False

    @classmethod
    def take(cls, directory: Path, origin: str, *, clock: Clock = utc_now, wait: float = 10.0) -> Self:
        """Takes the lock and recovers, or founds, the ledger; raises LedgerUnavailable if others hold it too long."""
        changed = disk.make_directory(directory)
        lock = Lock.take(directory / "lock", wait)
        try:
            found(directory, origin, changed, int(clock().timestamp()))
            opened = recover(directory, origin)
            ledger = cls(directory, opened, lock, clock)
            ledger._settle(opened)
        except OSError as error:
            lock.release()
            raise LedgerUnavailable(f"the ledger cannot be opened: {error.strerror}", where=directory) from error
        except EvidenceError:
            lock.release()
            raise
        return ledger

    def append(self, signed: Sequence[Signed]) -> tuple[Acknowledgement, ...]:
        """Appends up to 1,024 statements, all or none; repeats get their first leaf.

        Raises AppendRefused for what no ledger takes, EvidenceInvalid for a wrong signature, LedgerUnavailable where
        nothing was acknowledged and a retry helps.
        """
        now = self._check(signed)
        names = [(item.envelope.statement().id, item.key.digest) for item in signed]
        fresh: dict[tuple[Digest, Digest], Signed] = {}
        for name, item in zip(names, signed, strict=True):
            if self._leaf_of(name) is None:
                fresh.setdefault(name, item)
        size = self._head.size
        if fresh:
            self._guarded(list(fresh.values()), now)
        return tuple(self._acknowledge(name, size) for name in names)

    def erase(self, digest: Digest, why: str) -> None:
        """Erases a payload for good, its leaf and proof stay; AppendRefused for the key registry's own statements."""
        record: dict[str, object] = {"at": write_time(self._clock()), "why": why}
        for row in self.index.select({"envelope": digest.hex}, 0, self.size):
            if row.type in REGISTRY:
                raise AppendRefused("a statement of the key registry is not erased", where=f"leaf {row.leaf}")
            pae, signature, _ = leaf_parts(self.tiles.leaf(row.leaf))
            named = {"id": row.id, "type": row.type, "subject": row.subject, "leaf": row.leaf}
            record |= {**named, "pae": pae.hex(), "signature": signature.hex()}
        if self._head.size != self._rolled:
            self._roll()  # else the journal would still hold the payload, and a replay bring it back
        self.payloads.erase(digest, record)

    def close(self) -> None:
        """Makes everything durable in its final place and gives the lock back."""
        try:
            if not self._failed and self._head.size != self._rolled:
                self._roll()
        except OSError as error:
            raise LedgerUnavailable(
                f"the ledger could not be closed: {error.strerror}", where=self.directory
            ) from error
        finally:
            super().close()
            self._journal.close()
            self._lock.release()

    def __enter__(self) -> Self:
        """Returns the open ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def _rolled(self) -> int:
        return int(self._journal.path.name)

    def _check(self, signed: Sequence[Signed]) -> int:
        if self._failed:
            raise LedgerUnavailable("an earlier write failed; open the ledger anew", where=self.directory)
        if len(signed) > MAX_BATCH:
            raise AppendRefused(f"{len(signed)} statements are more than the {MAX_BATCH} of a batch")
        for item in signed:
            item.envelope.verify(item.key)
        now = int(self._clock().timestamp())
        if now < self._head.time:
            says = f"the clock is {self._head.time - now} s behind the ledger's last entry"
            raise LedgerUnavailable(says, where=self.key.origin, hint="set the clock of this machine")
        return now

    def _guarded(self, fresh: Sequence[Signed], now: int) -> None:
        """Commits and publishes; after any failure of the disk only a new open goes on."""
        try:
            self._commit(fresh, now)
            if self._journal.end >= ROLL:
                self._roll()
        except LedgerUnavailable:
            raise
        except OSError as error:
            self._failed = True
            says = f"nothing was acknowledged: {error.strerror}"
            raise LedgerUnavailable(says, where=error.filename or self.directory, hint="try again") from error
        except EvidenceError:
            self._failed = True
            raise

    def _commit(self, fresh: Sequence[Signed], now: int) -> None:
        edge, full = self._edge.copy(), dict[Tile, bytes]()
        envelopes = tuple(self._stage(item) for item in fresh)  # 1
        leaves = tuple(item.leaf for item in fresh)  # 2
        for leaf in leaves:
            full |= edge.add(leaf)
        head = Head(edge.size, edge.root(), now)
        self._journal.append(Record(self._head, leaves, envelopes, head))  # 3
        rows = [row_of(self._head.size + at, item.envelope, item.key.digest) for at, item in enumerate(fresh)]
        self._head, self._edge = head, edge
        checkpoint = self._signer.sign(head.size, head.root)  # 4
        self._unsynced.write_tiles(full | edge.partial())  # 5
        for envelope in envelopes:
            if isinstance(envelope, bytes):
                self._unsynced.write_payload(envelope)
        self._unsynced.write_checkpoint(checkpoint.note)  # 6
        self.checkpoint, self.tiles = checkpoint, TileFiles(self.directory, checkpoint.size)
        self._add_rows(rows)

    def _stage(self, item: Signed) -> bytes | Digest:
        data = item.envelope.to_bytes()
        return data if len(data) <= SMALL else self.payloads.put(data)

    def _roll(self) -> None:
        self._unsynced.sync()  # 7
        old = self._journal
        header = Header(self.key.origin, self.key.key, self._head)
        self._journal = Journal.create(old.path.parent, header)
        old.close()
        for path in journals(self.directory):
            if path != self._journal.path:
                path.unlink()
        self._unsynced.clear_narrow()

    def _settle(self, opened: Opened) -> None:
        """Ends a recovery: publishes what it replayed, rolls into new files, catches the index up."""
        if opened.replayed:
            if opened.head.size:
                self._unsynced.write_checkpoint(opened.checkpoint.note)
            self._roll()
        self._unsynced.replay = False
        self.payloads.finish_erasures()
        self._index = self._persistent_index(opened.contents.header.head.size, opened.rows)

    def _persistent_index(self, base: int, rows: Sequence[Row]) -> Index:
        path = self.directory / "index.sqlite"
        index = Index.open(path)
        if index is None or not base <= index.size <= self.size:
            if index is not None:
                index.close()
            return self.rebuild_index(path)
        index.add(rows[index.size - base :])
        return index

    def _add_rows(self, rows: Sequence[Row]) -> None:
        try:
            assert self._index is not None, "a writer has an index"
            self._index.add(rows)
        except sqlite3.Error:
            # The entries are recorded; only the derived index is not. It is made anew, in memory.
            super().close()

    def _leaf_of(self, name: tuple[Digest, Digest]) -> int | None:
        return self.index.find(name[0].hex, name[1].hex)

    def _acknowledge(self, name: tuple[Digest, Digest], before: int) -> Acknowledgement:
        leaf = self._leaf_of(name)
        assert leaf is not None, "an appended statement is in the index"
        return Acknowledgement(name[0], leaf, self.prove(leaf), leaf < before)

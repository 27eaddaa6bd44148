"""How a stored ledger comes back: founded if new, else its journal replayed, or the damage named.

What may be missing after a crash is exactly what was never synced: the journal's torn end, and tiles, envelopes and
checkpoint written since the last roll. Anything else that is missing or different is damage, and is said, not repaired.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, KeyRefused, LedgerForked
from seaway.evidence import disk
from seaway.evidence.checkpoint import Checkpoint, LogSigner
from seaway.evidence.envelope import Envelope
from seaway.evidence.head import journals, newest_journal, read_checkpoint, unwritten
from seaway.evidence.index import Row
from seaway.evidence.journal import Contents, Head, Header, Journal, Record
from seaway.evidence.leaf import leaf_parts
from seaway.evidence.merkle import EMPTY
from seaway.evidence.payloads import Payloads
from seaway.evidence.recovery import row_of
from seaway.evidence.tilefiles import TileFiles
from seaway.evidence.tiles import Edge, Tile
from seaway.evidence.unsynced import Unsynced

_VERIFY = "seaway ledger verify"


@dataclass(frozen=True, slots=True)
class Opened:
    """A recovered store: where it stands, and what was replayed and must be made durable again."""

    signer: LogSigner
    head: Head
    edge: Edge
    checkpoint: Checkpoint
    contents: Contents
    unsynced: Unsynced
    rows: tuple[Row, ...]

    @property
    def replayed(self) -> bool:
        """Whether the journal held more than its header."""
        return bool(self.contents.records) or self.contents.torn


def found(directory: Path, origin: str, changed: Sequence[Path], now: int) -> None:
    """Makes an empty ledger where there is none yet; a founding that was killed is done again."""
    if journals(directory):
        return
    if (directory / "checkpoint").exists() or any((directory / "tile").glob("*")):
        raise EvidenceInvalid("the journal is missing", where=directory / "journal", hint=_VERIFY)
    payloads = Payloads(directory / "oci")
    names = [*changed, *disk.make_directory(directory / "journal"), *payloads.create()]
    key = directory / "log.key"
    if not key.exists():
        disk.write_file(key, LogSigner.generate(origin).to_pem(), mode=0o600, durable=True)
    for path in sorted({*names, directory, directory.parent}):
        disk.sync_path(path)
    public = LogSigner.from_pem(origin, key.read_bytes(), where=key).public
    Journal.create(directory / "journal", Header(origin, public.key, Head(0, EMPTY, now))).close()


def recover(directory: Path, origin: str) -> Opened:
    """Reads the newest journal, checks it against tiles and checkpoint, and replays it; writes nothing else."""
    contents = newest_journal(directory, origin)
    if contents.records or contents.torn:
        disk.sweep(directory)
        # A writer killed before its commit left a record that only looks durable: what is derived must not outlive it.
        disk.sync_path(contents.path)
    signer = _signer(directory, contents.header)
    edge = _edge(directory, contents.header.head)
    heads = _check_chain(contents)
    payloads = Payloads(directory / "oci")
    payloads.check_layout()
    unsynced = Unsynced(directory, payloads, replay=True)
    _check_published(directory, signer, contents, heads)
    rows = tuple(row for record in contents.records for row in _replay(record, edge, unsynced, contents.path))
    if contents.records:
        unsynced.write_tiles(edge.partial())
    head = heads[-1]
    checkpoint = signer.sign(head.size, head.root) if head.size else unwritten(origin)
    return Opened(signer, head, edge, checkpoint, contents, unsynced, rows)


def _signer(directory: Path, header: Header) -> LogSigner:
    path = directory / "log.key"
    try:
        if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
            hint = f"chmod 600 {path}; if others could read it, begin a new ledger"
            raise KeyRefused(f"the ledger's key is open to others (mode {mode:04o})", where=path, hint=hint)
        signer = LogSigner.from_pem(header.origin, path.read_bytes(), where=path)
    except FileNotFoundError as error:
        raise EvidenceInvalid("the ledger's key is missing", where=path) from error
    if signer.public.key != header.key:
        raise EvidenceInvalid("the key is not the one this ledger is signed with", where=path, hint=_VERIFY)
    return signer


def _edge(directory: Path, head: Head) -> Edge:
    edge = TileFiles(directory, head.size).edge()
    if edge.root() != head.root:
        raise EvidenceInvalid("the tiles have another root than the journal", where=directory / "tile", hint=_VERIFY)
    return edge


def _check_chain(contents: Contents) -> list[Head]:
    heads = [contents.header.head]
    for record in contents.records:
        if record.base != heads[-1] or record.head.size != record.base.size + len(record.leaves):
            raise EvidenceInvalid("a record does not follow the one before it", where=contents.path, hint=_VERIFY)
        heads.append(record.head)
    return heads


def _check_published(directory: Path, signer: LogSigner, contents: Contents, heads: Sequence[Head]) -> None:
    path = directory / "checkpoint"
    try:
        published = read_checkpoint(directory, signer.public)
    except EvidenceInvalid:
        if not contents.records:
            raise
        return  # never synced since the last roll: a crash may leave anything; the replay publishes it again
    if published is None:
        if heads[0].size and not contents.records:
            raise EvidenceInvalid("the checkpoint is missing", where=path, hint=_VERIFY)
        return
    if published.size > heads[-1].size:
        says = f"the journal ends at {heads[-1].size} leaves, {published.size} were acknowledged"
        raise LedgerForked(says, where=contents.path, hint=_VERIFY)
    if published.head not in {(head.size, head.root) for head in heads}:
        raise LedgerForked("the published checkpoint is of another log", where=path, hint=_VERIFY)


def _replay(record: Record, edge: Edge, unsynced: Unsynced, where: Path) -> list[Row]:
    full: dict[Tile, bytes] = {}
    rows = []
    for leaf, envelope in zip(record.leaves, record.envelopes, strict=True):
        full |= edge.add(leaf)
        data = unsynced.payloads.get(envelope) if isinstance(envelope, Digest) else envelope
        rows.append(row_of(edge.size - 1, Envelope.parse(data), Digest.of(leaf_parts(leaf)[2])))
        if isinstance(envelope, bytes):
            unsynced.write_payload(envelope)
    if edge.root() != record.head.root:
        raise EvidenceInvalid("a record's leaves have another root", where=where, hint=_VERIFY)
    unsynced.write_tiles(full)
    return rows

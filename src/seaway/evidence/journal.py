"""The journal: one record for each committed batch, and how a torn end is told from damage.

A frame is `SWJOURN1`, a big-endian uint64 length, the SHA-256 of the body, the body (JSON). The first frame of a file
is its header: origin, log key and the head from which the file goes on, so everything before that head is durable in
tiles. The file is made by rename, so its header is never torn. A record that fails its hash is the torn end of a
killed append if nothing valid follows it; else the file is damaged.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, LedgerUnavailable
from seaway.evidence import disk
from seaway.evidence.encoding import b64, unb64

_MAGIC = b"SWJOURN1"
_FRAME = len(_MAGIC) + 8 + 32


@dataclass(frozen=True, slots=True)
class Head:
    """Size, root and time (seconds since the epoch) of the log after a batch."""

    size: int
    root: bytes
    time: int

    def to_json(self) -> list[object]:
        """Returns the head as JSON."""
        return [self.size, b64(self.root), self.time]

    @classmethod
    def from_json(cls, value: Sequence[Any]) -> Self:
        """Reads what `to_json` wrote."""
        size, root, time = value
        return cls(int(size), unb64(root), int(time))


@dataclass(frozen=True, slots=True)
class Header:
    """What a journal file begins with."""

    origin: str
    key: bytes
    head: Head


@dataclass(frozen=True, slots=True)
class Record:
    """One batch: leaves in order, for each its envelope or, where that is a blob already, its name, and two heads."""

    base: Head
    leaves: tuple[bytes, ...] = field(repr=False)
    envelopes: tuple[bytes | Digest, ...] = field(repr=False)
    head: Head


@dataclass(frozen=True, slots=True)
class Contents:
    """A journal file read: `end` is where its last whole record ends, `torn` whether bytes follow."""

    path: Path
    header: Header
    records: tuple[Record, ...]
    end: int
    torn: bool


def read_journal(path: Path) -> Contents:
    """Reads a journal file; raises EvidenceInvalid if it is damaged anywhere but at its end."""
    data = path.read_bytes()
    bodies, end = _frames(data)
    if not bodies:
        raise EvidenceInvalid("the journal's header is damaged", where=path)
    if _MAGIC in data[end + 1 :] and any(_body(data, at) is not None for at in _places(data, end + 1)):
        raise EvidenceInvalid("a record before the end is damaged", where=path)
    try:
        header, *records = _header(bodies[0]), *map(_record, bodies[1:])
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceInvalid(f"the journal cannot be read: {error}", where=path) from error
    return Contents(path, header, tuple(records), end, end < len(data))


def journal_name(size: int) -> str:
    """Returns the name of the journal that goes on from a size."""
    return f"{size:020}"


class Journal:
    """A journal file that is being appended to."""

    def __init__(self, path: Path, end: int) -> None:
        """Opens an existing file of `end` good bytes."""
        self.path = path
        self.end = end
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @classmethod
    def create(cls, directory: Path, header: Header) -> Self:
        """Makes the journal that goes on from a head, durably."""
        body = {"origin": header.origin, "key": b64(header.key), "head": header.head.to_json()}
        data = _frame(body)
        path = directory / journal_name(header.head.size)
        disk.write_durably(path, data)
        return cls(path, len(data))

    def append(self, record: Record) -> None:
        """Writes and syncs a record: the commit. A write that fails leaves the file as it was: LedgerUnavailable."""
        data = _frame(_spell(record))
        try:
            os.lseek(self._descriptor, self.end, os.SEEK_SET)
            disk.write_all(self._descriptor, data)
        except OSError as error:
            os.ftruncate(self._descriptor, self.end)
            raise LedgerUnavailable(f"nothing was recorded: {error.strerror}", where=self.path) from error
        disk.sync(self._descriptor)
        self.end += len(data)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


def _frame(body: object) -> bytes:
    data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    return _MAGIC + len(data).to_bytes(8, "big") + hashlib.sha256(data).digest() + data


def _body(data: bytes, start: int) -> bytes | None:
    """Returns the body of the frame at `start`, None if there is no whole frame."""
    head = data[start : start + _FRAME]
    if len(head) < _FRAME or not head.startswith(_MAGIC):
        return None
    length = int.from_bytes(head[8:16], "big")
    body = data[start + _FRAME : start + _FRAME + length]
    return body if len(body) == length and hashlib.sha256(body).digest() == head[16:] else None


def _frames(data: bytes) -> tuple[list[bytes], int]:
    bodies, end = [], 0
    while (body := _body(data, end)) is not None:
        bodies.append(body)
        end += _FRAME + len(body)
    return bodies, end


def _places(data: bytes, start: int) -> list[int]:
    places, at = [], data.find(_MAGIC, start)
    while at >= 0:
        places.append(at)
        at = data.find(_MAGIC, at + 1)
    return places


def _header(body: bytes) -> Header:
    value = json.loads(body)
    return Header(value["origin"], unb64(value["key"]), Head.from_json(value["head"]))


def _spell(record: Record) -> dict[str, object]:
    return {
        "base": record.base.to_json(),
        "envelopes": [str(part) if isinstance(part, Digest) else part.decode() for part in record.envelopes],
        "head": record.head.to_json(),
        "leaves": [leaf.decode() for leaf in record.leaves],
    }


def _record(body: bytes) -> Record:
    value = json.loads(body)
    leaves = tuple(leaf.encode() for leaf in value["leaves"])
    envelopes = tuple(Digest.parse(text) if text[0] != "{" else text.encode() for text in value["envelopes"])
    if len(leaves) != len(envelopes):
        raise ValueError("leaves without envelopes")
    return Record(Head.from_json(value["base"]), leaves, envelopes, Head.from_json(value["head"]))

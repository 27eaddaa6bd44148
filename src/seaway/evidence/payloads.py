"""Payloads beside the ledger: an OCI image layout of blobs, each named by its SHA-256.

Leaves are hashes, so a payload can be erased while its proof stands. What was erased leaves a tombstone, sealed by
its own hash: erased is a state, and not the same as lost. A `BlobStore`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence import disk
from seaway.evidence.ledger import Presence
from seaway.evidence.strictjson import read_object

FIXED = {
    "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    "index.json": b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
}


@dataclass(frozen=True, slots=True)
class Payloads:
    """Blobs below `<directory>/blobs/sha256` (OCI image-spec, image-layout.md)."""

    directory: Path

    def create(self) -> list[Path]:
        """Makes the empty layout; returns the directories that need a sync."""
        changed = [*disk.make_directory(self.directory / "blobs" / "sha256"), *disk.make_directory(self._erased)]
        for name, data in FIXED.items():
            disk.write_file(self.directory / name, data, durable=True)
        return [*changed, self.directory]

    def check_layout(self) -> None:
        """Raises EvidenceInvalid naming a file that makes this an OCI layout and is not as it was written."""
        for name, data in FIXED.items():
            path = self.directory / name
            if not path.is_file() or path.read_bytes() != data:
                raise EvidenceInvalid("is not what it should be", where=path, hint="seaway ledger verify")

    @property
    def _erased(self) -> Path:
        return self.directory / "erased"

    def path(self, digest: Digest) -> Path:
        """Returns where a blob lies."""
        return self.directory / "blobs" / "sha256" / digest.hex

    def tombstone(self, digest: Digest) -> Path:
        """Returns where it is written that a blob was erased."""
        return self._erased / digest.hex

    def put(self, data: bytes) -> Digest:
        """Stores bytes durably."""
        digest = Digest.of(data)
        if self.has(digest):
            self.get(digest)
            disk.sync_path(self.path(digest))
        else:
            disk.write_file(self.path(digest), data, durable=True)
        disk.sync_path(self.path(digest).parent)
        return digest

    def write(self, digest: Digest, data: bytes, *, replay: bool = False) -> Path:
        """Writes a blob whole, unsynced, in a replay over whatever is there; returns its path, to sync later."""
        if self.has(digest) and not replay:
            self.get(digest)
        else:
            disk.write_file(self.path(digest), data)
        return self.path(digest)

    def get(self, digest: Digest) -> bytes:
        """Returns verified bytes; raises EvidenceMissing if they are absent, EvidenceInvalid if they are others."""
        with self.open(digest) as stream:
            data = stream.read()
        if Digest.of(data) != digest:
            raise EvidenceInvalid("the bytes have another digest", where=self.path(digest))
        return data

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for streaming; the reader verifies."""
        if not self.has(digest):
            raise EvidenceMissing(f"the payload is {self.presence(digest)}", where=str(digest))
        return self.path(digest).open("rb")

    def has(self, digest: Digest) -> bool:
        """Tells whether the blob is here."""
        return self.presence(digest) is Presence.PRESENT

    def presence(self, digest: Digest) -> Presence:
        """Returns present, erased or unavailable; a tombstone counts even while a killed erasure left the bytes."""
        if self.tombstone(digest).is_file():
            return Presence.ERASED
        return Presence.PRESENT if self.path(digest).is_file() else Presence.UNAVAILABLE

    def erase(self, digest: Digest, record: dict[str, object]) -> None:
        """Removes a blob for good; `record` (why, when, which leaf) stays in its place."""
        body = canonical({**record, "digest": str(digest)})
        sealed = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        disk.write_durably(self.tombstone(digest), sealed)
        self._remove(digest)

    def digests(self) -> Iterator[Digest]:
        """Yields the name of every blob."""
        yield from _named(self.directory / "blobs" / "sha256")

    def erased(self) -> Iterator[Digest]:
        """Yields the name of every erased blob."""
        yield from _named(self._erased)

    def finish_erasures(self) -> None:
        """Removes the bytes that a killed erasure left behind its tombstone."""
        for digest in self.erased():
            if self.path(digest).exists():
                self._remove(digest)

    def _remove(self, digest: Digest) -> None:
        self.path(digest).unlink(missing_ok=True)
        disk.sync_path(self.path(digest).parent)

    def erasure(self, digest: Digest) -> dict[str, object]:
        """Returns what was recorded when a blob was erased; raises EvidenceInvalid if that was changed."""
        path = self.tombstone(digest)
        seal, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != seal:
            raise EvidenceInvalid("the record of an erasure was changed", where=path)
        record = read_object(body, where=path)
        if record.get("digest") != str(digest):
            raise EvidenceInvalid("the record is of another erasure", where=path)
        return record


def _named(directory: Path) -> Iterator[Digest]:
    for path in sorted(directory.iterdir()):
        try:
            yield Digest(path.name)
        except ValueError:
            continue  # not a blob; `inspection.py` reports what does not belong

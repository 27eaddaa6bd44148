"""The small protocol by which rooms that may not see each other share content-addressed bytes.

An OCI layout on disk (`image/layout.py`) and a registry implement it; `evidence`, `bundle` and `targets` take
one as an argument.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

from seaway.digest import Digest


class BlobStore(Protocol):
    """Bytes known by their SHA-256."""

    def put(self, data: bytes) -> Digest:
        """Stores bytes durably; storing them again is free."""

    def get(self, digest: Digest) -> bytes:
        """Returns the bytes, verified; raises EvidenceMissing or StoreError if they are absent."""

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for streaming; the reader verifies if it must."""

    def has(self, digest: Digest) -> bool:
        """Tells whether the blob is here."""

"""Digests and canonical JSON: the one way from a value to bytes to a name.

`Digest` is the only name that crosses rooms. Canonical JSON is RFC 8785 (JCS): sorted keys, no spaces, UTF-8.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, Self

import rfc8785

_FORM = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK = 1 << 20


@dataclass(frozen=True, order=True, slots=True)
class Digest:
    """A SHA-256, written `sha256:<64 lower-case hex digits>` (OCI image-spec, descriptor digests)."""

    hex: str

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(f"sha256:{self.hex}"):
            raise ValueError(f"{self.hex!r} is not 64 lower-case hex digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `sha256:<hex>`; raises ValueError for anything else."""
        if not _FORM.fullmatch(text):
            raise ValueError(f"{text!r} is not a sha256 digest")
        return cls(text[7:])

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Hashes bytes."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def of_json(cls, value: object) -> Self:
        """Hashes the canonical JSON of a value."""
        return cls.of(canonical(value))

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Self:
        """Hashes what is left of a binary stream, a mebibyte at a time."""
        state = hashlib.sha256()
        while block := stream.read(_CHUNK):
            state.update(block)
        return cls(state.hexdigest())

    @property
    def short(self) -> str:
        """The 12 hex digits shown to people."""
        return self.hex[:12]

    @property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.hex)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


def canonical(value: object) -> bytes:
    """Returns the RFC 8785 bytes of a JSON value; raises ValueError for what JSON cannot carry exactly."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # its own alias refuses Mapping
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from error

"""The request token: 36 bytes, 72 hex digits, that carry their own answer.

    0x01 | u32 minutes since the epoch | 5 bytes version | 16 bytes trace id | u8 score bin | u8 segment | 8 bytes MAC

Big-endian; the MAC is BLAKE2b of the first 28 bytes, 8 bytes long, keyed; without a key it is zero and the token is
unverified. Score bin 255 means none. Pure: time and randomness are the caller's.
"""

from __future__ import annotations

import hmac
import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

LENGTH = 36
SCORELESS = 255
_FORM = re.compile(r"[0-9a-f]{72}")
_LAYOUT = struct.Struct(">BI5s16sBB")
_UNSIGNED = bytes(8)
_ONE = 1


class Standing(StrEnum):
    """What the MAC says: ours, forged, or nothing (no key on one side)."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts; `version` is 10 hex digits, `trace` 32, `minutes` counts from 1970-01-01T00:00Z."""

    minutes: int
    version: str
    trace: str
    score_bin: int
    segment: int
    mac: bytes

    def standing(self, key: bytes) -> Standing:
        """Compares the MAC in constant time; a zero MAC claims nothing unless a key is asked for."""
        if not key:
            return Standing.UNVERIFIED if self.mac == _UNSIGNED else Standing.FORGED
        signed = _packed(
            self.minutes, bytes.fromhex(self.version), bytes.fromhex(self.trace), self.score_bin, self.segment
        )
        return Standing.VERIFIED if hmac.compare_digest(_mac(signed, key), self.mac) else Standing.FORGED


def make(
    minutes: int, version: bytes, trace: bytes, *, key: bytes = b"", score_bin: int = SCORELESS, segment: int = 0
) -> str:
    """Makes a token; `version` is 5 bytes, `trace` 16; numbers out of range raise struct.error."""
    signed = _packed(minutes, version, trace, score_bin, segment)
    return (signed + (_mac(signed, key) if key else _UNSIGNED)).hex()


def parse(text: str) -> Token:
    """Reads a token; raises ValueError for anything that `make` would not have written."""
    if not _FORM.fullmatch(text):
        raise ValueError("a request token is 72 lower-case hex digits")
    raw = bytes.fromhex(text)
    form, minutes, version, trace, score_bin, segment = _LAYOUT.unpack(raw[:28])
    if form != _ONE:
        raise ValueError(f"a request token of form {form} is not known")
    return Token(minutes, version.hex(), trace.hex(), score_bin, segment, raw[28:])


def _packed(minutes: int, version: bytes, trace: bytes, score_bin: int, segment: int) -> bytes:
    if len(version) != 5 or len(trace) != 16:
        raise struct.error("a version has 5 bytes, a trace id 16")
    return _LAYOUT.pack(_ONE, minutes, version, trace, score_bin, segment)


def _mac(signed: bytes, key: bytes) -> bytes:
    return blake2b(signed, digest_size=8, key=key).digest()

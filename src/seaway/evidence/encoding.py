"""Standard base64 with padding, read so that each byte string has exactly one spelling (RFC 4648 §3.5, §4)."""

from __future__ import annotations

import base64
import binascii

from seaway.errors import EvidenceInvalid


def b64(data: bytes) -> str:
    """Encodes bytes."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: object, *, where: object = "base64") -> bytes:
    """Decodes canonical base64; raises EvidenceInvalid for other alphabets, loose padding, spare bits and spaces."""
    if not isinstance(text, str):
        raise EvidenceInvalid("not a base64 string", where=where)
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise EvidenceInvalid(f"not base64: {error}", where=where) from error
    if b64(data) != text:
        raise EvidenceInvalid("base64 is not in its one canonical form", where=where)
    return data

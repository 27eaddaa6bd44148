"""Standard base64 with padding, read so that each byte string has exactly one spelling (RFC 4648 §3.5, §4)."""

from __future__ import annotations

import binascii

from seaway.errors import EvidenceInvalid


def b64(data: bytes) -> str:
    """Encodes bytes."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def unb64(text: object, *, where: object = "base64") -> bytes:
    """Decodes canonical base64; raises EvidenceInvalid for other alphabets, loose padding, spare bits and spaces."""
    if not isinstance(text, str):
        raise EvidenceInvalid("not a base64 string", where=where)
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise EvidenceInvalid(f"not base64: {error}", where=where) from error
    if b64(data) != text:
        raise EvidenceInvalid("base64 is not in its one canonical form", where=where)
    return data

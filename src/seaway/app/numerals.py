"""Numbers as Go reads and converts them: what Compose takes for a number, and what becomes of one that is too large.

Pure. Each function raises ValueError. Source: Go's `strconv`, docker/go-units `RAMInBytes`, the amd64 conversions.
"""

from __future__ import annotations

import math
import re

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1

_DECIMAL = re.compile(
    r"[-+]?(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][-+]?[0-9]+)?"
)
_HEX = re.compile(r"[-+]?0[xX]_?(?=[.0-9a-fA-F])(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?(?:\.[0-9a-fA-F]*)?[pP][-+]?[0-9]+")
_DIGITS = 1000
_UNITS = "kmgtp"


def integer(text: str, base: int = 10) -> int:
    """Reads a whole number of 64 bits."""
    digits = "[0-7]" if base == 8 else "[0-9]"
    if not re.fullmatch(rf"[-+]?{digits}+", text) or len(text) > _DIGITS:
        raise ValueError(f"{text[:100]!r} is not a whole number")
    value = int(text, base)
    if not _LEAST <= value <= _MOST:
        raise ValueError(f"{text[:100]!r} is out of range")
    return value


def decimal(text: str) -> float:
    """Reads a number, with the underscores and hexadecimal digits that Go allows."""
    if len(text) > _DIGITS or not (_DECIMAL.fullmatch(text) or _HEX.fullmatch(text)):
        raise ValueError(f"{text[:100]!r} is not a number")
    plain = text.replace("_", "")
    try:
        value = float.fromhex(plain) if "x" in plain.lower() else float(plain)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise ValueError(f"{text[:100]!r} is out of range")
    return value


def wrapped(value: float) -> int:
    """Converts a number to 64 bits as the machine does: whole numbers wrap around, fractions become the least."""
    if isinstance(value, int):
        return (value - _LEAST) % (1 << 64) + _LEAST
    return int(value) if _LEAST <= value < -float(_LEAST) else _LEAST


def memory(text: str) -> int:
    """Reads a size like `512m` or `1.5 GiB`."""
    last = max((text.rfind(mark) for mark in "0123456789. "), default=-1)
    if last < 0:
        raise ValueError(f"invalid size: '{text[:100]}'")
    number, suffix = text[: last + (text[last] != " ")], text[last + 1 :].lower()
    amount = decimal(number)
    fits = suffix in ("", "b") or (suffix[:1] in _UNITS and suffix[1:] in ("", "b", "ib"))
    if amount < 0 or not fits:
        raise ValueError(f"invalid size: '{text[:100]}'")
    power = _UNITS.index(suffix[0]) + 1 if suffix and suffix != "b" else 0
    return wrapped(amount * 1024.0**power)

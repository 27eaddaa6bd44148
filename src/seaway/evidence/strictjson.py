"""JSON read so that two readers cannot see two things.

Rules (RFC 8259 leaves all of them open; RFC 7493, I-JSON, closes most): no duplicate keys, no NaN or Infinity, no
lone surrogates, integers within 2^53, at most 64 levels, nothing after the value, a cap on the size. Whatever
breaks one is refused as a whole. Writing is `digest.canonical`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import NoReturn

from seaway.errors import EvidenceInvalid

MAX_BYTES = 4 << 20
MAX_DEPTH = 64
_EXACT = 1 << 53


def read_json(data: bytes, *, where: object = "document", limit: int = MAX_BYTES) -> object:
    """Parses one JSON value; raises EvidenceInvalid naming `where` for anything two parsers could disagree on."""
    if len(data) > limit:
        raise EvidenceInvalid(f"{len(data)} bytes are more than the {limit} allowed", where=where)
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_exact,
            parse_float=_finite,
            parse_constant=_constant,
        )
        _check_tree(value)
    except (ValueError, RecursionError) as error:
        raise EvidenceInvalid(f"not strict JSON: {error}", where=where) from error
    return value


def read_object(data: bytes, *, where: object = "document", limit: int = MAX_BYTES) -> dict[str, object]:
    """Parses one JSON object, strictly."""
    value = read_json(data, where=where, limit=limit)
    if not isinstance(value, dict):
        raise EvidenceInvalid("not a JSON object", where=where)
    return value


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"duplicate key {key!r}")
        result[key] = value
    return result


def _exact(text: str) -> int:
    # Python refuses int() of over 4300 digits with a ValueError of its own, so length needs no check here.
    value = int(text)
    if abs(value) > _EXACT:
        raise ValueError(f"integer {text[:24]} is past 2^53")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number {text[:24]} is not finite")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _check_tree(value: object) -> None:
    level = _inner([value])
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _inner(item)]
        if not level:
            return
    raise ValueError(f"more than {MAX_DEPTH} levels")


def _inner(item: dict[str, object] | list[object]) -> list[dict[str, object] | list[object]]:
    """Returns the objects and lists in an object or list, after a look at its strings."""
    parts = [*item, *item.values()] if isinstance(item, dict) else item
    for part in parts:
        if isinstance(part, str) and not part.isascii():
            part.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
    return [part for part in parts if isinstance(part, dict | list)]

"""The cells of a duration: integer counts between fixed edges, so that adding and subtracting lose nothing.

A native edge k is 2^(k/8) seconds, k from -96 (0.24 ms) to 64 (256 s): 9 % apart. The bucket edges of the HTTP
convention lie between them, and durations are counted in the union of both, so each view is exact. A value lies in
the first cell whose upper edge is not below it; edges are whole nanoseconds, rounded down, which changes no
comparison with whole nanoseconds. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

FIRST, LAST = -96, 64
BEYOND = "inf"
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5", "10")
"""Bucket edges of http.server.request.duration, seconds, as the convention writes them."""

_NATIVE = {k: int(2.0 ** (k / 8) * 1_000_000_000) for k in range(FIRST, LAST + 1)}
_BUCKET = {text: round(float(text) * 1_000_000_000) for text in BUCKETS}
EDGES = tuple(sorted({*_NATIVE.values(), *_BUCKET.values()}))
COUNT = len(EDGES) + 1
_KEYS = tuple(str(k) for k in sorted(_NATIVE))
_KEY_EDGES = tuple(_NATIVE[k] for k in sorted(_NATIVE))


def native(cells: Sequence[int]) -> dict[str, int]:
    """Returns the counts by native edge, empty cells left out; what lies beyond the last edge is `inf`."""
    found: dict[str, int] = {}
    for at, count in enumerate(cells):
        if count:
            key = _key(EDGES[at]) if at < len(EDGES) else BEYOND
            found[key] = found.get(key, 0) + count
    return found


def _key(nanoseconds: int) -> str:
    at = bisect_left(_KEY_EDGES, nanoseconds)
    return _KEYS[at] if at < len(_KEYS) else BEYOND


def cumulative(cells: Sequence[int]) -> list[tuple[str, int]]:
    """Returns Prometheus' buckets: how many values are at or below each edge of the convention."""
    return [(text, sum(cells[: EDGES.index(edge) + 1])) for text, edge in _BUCKET.items()]


def added(parts: Iterable[Sequence[int]]) -> list[int]:
    """Adds cells up; the empty sum is all zeros."""
    return [sum(column) for column in zip([0] * COUNT, *parts, strict=True)]


def above(counts: Mapping[str, int], seconds: float) -> int:
    """Counts what lies in cells above the first native edge at or above `seconds`.

    So a value is called slow only if it certainly is; the edge is at most 9 % too generous.
    """
    edge = next((k for k in range(FIRST, LAST + 1) if 2.0 ** (k / 8) >= seconds), LAST)
    return sum(count for key, count in counts.items() if key == BEYOND or int(key) > edge)

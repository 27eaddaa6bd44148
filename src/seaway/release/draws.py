"""Seeded draws: SHA-256 in counter mode, compared as integers.

A draw depends on what it is for (bundle, signal, stratum, tick, purpose) and on nothing else, so a replay thins and
deals exactly as the release did. No library distribution is used: their algorithms change between versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import TypeVar

_WORD = 64
_SPAN = 1 << _WORD
_WORDS = Struct(">4Q")
T = TypeVar("T")


class Draws:
    """A stream of uniform 64-bit words; equal names give equal streams."""

    __slots__ = ("_block", "_counter", "_seed")

    def __init__(self, *name: object) -> None:
        self._seed = sha256("\x1f".join([str(part) for part in name]).encode()).digest()
        self._counter = 0
        self._block: list[int] = []

    def word(self) -> int:
        """Returns the next word, 0 <= word < 2**64."""
        if not self._block:
            self._block = list(_WORDS.unpack(sha256(self._seed + self._counter.to_bytes(8, "big")).digest()))
            self._counter += 1
        return self._block.pop()

    def below(self, bound: int) -> int:
        """Returns an integer in 0 <= i < bound; the bias is under bound / 2**64."""
        return self.word() * bound >> _WORD

    def chance(self, threshold: int) -> bool:
        """Returns True with probability threshold / 2**64."""
        return self.word() < threshold

    def kept(self, items: int, threshold: int) -> int:
        """Returns how many of `items` survive when each is kept with probability threshold / 2**64."""
        return sum(self.word() < threshold for _ in range(items))

    def sampled(self, bad: int, of: int, take: int) -> int:
        """Returns how many of `bad` among `of` are in a sample of `take` without replacement (hypergeometric)."""
        if take >= of or bad == 0:
            return bad
        if bad * 2 > of:
            return take - self.sampled(of - bad, of, take)
        hit = 0
        for drawn in range(bad):  # each bad outcome takes one of the places left, the first `take` of which are kept
            hit += self.below(of - drawn) < take - hit
        return hit

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Returns the items in a uniformly random order (Fisher-Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


def threshold(probability: float) -> int:
    """Returns the integer that a word is compared with to be kept with this probability."""
    return min(_SPAN, int(probability * _SPAN))

"""E-processes that replay bit for bit: the arithmetic that the judge and evaluations share.

An e-process starts at 1, is never negative and has expectation at most 1 at every stopping time under the null; by
Ville's inequality it ever reaches 1/alpha with probability at most alpha. Products are kept as mantissa and exponent
for each grid point, so that they neither overflow nor vanish.

Rules: only + - * / sqrt and frexp/ldexp, in a fixed order, hence equal bits on every IEEE-754 machine. Not here:
what is bet on (`seaway.release.sequential`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import frexp, isqrt, ldexp

LARGEST = ldexp(1.0, 1000)
STEPS = 1024
_LOW, _HIGH = ldexp(1.0, -60), ldexp(1.0, 60)
_PRECISION = 256
_LN2 = 0.6931471805599453


@dataclass(frozen=True, slots=True)
class Bets:
    """The running products of an e-process, one for each point of its grid: value = mantissa * 2**exponent."""

    mantissas: tuple[float, ...]
    exponents: tuple[int, ...]

    @classmethod
    def start(cls, points: int) -> Bets:
        """Returns products of no factor: E = 1."""
        return cls((1.0,) * points, (0,) * points)

    def times(self, factors: Sequence[float], exponents: Sequence[int] | None = None) -> Bets:
        """Multiplies each product by its factor (times 2**exponent); a factor is 0 or within 2**+-900."""
        mantissas = tuple([mantissa * factor for mantissa, factor in zip(self.mantissas, factors, strict=True)])
        if exponents is None and min(mantissas) > _LOW and max(mantissas) < _HIGH:
            return Bets(mantissas, self.exponents)
        added = exponents or (0,) * len(mantissas)
        split = [frexp(mantissa) for mantissa in mantissas]
        moved = [own + more + new for own, more, (_, new) in zip(self.exponents, added, split, strict=True)]
        return Bets(tuple(mantissa for mantissa, _ in split), tuple(moved))

    def mean(self, weights: Sequence[float] | None = None) -> float:
        """Returns the weighted mean of the products (weights sum to 1), at most 2**1000."""
        top = max(self.exponents)
        scaled: Iterable[float] = self.mantissas
        if top != min(self.exponents):
            scaled = [ldexp(mantissa, shift - top) for mantissa, shift in zip(scaled, self.exponents, strict=True)]
        if weights is None:
            return value(total(scaled) / len(self.mantissas), top)
        return value(total([share * part for share, part in zip(weights, scaled, strict=True)]), top)


def value(mantissa: float, exponent: int) -> float:
    """Returns mantissa * 2**exponent, held between 0 and 2**1000."""
    if mantissa == 0.0:
        return 0.0
    own, shift = frexp(mantissa)
    return LARGEST if shift + exponent > 1000 else ldexp(own, shift + exponent)


def total(values: Iterable[float]) -> float:
    """Adds from left to right; the built-in sum compensates since Python 3.12, which gives other bits."""
    result = 0.0
    for term in values:
        result += term
    return result


def _powers_of_two() -> tuple[float, ...]:
    """Computes 2**(j/1024) for j in 0..1023 in integers, each rounded once to the nearest double."""
    one = 1 << _PRECISION
    root = 2 * one
    for _ in range(10):
        root = isqrt(root * one)
    table, power = [], one
    for _ in range(STEPS):
        table.append(float(Fraction(power, one)))
        power = power * root >> _PRECISION
    return tuple(table)


_TABLE = _powers_of_two()


def power_of_two(j: int) -> float:
    """Returns 2**(j/1024) from a fixed table; |j| up to a million."""
    whole, part = divmod(j, STEPS)
    return ldexp(_TABLE[part], whole)


def natural_log(x: float) -> float:
    """Returns ln x for x > 0 by the series of artanh: the same bits everywhere, 1e-15 relative."""
    mantissa, exponent = frexp(x)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square, power, series = ratio * ratio, ratio, 0.0
    for odd in range(1, 61, 2):
        series += power / odd
        power *= square
    return exponent * _LN2 + 2.0 * series

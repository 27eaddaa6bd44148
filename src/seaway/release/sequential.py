"""The bets of the judge: what one tick multiplies each e-process by.

(a2) stratified sequential Fisher, (a3) pod permutation with its tilted twin (a3'), (abs) the absolute certificate.
Each function is pure and returns one factor for each point of its grid; under its null a factor's expectation given
the past is at most 1. Equal counts give equal bits: what is summed is sorted first, hence the caches.

Not here: thinning and pooling (`exposure`), thresholds and verdicts (`judge`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import frexp, ldexp, sqrt

from seaway.telemetry.eprocess import STEPS, power_of_two, total

# Relative odds ratios, log-spaced 1.15..20: exp(linspace(log 1.15, log 20, 24)). They multiply psi0: an absolute grid
# below psi0 bets against the null itself (98.7 % of equal versions rolled back at 2,000 rps).
RATIOS = (
    1.15, 1.3020429949418126, 1.4741877918930828, 1.6690920762288064, 1.889764909362264,
    2.1396131846278132, 2.422494225156337, 2.7427753357841773, 3.1054012283973615, 3.5159703616682476,
    3.9808213737679767, 4.507130942460208, 5.1030245834050465, 5.777702097250785, 6.5415796022487,
    7.4064503451844965, 8.385666773332037, 9.494346678376777, 10.749606594895264, 12.17082605675103,
    13.779946791172145, 15.601811469666613, 17.664547245636737, 20.0,
)  # fmt: skip
LINEAR = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
TILTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
_LOG2_E = 1.4426950408889634
_LONGEST = 900  # bits a product of canary weights may span
ABSOLUTE = (0.9, 0.1)


@lru_cache(maxsize=1 << 14)
def fisher(
    canary: tuple[int, int], baseline: tuple[int, int], null: float
) -> tuple[tuple[float, ...], tuple[int, ...] | None]:
    """Returns (a2)'s factors for (requests, bad) of both arms and psi0 = `null`; exponents only where they are large.

    psi^k_c Z(psi0) / (psi0^k_c Z(psi)), Fisher's non-central hypergeometric likelihood ratio given both margins.
    """
    (requests, bad), (others, their_bad) = canary, baseline
    together = bad + their_bad
    lowest = max(0, together - others)
    base, base_shift = _mass(null, requests, others, together)
    mantissas, exponents = [], []
    for ratio in RATIOS:
        mass, shift = _mass(null * ratio, requests, others, together)
        tilt, raised = power(ratio, bad - lowest)
        mantissa, more = frexp(tilt * base / mass)
        mantissas.append(mantissa)
        exponents.append(raised + base_shift - shift + more)
    if max(map(abs, exponents)) < _LONGEST:
        return tuple(map(ldexp, mantissas, exponents)), None
    return tuple(mantissas), tuple(exponents)


def _mass(odds: float, requests: int, others: int, together: int) -> tuple[float, int]:
    """Sums C(n_c,u) C(n_b,k-u) psi^u over its support, divided by the first term; (mantissa, exponent)."""
    lowest, highest = max(0, together - others), min(requests, together)
    term = mass = 1.0
    exponent = 0
    for u in range(lowest + 1, highest + 1):
        term = term * odds * ((requests - u + 1) * (together - u + 1)) / (u * (others - together + u))
        mass += term
        if (u - lowest) % 8 == 0:  # terms are unimodal: one that vanishes beside the sum never grows again
            mass, shift = frexp(mass)
            term = ldexp(term, -shift)
            exponent += shift
    return mass, exponent


def power(base: float, times: int) -> tuple[float, int]:
    """Raises a positive number by repeated squaring; (mantissa, exponent)."""
    result, exponent = 1.0, 0
    square, shift = frexp(base)
    while times:
        if times & 1:
            result, more = frexp(result * square)
            exponent += shift + more
        square, more = frexp(square * square)
        shift = 2 * shift + more
        times >>= 1
    return result, exponent


@lru_cache(maxsize=1 << 14)
def permutation(
    canary: tuple[int, ...], baseline: tuple[int, ...], sign: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns the factors of (a3) and (a3') for sorted bad counts by pod; sign +1 bets on worse, -1 on better.

    (a3): 1 + lambda g, g the mean centred score of the canary over the largest attainable one. (a3'): exp(theta sum x)
    over its mean in all relabellings. Scores are square roots of bad outcomes after thinning to equal exposure.
    """
    everyone = sorted(canary + baseline)
    return _linear(canary, everyone, sign), tuple(_tilted(canary, everyone, sign * theta) for theta in TILTS)


def _linear(canary: tuple[int, ...], everyone: list[int], sign: int) -> tuple[float, ...]:
    scores = [sqrt(count) for count in everyone]
    centre = total(scores) / len(scores)
    size = len(canary)
    largest = total([score - centre for score in scores[-size:]]) / size
    smallest = total([score - centre for score in scores[:size]]) / size
    reach = max(largest, -smallest)
    if reach <= 1e-12:
        return (1.0,) * len(LINEAR)
    lean = sign * (total([sqrt(count) - centre for count in canary]) / size / reach)
    return tuple([1.0 + bet * lean for bet in LINEAR])


def _tilted(canary: tuple[int, ...], everyone: list[int], theta: float) -> float:
    """Returns e(theta): weights are 2**(j/1024) above the least one, capped so that no product leaves the doubles.

    Any fixed monotone score of the pods' multiset stays valid, so neither the quantising nor the cap costs validity.
    """
    size, cap = len(canary), _LONGEST * STEPS // len(canary)
    start = min(_steps(theta, everyone[0]), _steps(theta, everyone[-1]))
    weights = [power_of_two(min(_steps(theta, count) - start, cap)) for count in everyone]
    seen = 1.0
    for count in canary:
        seen *= power_of_two(min(_steps(theta, count) - start, cap))
    return seen / _mean_product(weights, size)


def _steps(theta: float, count: int) -> int:
    """Returns log2 of exp(theta sqrt(count)) in steps of 2**-10, rounded away from zero at halves."""
    exact = theta * _LOG2_E * sqrt(count) * STEPS
    return int(exact + 0.5) if exact >= 0 else -int(0.5 - exact)


def _mean_product(weights: Sequence[float], size: int) -> float:
    """Returns the mean, over all subsets of this size, of the product of their weights: e_C over C(P,C)."""
    means = [1.0] + [0.0] * size
    for place, weight in enumerate(weights, start=1):
        for chosen in range(min(size, place), 0, -1):
            means[chosen] = ((place - chosen) * means[chosen] + chosen * weight * means[chosen - 1]) / place
    return means[size]


@lru_cache(maxsize=1 << 14)
def absolute(group: tuple[tuple[int, int], ...], limit: float, burst: int) -> tuple[float, float]:
    """Returns (abs)'s two factors for one group of pods' (requests > 0, bad) against a rate of `limit` = U + delta.

    burst 0: r = (1 - mean k/n) / (1 - q0), valid whatever a pod's requests do to each other within a tick.
    burst b: at most b requests of a pod fail together; r = mean(1 - min(1, k/min(b, n))) / mean((1-q0)^max(1, n//b)).
    """
    good = 1.0 - limit
    if burst == 0:
        ratio = (1.0 - total([bad / requests for requests, bad in group]) / len(group)) / good
    else:
        clean = total([1.0 - min(1.0, bad / min(burst, requests)) for requests, bad in group])
        expected = total([ldexp(*power(good, max(1, requests // burst))) for requests, _ in group])
        ratio = clean / expected
    return ratio, (1.0 + ratio) / 2.0

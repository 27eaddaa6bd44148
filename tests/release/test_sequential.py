"""The bets against exact oracles: rationals for Fisher, all relabellings for permutations, the published numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb, exp, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.release.evidence import Criterion
from seaway.release.forecast import min_requests
from seaway.release.sequential import ABSOLUTE, LINEAR, RATIOS, TILTS, absolute, fisher, permutation
from seaway.telemetry.eprocess import Bets

pytestmark = pytest.mark.rootless

arms = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.just(n), st.tuples(st.integers(0, n[0]), st.integers(0, n[1])))
)
pods = st.lists(st.integers(0, 12), min_size=2, max_size=7).flatmap(
    lambda counts: st.tuples(st.just(counts), st.integers(1, len(counts) - 1))
)


def exact_factor(canary: tuple[int, int], baseline: tuple[int, int], null: Fraction, odds: Fraction) -> Fraction:
    """Computes (a2)'s factor for one odds ratio in rationals."""
    (n, k), (m, j) = canary, baseline
    support = range(max(0, k + j - m), min(n, k + j) + 1)
    mass = [sum(comb(n, u) * comb(m, k + j - u) * psi**u for u in support) for psi in (null, odds)]
    return odds**k * mass[0] / (null**k * mass[1])


@settings(max_examples=60, deadline=None)
@given(arms, st.sampled_from([1.0, 1.1, 1.2]))
def test_fisher_agrees_with_exact_rationals(counts: tuple[tuple[int, int], tuple[int, int]], null: float) -> None:
    """Each of the 24 factors is within 6e-12 of the exact one, in logarithms."""
    (n, m), (k, j) = counts
    factors, exponents = fisher((n, k), (m, j), null)
    for place in (0, 11, 23):
        exact = exact_factor((n, k), (m, j), Fraction(null), Fraction(null * RATIOS[place]))
        ours = log(factors[place]) + (exponents[place] * log(2) if exponents else 0.0)
        assert ours == pytest.approx(log(exact), abs=6e-12)


@settings(max_examples=25, deadline=None)
@given(arms, st.floats(1.0, 1.2))
def test_fisher_is_an_e_value_at_its_null(counts: tuple[tuple[int, int], tuple[int, int]], null: float) -> None:
    """Over all outcomes with these margins, weighed as psi0 does, the factor's mean is one."""
    (n, m), (k, j) = counts
    support = range(max(0, k + j - m), min(n, k + j) + 1)
    weights = [comb(n, u) * comb(m, k + j - u) * null**u for u in support]
    for place in (0, 23):
        means = []
        for u, weight in zip(support, weights, strict=True):
            factors, exponents = fisher((n, u), (m, k + j - u), null)
            means.append(weight * factors[place] * 2.0 ** (exponents[place] if exponents else 0))
        assert sum(means) / sum(weights) == pytest.approx(1.0, abs=1e-9)


def test_fisher_survives_thousands_of_bad_outcomes_in_a_tick() -> None:
    """5,000 bad outcomes neither overflow nor vanish; forming psi**u first would overflow from 237."""
    factors, exponents = fisher((10_000, 4_000), (10_000, 1_000), 1.1)
    assert exponents is not None
    assert all(0.0 < factor <= 1.0 for factor in factors)
    assert max(exponents) > 1000


def test_the_grid_is_log_spaced_from_1_15_to_20() -> None:
    """The 24 relative odds ratios are exp(linspace(log 1.15, log 20, 24))."""
    spaced = [exp(log(1.15) + (log(20) - log(1.15)) * place / 23) for place in range(24)]
    assert pytest.approx(spaced) == RATIOS


def relabelled(counts: list[int], size: int, sign: int) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Returns the factors under every choice of canary pods."""
    factors = []
    for chosen in combinations(range(len(counts)), size):
        canary = tuple(sorted(counts[place] for place in chosen))
        stable = tuple(sorted(counts[place] for place in range(len(counts)) if place not in chosen))
        factors.append(permutation(canary, stable, sign))
    return factors


@settings(max_examples=60, deadline=None)
@given(pods, st.sampled_from([1, -1]))
def test_permutation_bets_are_fair_over_all_relabellings(drawn: tuple[list[int], int], sign: int) -> None:
    """Whatever the counts, each factor's mean over all choices of canary pods is one: the null of (a3), exactly."""
    counts, size = drawn
    both = relabelled(counts, size, sign)
    for place in range(len(LINEAR)):
        assert sum(linear[place] for linear, _ in both) / len(both) == pytest.approx(1.0, abs=1e-9)
    for place in range(len(TILTS)):
        assert sum(tilted[place] for _, tilted in both) / len(both) == pytest.approx(1.0, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(pods, st.sampled_from([1, -1]))
def test_a_linear_factor_is_between_a_tenth_and_1_9(drawn: tuple[list[int], int], sign: int) -> None:
    """g lies in [-1, 1], so no tick multiplies (a3) by more than 1.9 or below 0.1."""
    counts, size = drawn
    for linear, _ in relabelled(counts, size, sign):
        assert all(1.0 - bet - 1e-12 <= factor <= 1.0 + bet + 1e-12 for bet, factor in zip(LINEAR, linear, strict=True))


def test_the_bets_are_those_that_replays_need() -> None:
    """A verdict is replayed with the same bits, so the grids never move."""
    assert LINEAR == (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
    assert TILTS == (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
    assert ABSOLUTE == (0.9, 0.1)


def test_an_absolute_factor_averages_the_pods_shares() -> None:
    """burst 0: r = (1 - mean k/n) / (1 - q0), over pods and not over requests."""
    assert absolute(((10, 5), (20, 5)), 0.1, 0)[0] == pytest.approx((1 - (0.5 + 0.25) / 2) / 0.9)


def test_an_absolute_factor_counts_bursts_that_may_fail_together() -> None:
    """burst b: two bad of four that fail together are half a unit, and ten requests are two units."""
    assert absolute(((10, 2),), 0.1, 4)[0] == pytest.approx((1 - 2 / 4) / 0.9**2)


def test_linear_bet_is_one_plus_lambda_g() -> None:
    """By hand: scores 3, 1 | 0, 0; mean 1; g = (2+0)/2 over the largest attainable (2+0)/2 = 1."""
    linear, _ = permutation((1, 9), (0, 0), 1)
    assert linear == pytest.approx([1 + bet for bet in LINEAR])
    against, _ = permutation((1, 9), (0, 0), -1)
    assert against == pytest.approx([1 - bet for bet in LINEAR])


@pytest.mark.parametrize(("canary", "stable"), [((4, 9), (0, 1, 1)), ((0,), (25, 16, 9)), ((2, 2, 7), (1, 0))])
@pytest.mark.parametrize("sign", [1, -1])
def test_tilted_bet_is_its_definition_over_quantised_scores(
    canary: tuple[int, ...], stable: tuple[int, ...], sign: int
) -> None:
    """(a3') is exp(theta sum x) over its mean in all relabellings, with exp in steps of 2**-10."""

    def weight(theta: float, count: int) -> float:
        return float(2.0 ** (round(sign * theta / log(2) * sqrt(count) * 1024) / 1024))

    everyone = canary + stable
    _, tilted = permutation(canary, stable, sign)
    for place, theta in enumerate(TILTS):
        means = []
        for chosen in combinations(everyone, len(canary)):
            product = 1.0
            for count in chosen:
                product *= weight(theta, count)
            means.append(product)
        seen = 1.0
        for count in canary:
            seen *= weight(theta, count)
        assert tilted[place] == pytest.approx(seen / (sum(means) / len(means)), rel=1e-9)


def test_tilted_bet_survives_extreme_counts() -> None:
    """Twenty pods with thousands of bad outcomes beside clean ones stay finite and fair."""
    _, tilted = permutation((5000,) * 10, (0,) * 10, 1)
    assert all(1.0 <= factor <= 184_756.0 * (1 + 1e-9) for factor in tilted)


def test_equal_pods_bet_nothing() -> None:
    """Where all pods have the same count every factor is one."""
    linear, tilted = permutation((3, 3), (3, 3, 3), 1)
    assert set(linear) == {1.0}
    assert tilted == pytest.approx([1.0] * len(TILTS), abs=1e-12)


def test_absolute_example_of_u_0_53_percent() -> None:
    """An all-good group multiplies by 1.01041, one bad request of ten by 0.90937."""
    assert absolute(((10, 0),), 0.0103, 0)[0] == pytest.approx(1.01041, abs=5e-6)
    assert absolute(((10, 1),), 0.0103, 0)[0] == pytest.approx(0.90937, abs=5e-6)


def test_second_absolute_bet_is_half_as_bold() -> None:
    """The second product bets (1 + r) / 2."""
    ratio, half = absolute(((10, 2), (10, 0)), 0.05, 0)
    assert ratio == pytest.approx(0.9 / 0.95)
    assert half == pytest.approx((1 + 0.9 / 0.95) / 2)


def test_perfect_release_needs_521_bets() -> None:
    """At U = 0.53 % a perfect release takes 521 bets: 261 ticks of 100 requests."""
    bets, count = Bets.start(2), 0
    while bets.mean(ABSOLUTE) < 199.0:
        bets, count = bets.times(absolute(((50, 0),), 0.0103, 0)), count + 1
    assert count == 521
    assert min_requests(Criterion("errors", ("errors",), bound=0.0053), 50, 0.01) == 26_100


@pytest.mark.parametrize(
    ("bound", "delta", "burst", "requests", "expected"),
    [(0.0, 0.005, 0, 10, 10_760), (0.02, 0.005, 0, 10, 2_140), (0.0, 0.01, 0, 10, 5_380), (0.01, 0.005, 1, 16, 384)],
)
def test_published_costs_of_the_absolute_certificate(
    bound: float, delta: float, burst: int, requests: int, expected: int
) -> None:
    """1,076 bets at U = 0, 213 at 2 %, 537 at delta 1 %; with burst 1 at U = 1 % 384 requests, tick 12."""
    criterion = Criterion("errors", ("errors",), bound=bound, delta=delta, burst=burst)
    assert min_requests(criterion, requests, 0.01) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.floats(0.001, 0.4), st.integers(0, 5))
def test_absolute_factor_is_fair_when_units_fail_whole(requests: int, limit: float, burst: int) -> None:
    """At exactly q0 the factor's mean is one: the whole pod fails (tick), or whole units of b requests do."""
    if burst == 0:
        good, bad = absolute(((requests, 0),), limit, 0)[0], absolute(((requests, requests),), limit, 0)[0]
        assert (1 - limit) * good + limit * bad == pytest.approx(1.0)
        return
    units = max(1, requests // burst)
    clean = (1 - limit) ** units
    good = absolute(((requests, 0),), limit, burst)[0]
    spoilt = absolute(((requests, min(burst, requests)),), limit, burst)[0]
    assert clean * good + (1 - clean) * spoilt == pytest.approx(1.0)

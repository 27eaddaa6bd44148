"""The kernel: products that neither overflow nor vanish, in arithmetic that is the same everywhere."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seaway.telemetry.eprocess as kernel
from seaway.telemetry.eprocess import LARGEST, Bets, natural_log, power_of_two, total, value

pytestmark = pytest.mark.rootless

factors = st.lists(st.floats(2.0**-50, 2.0**50), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(factors)
def test_a_product_is_the_product(drawn: list[float]) -> None:
    """Mantissa and exponent together are the product of all factors."""
    bets = Bets.start(1)
    for factor in drawn:
        bets = bets.times([factor])
    exact = sum(math.log2(factor) for factor in drawn)
    assert math.log2(bets.mantissas[0]) + bets.exponents[0] == pytest.approx(exact, abs=1e-9)


def test_a_product_beyond_doubles_is_kept() -> None:
    """A thousand factors of a million, then of a millionth, are one again."""
    bets = Bets.start(1)
    for _ in range(1000):
        bets = bets.times([1e6])
    assert bets.mean() == LARGEST
    for _ in range(1000):
        bets = bets.times([1e-6])
    assert bets.mean() == pytest.approx(1.0)


def test_factors_may_bring_their_own_exponents() -> None:
    """A factor of 0.75 * 2**2000 is a factor."""
    bets = Bets.start(2).times((0.75, 0.5), (2000, 1)).times((0.5, 1.0), (-2000, 0))
    assert [value(m, e) for m, e in zip(bets.mantissas, bets.exponents, strict=True)] == [0.375, 1.0]


def test_the_mean_weighs_its_points() -> None:
    """0.9 and 0.1 of 2 and 12 are 3; without weights 7."""
    bets = Bets.start(2).times((2.0, 12.0))
    assert bets.mean((0.9, 0.1)) == pytest.approx(3.0)
    assert bets.mean() == pytest.approx(7.0)


def test_the_mean_spans_exponents() -> None:
    """A point of 2**-2000 counts as nothing beside one of 8."""
    bets = Bets.start(2).times((1.0, 0.5), (3, -2000))
    assert bets.mean() == 4.0


def test_a_lost_bet_stays_lost() -> None:
    """A factor of zero makes its product zero for good."""
    bets = Bets.start(2).times((0.0, 1.0)).times((1e6, 1.0))
    assert bets.mean() == 0.5


@pytest.mark.parametrize("j", [-5000, -1024, -1, 0, 1, 511, 1023, 1024, 123_456])
def test_powers_of_two_are_rounded_once(j: int) -> None:
    """2**(j/1024) is within one unit in the last place of the true value."""
    assert power_of_two(j) == pytest.approx(2.0 ** (j / 1024), rel=2.3e-16)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e12))
def test_the_logarithm_is_the_logarithm(x: float) -> None:
    """The series agrees with libm to 1e-14."""
    assert natural_log(x) == pytest.approx(math.log(x), abs=1e-14, rel=1e-14)


def test_total_adds_from_left_to_right() -> None:
    """No compensation: 1e16 + 1 + 1 loses both ones, as every IEEE-754 machine does."""
    assert total([1e16, 1.0, 1.0]) == 1e16


@pytest.mark.parametrize("name", ["eprocess", "sequential", "exposure", "judge", "evidence", "draws", "history"])
def test_the_kernel_uses_no_libm_and_no_built_in_sum_of_floats(name: str) -> None:
    """Only frexp, ldexp, sqrt and isqrt are imported from math: the others differ between machines."""
    room = Path(kernel.__file__).parent
    file = room / f"{name}.py" if name == "eprocess" else room.parent / "release" / f"{name}.py"
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "math":
            assert {alias.name for alias in node.names} <= {"frexp", "ldexp", "sqrt", "isqrt"}
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & {"math", "random", "time", "os", "numpy"}

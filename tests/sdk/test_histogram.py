"""Cells of a duration: exact at the edges, and they add up."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway_sdk import histogram

pytestmark = pytest.mark.rootless

durations = st.lists(st.integers(0, 10**12), max_size=40)


def cells(values: list[int]) -> list[int]:
    """Counts values as the request path does."""
    found = [0] * histogram.COUNT
    for value in values:
        found[bisect_left(histogram.EDGES, value)] += 1
    return found


def test_a_value_on_an_edge_is_not_above_it() -> None:
    """250 ms is within a budget of 250 ms, one nanosecond more is not."""
    counts = histogram.native(cells([250_000_000, 250_000_001]))
    assert counts == {"-16": 1, "-15": 1}
    assert histogram.above(counts, 0.25) == 1


def test_a_budget_between_edges_takes_the_next_one() -> None:
    """Between edges a value is called slow only if it certainly is: 0.2 s lies below 2^(-18/8)."""
    counts = histogram.native(cells([205_000_000, 215_000_000]))
    assert pytest.approx(0.21022, abs=1e-5) == 2 ** (-18 / 8)
    assert histogram.above(counts, 0.2) == 1


def test_what_is_beyond_all_edges_is_counted_as_such() -> None:
    """Ten minutes are above every budget."""
    counts = histogram.native(cells([600 * 10**9]))
    assert counts == {histogram.BEYOND: 1}
    assert histogram.above(counts, 255.0) == 1


@given(durations)
@settings(max_examples=60)
def test_prometheus_buckets_are_exact(values: list[int]) -> None:
    """The convention's buckets count what is at or below their edges, to the nanosecond."""
    for edge, below in histogram.cumulative(cells(values)):
        assert below == sum(value <= round(float(edge) * 1e9) for value in values)


@given(durations, st.integers(-96, 64))
@settings(max_examples=60)
def test_above_an_edge_is_exact(values: list[int], k: int) -> None:
    """At a native edge the count of slow values is the true one."""
    counts = histogram.native(cells(values))
    assert histogram.above(counts, 2.0 ** (k / 8)) == sum(value > int(2.0 ** (k / 8) * 1e9) for value in values)


@given(durations, durations)
@settings(max_examples=60)
def test_adding_is_counting_together(left: list[int], right: list[int]) -> None:
    """Merge is +: parts added equal one pass."""
    assert histogram.added([cells(left), cells(right)]) == cells(left + right)
    assert sum(histogram.native(cells(left)).values()) == len(left)

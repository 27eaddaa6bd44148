"""Equal exposure and the draws behind it: exact distributions, equal names, nothing that depends on outcomes."""

from __future__ import annotations

from collections import Counter
from math import comb, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.release.draws import Draws, threshold
from seaway.release.exposure import Arm, Arms, Count, dealt, enough, equalised, full, lightened, pooled
from tests.release.counts import counted

pytestmark = pytest.mark.rootless


def test_equal_names_draw_equal_words() -> None:
    """A stream is its name; another tick is another stream."""
    first, again, other = Draws("b", "errors", 1), Draws("b", "errors", 1), Draws("b", "errors", 2)
    words = [first.word() for _ in range(9)]
    assert words == [again.word() for _ in range(9)]
    assert words != [other.word() for _ in range(9)]


def test_the_stream_is_sha_256_in_counter_mode() -> None:
    """A golden vector: replays of old evidence files depend on it."""
    draws = Draws("bundle", "errors", 1, "margin")
    assert [draws.word() % 1000 for _ in range(6)] == [667, 449, 556, 916, 597, 398]


@pytest.mark.parametrize(("bad", "of", "take"), [(3, 10, 4), (7, 10, 4), (5, 5, 2), (1, 9, 9)])
def test_a_sample_is_hypergeometric(bad: int, of: int, take: int) -> None:
    """20,000 draws have the exact distribution within five standard errors."""
    draws = Draws("sample", bad, of, take)
    seen = Counter(draws.sampled(bad, of, take) for _ in range(20_000))
    for hit in range(bad + 1):
        exact = comb(bad, hit) * comb(of - bad, take - hit) / comb(of, take) if take >= hit else 0.0
        assert seen[hit] / 20_000 == pytest.approx(exact, abs=5 * (exact * (1 - exact) / 20_000) ** 0.5 + 1e-12)


def test_a_shuffle_is_uniform() -> None:
    """All six orders of three items come alike."""
    draws = Draws("shuffle")
    seen = Counter(tuple(draws.shuffled("abc")) for _ in range(12_000))
    assert len(seen) == 6
    assert all(abs(count - 2000) < 220 for count in seen.values())


def test_keeping_is_binomial_and_its_ends_are_exact() -> None:
    """Probability 0 keeps none, 1 all, 0.25 a quarter."""
    draws = Draws("keep")
    assert draws.kept(1000, threshold(0.0)) == 0
    assert draws.kept(1000, threshold(1.0)) == 1000
    assert draws.kept(100_000, threshold(0.25)) == pytest.approx(25_000, abs=700)


def test_pods_are_thinned_to_the_smallest() -> None:
    """Equal shares of unequal pods are equal after thinning, on average, whatever the arm got."""
    sums = [0, 0]
    for number in range(400):
        counts = counted("errors", [(200, 100)], [(50, 25), (80, 40)])
        arms = equalised(counts, ("seed", number))
        sums[0] += arms.canary[0]
        sums[1] += sum(arms.stable)
        assert max(*arms.canary, *arms.stable) <= 50
    assert sums[0] / 400 == pytest.approx(25, abs=0.9)
    assert sums[1] / 800 == pytest.approx(25, abs=0.9)


def test_strata_are_thinned_apart() -> None:
    """A stratum that a pod has no request in says nothing; the others still do."""
    short = counted("errors", [(20, 10)], [(20, 0)], "short")
    long = (Count("errors", "long", "canary-0", Arm.CANARY, 30, 30),)
    assert equalised((*short, *long), ("seed",)) == Arms((10,), (0,))


def test_a_pod_without_requests_is_not_compared() -> None:
    """It neither thins the others to nothing nor counts as clean."""
    assert equalised(counted("errors", [(20, 4)], [(20, 1), (0, 0)]), ("seed",)) == Arms((4,), (1,))
    assert equalised(counted("errors", [(0, 0)], [(0, 0)]), ("seed",)) == Arms((), ())


def test_the_margin_lightens_the_canary_alone() -> None:
    """Stable's outcomes are left as they are."""
    arms = lightened(Arms((1000, 1000), (7, 9)), threshold(0.5), ("seed",))
    assert arms.stable == (7, 9)
    assert sum(arms.canary) == pytest.approx(1000, abs=120)
    assert arms.canary == tuple(sorted(arms.canary))


@pytest.mark.parametrize("pods", [2, 3, 5, 10, 36, 100])
def test_enough_is_eight_log_pods(pods: int) -> None:
    """8 ln P requests a pod; a single pod counts as two."""
    assert enough(pods) == pytest.approx(8 * log(pods))
    assert enough(1) == enough(2)


def test_a_pool_is_full_by_its_mean() -> None:
    """Five pods: 12.9 a pod; one pod's plenty stands for another's few."""
    assert not full(counted("errors", [(12, 0)] * 2, [(13, 0)] * 3))
    assert full(counted("errors", [(13, 0)] * 2, [(13, 0)] * 3))
    assert full(counted("errors", [(60, 0), (1, 0)], [(2, 0)] * 3))
    assert not full(())


def test_pooling_adds_by_stratum_and_pod() -> None:
    """Counts of the same pod and stratum are added, others kept."""
    first, second = counted("errors", [(5, 1)], [(6, 0)]), counted("errors", [(5, 2)], [(4, 3)])
    assert [(count.n, count.bad) for count in pooled(first, second)] == [(10, 3), (10, 3)]
    assert len(pooled(first, counted("errors", [(5, 2)], [(4, 3)], "long"))) == 4


@pytest.mark.parametrize(("pods", "groups"), [(1, [1]), (2, [1, 1]), (3, [2, 1]), (5, [3, 2]), (18, [9, 9])])
def test_pods_are_dealt_into_two_groups(pods: int, groups: list[int]) -> None:
    """Two groups of nearly equal size; a lone pod is one group; pods without requests are in none."""
    counts = counted("errors", [(10, 0)] * pods + [(0, 0)], [])
    assert [len(group) for group in dealt(counts, ("seed", 1))] == groups


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=9))
def test_dealing_loses_and_invents_nothing(pods: list[tuple[int, int]]) -> None:
    """The two groups together are the pods."""
    pods = [(n, min(n, bad)) for n, bad in pods]
    groups = dealt(counted("errors", pods, []), ("seed",))
    assert sorted(pod for group in groups for pod in group) == sorted(pods)

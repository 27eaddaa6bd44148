"""Where a share of requests is that of the pods: which weights there are, and which are refused before a move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.app.release_keys import ReleaseKeys
from seaway.errors import StepsRefused
from seaway.release.steps import Party, Prepare, Shift
from seaway.release.strategy import Move, expand
from seaway.targets.base import Features
from tests.fakes.target import version

pytestmark = pytest.mark.rootless

BY_PODS = Features(by_pods=frozenset({"api"}))


def move(replicas: int) -> Move:
    """Returns a move of one service with so many pods."""
    canary, stable = (Party.of(version(name, replicas=replicas, api=name)) for name in ("v2", "v1"))
    return Move(canary, stable)


def keys(*weights: float) -> ReleaseKeys:
    """Returns a canary with these weights."""
    return replace(ReleaseKeys(), strategy="canary", weights=weights)


def test_a_weight_that_the_pods_have_is_taken() -> None:
    """Two beside three are 40 percent."""
    steps = expand(keys(40.0), move(3), BY_PODS)
    assert steps[:2] == (Prepare({"api": 2}), Shift(40))


def test_a_weight_that_no_number_of_pods_gives_is_refused() -> None:
    """Two beside three are four times what was asked for; the hint says how many replicas it takes."""
    with pytest.raises(StepsRefused, match="40%, not 10%") as caught:
        expand(keys(10.0), move(3), BY_PODS)
    assert "18 replicas" in str(caught.value.hint)
    assert Shift(10) in expand(keys(10.0), move(18), BY_PODS)


def test_a_proxy_splits_what_pods_could_not() -> None:
    """Behind a gateway any percent is a weight."""
    assert Shift(10) in expand(keys(10.0), move(3), Features())


def test_batches_are_refused_by_pods() -> None:
    """A batch moves its share before its pods."""
    with pytest.raises(StepsRefused, match="rolling"):
        expand(replace(ReleaseKeys(), strategy="rolling"), move(3), BY_PODS)

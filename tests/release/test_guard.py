"""The guard: what may never be done, whatever a state wishes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.release.invariants import guard, needed
from seaway.release.machine import Position, State
from seaway.release.wishes import wishes
from seaway.targets import base
from seaway.targets.base import Seen
from tests.release.places import PLAN, STEPS, observations, seen
from tests.release.world import ONE, THREE, TWO

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    ("weight", "pods", "expected"),
    [(40, 3, 2), (33, 3, 1), (67, 3, 2), (34, 3, 1), (36, 3, 1), (37, 3, 2), (0, 3, 0), (100, 7, 7)],
)
def test_pods_needed_for_a_weight(weight: int, pods: int, expected: int) -> None:
    """ceil(weight * need), where a whole percent may lack a tenth of a pod: 33 and 67 are a third and two."""
    assert needed(weight, pods) == expected


def shift(weight: int) -> base.Shift:
    """Returns the wish for this share of the canary."""
    return base.Shift({TWO.digest: weight, ONE.digest: 100 - weight})


CASES = [
    pytest.param(shift(40), seen(canary=2), True, id="I1 two pods carry 40 %"),
    pytest.param(shift(40), seen(canary=1), False, id="I1 one pod does not"),
    pytest.param(shift(40), seen(canary=1, unready=5), False, id="I1 pods that are not ready do not count"),
    pytest.param(shift(100), seen(canary=2, weight=40.0), False, id="I1 two pods do not carry everything"),
    pytest.param(shift(40), seen(canary=0, weight=40.0), True, id="I1 a weight that is there is not raised"),
    pytest.param(shift(0), seen(stable=3, weight=40.0), True, id="I1 stable carries everything again"),
    pytest.param(shift(0), seen(stable=2, weight=40.0), False, id="I1 stable is not back to strength"),
    pytest.param(shift(40), seen(canary=2, stable=0), True, id="I5 stable's health is not asked"),
    pytest.param(shift(40), seen(canary=2, gone=True), False, id="I9 no weight while stable is gone"),
    pytest.param(shift(0), seen(gone=True, weight=40.0), True, id="I9 back is no question of that"),
    pytest.param(base.Shift({TWO.digest: 40, THREE.digest: 60}), seen(), False, id="I4 a third version"),
    pytest.param(base.Shift({TWO.digest: 40, ONE.digest: 50}), seen(), False, id="shares that are not 100"),
    pytest.param(base.Retire(ONE.digest), seen(weight=100.0, drained=True, owner=TWO), True, id="I2 drained"),
    pytest.param(base.Retire(ONE.digest), seen(weight=100.0, owner=TWO), False, id="I2 not drained"),
    pytest.param(base.Retire(ONE.digest), seen(weight=99.0, drained=True, owner=TWO), False, id="I2 a share is left"),
    pytest.param(base.Retire(ONE.digest), seen(weight=None, drained=True, owner=TWO), False, id="I2 unknown share"),
    pytest.param(base.Retire(ONE.digest), seen(weight=100.0, drained=True), False, id="I2 it owns the traffic"),
    pytest.param(base.Retire(THREE.digest), seen(), False, id="I4 not ours to retire"),
    pytest.param(base.Scale(ONE.digest, {"api": 2}), seen(weight=33.0), True, id="I2 two pods carry 67 %"),
    pytest.param(base.Scale(ONE.digest, {"api": 1}), seen(weight=33.0), False, id="I2 one does not"),
    pytest.param(base.Scale(ONE.digest, {"api": 2}), seen(weight=None), False, id="I2 unknown share"),
    pytest.param(base.Scale(ONE.digest, {"api": 5}), seen(weight=None), True, id="more pods are always allowed"),
    pytest.param(base.Scale(THREE.digest, {"api": 5}), seen(), False, id="I4 a third version's pods"),
    pytest.param(base.Retarget(TWO.digest), seen(canary=3, weight=100.0), True, id="all requests are there"),
    pytest.param(base.Retarget(TWO.digest), seen(canary=3, weight=99.0), False, id="not all requests are there"),
    pytest.param(base.Retarget(TWO.digest), seen(canary=3, weight=100.0, gone=True), False, id="I9 no way back"),
    pytest.param(base.Retarget(THREE.digest), seen(weight=100.0), False, id="I4 a third version as stable"),
    pytest.param(base.RunJob(TWO.digest, "migrate"), seen(), True, id="the canary's job"),
    pytest.param(base.RunJob(ONE.digest, "migrate"), seen(), False, id="no job of stable"),
]


@pytest.mark.parametrize(("action", "observed", "allowed"), CASES)
def test_the_guard(action: base.Action, observed: Seen, allowed: bool) -> None:
    """One action against one observation."""
    assert guard([action], observed, PLAN) == ((action,) if allowed else ())


def test_a_drain_deadline_stands_for_a_drained_version() -> None:
    """I2: with the drain time over, requests still open do not keep the pods."""
    observed = seen(weight=100.0, owner=TWO)
    assert guard([base.Retire(ONE.digest)], observed, PLAN, drained=True) == (base.Retire(ONE.digest),)


def test_one_wish_for_weights_a_turn() -> None:
    """I6: a second, contradicting Shift of the same turn is dropped."""
    assert guard([shift(40), shift(30)], seen(canary=3), PLAN) == (shift(40),)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(State)), st.integers(-1, len(STEPS)), observations)
def test_whatever_is_observed_no_wish_breaks_an_invariant(state: State, cursor: int, observed: Seen) -> None:
    """I1, I2, I4 and I9 for every state, step and observation."""
    version_of = {TWO.digest: "v2", ONE.digest: "v1"}
    ready = {name: sum(pod.ready for pod in observed.pods if pod.service_version == name) for name in ("v1", "v2")}
    running = {name: sum(pod.service_version == name for pod in observed.pods) for name in ("v1", "v2")}
    now = observed.weights.get("api", {})
    for action in guard(wishes(PLAN, Position(STEPS, cursor, state)), observed, PLAN):
        match action:
            case base.Shift(weights):
                assert set(weights) <= set(version_of)
                for digest, weight in weights.items():
                    name = version_of[digest]
                    assert weight <= now.get(name, 0.0) or ready[name] >= weight * 3 / 100 - 0.1
                assert not (observed.faults and weights[TWO.digest] > 0)
            case base.Retire(digest):
                assert now.get(version_of[digest]) == 0.0
                assert version_of[digest] in observed.drained
                assert observed.stable != digest
            case base.Scale(digest, replicas):
                name = version_of[digest]
                fewer = replicas.get("api", running[name]) < running[name]
                assert not fewer or replicas["api"] >= now.get(name, 100.0) * 3 / 100 - 0.1
            case base.Retarget(digest):
                assert now.get(version_of[digest]) == 100.0

"""Named outage regressions of other rollout controllers, as far as they apply to one host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seaway.release.machine import Event, State
from seaway.release.store import Ask
from seaway.targets.base import Retire, Scale, Shift
from tests.release.world import BETTER, ENVIRONMENT, KEYS, ONE, THREE, TWO, WORSE, World, begun, plan

pytestmark = pytest.mark.rootless


def stable_pods(world: World) -> int:
    """Returns the pods of version one."""
    return sum(pod.service_version == "v1" for pod in world.target.pods.values())


def test_argo_rollouts_1292_abort_with_nothing_in_progress_scales_nothing(tmp_path: Path) -> None:
    """An abort after the end leaves stable's pods alone."""
    world = begun(tmp_path, worse=True)
    world.finish()
    acts = len(world.target.acts)
    world.store.ask(ENVIRONMENT, Ask("abort", "alice"))
    for _ in range(10):
        world.turn()
    assert (stable_pods(world), len(world.target.acts)) == (3, acts)


def test_argo_rollouts_1415_a_scaling_event_during_a_canary_keeps_stable(tmp_path: Path) -> None:
    """Pods that another hand adds or removes mid-canary never lead to stable being scaled to zero."""
    world = begun(tmp_path)
    world.target.act(Scale(ONE.digest, {"api": 5}), 0)
    for _ in range(20):
        world.turn()
        assert stable_pods(world) >= 2
    assert world.target.outages == []


def test_argo_rollouts_2050_stable_stays_while_routing_has_not_moved(tmp_path: Path) -> None:
    """A Shift that the proxy never carries out: held, and not one stable pod goes."""
    world = World(tmp_path, BETTER)
    world.target.lag = 1e9
    world.submit(plan(TWO, ONE))
    world.until(State.HELD)
    assert world.last is not None
    assert world.last.row.position.reason == Event.TRAFFIC_STUCK
    for _ in range(40):
        world.turn()
    assert (stable_pods(world), world.shares()) == (3, {"v1": 100.0})


def test_argo_rollouts_3372_a_second_release_never_routes_to_missing_pods(tmp_path: Path) -> None:
    """Mid-canary a second release: at every instant each share has ready pods behind it."""
    world = begun(tmp_path)
    world.submit(plan(THREE, ONE, release=2))
    world.finish()
    assert (world.shares(), world.target.outages) == ({"v3": 100.0}, [])


def test_argo_rollouts_3586_3681_the_last_stable_pods_go_after_their_requests(tmp_path: Path) -> None:
    """At 100 % the old pods are retired only once their share is observed to be zero and drained."""
    world = begun(tmp_path)
    world.until(State.DRAINING)
    world.target.lag = 1e9
    world.target.shares["api"] = {"v2": 90.0, "v1": 10.0}
    for _ in range(8):
        world.turn()
    assert stable_pods(world) == 3
    assert not any(isinstance(act, Retire) for act in world.target.acts)


def test_argo_rollouts_587_flagger_773_no_request_without_a_pod_at_any_switch(tmp_path: Path) -> None:
    """First and last switch of a canary, slow pods, slow proxy: no instant without ready pods."""
    world = World(tmp_path, BETTER)
    world.target.start, world.target.lag, world.target.drain = 8.0, 3.0, 4.0
    world.submit(plan(TWO, ONE))
    world.finish()
    assert (world.state, world.target.outages) == (State.LIVE, [])


def test_argo_rollouts_3420_no_traffic_before_the_pods_are_ready(tmp_path: Path) -> None:
    """Pods that are there but not ready get no weight, for as long as it takes."""
    world = World(tmp_path, BETTER)
    world.target.broken = {"v2"}
    world.submit(plan(TWO, ONE))
    for _ in range(200):
        world.turn()
    assert not any(isinstance(act, Shift) and act.weights.get(TWO.digest) for act in world.target.acts)


def test_argo_rollouts_4390_the_old_canary_stays_while_stable_is_not_ready(tmp_path: Path) -> None:
    """A new release mid-canary while stable lost its pods: the canary keeps its share until stable is back."""
    world = begun(tmp_path)
    lost = [pod.id for pod in world.target.pods.values() if pod.service_version == "v1"][:2]
    for pod in lost:
        del world.target.pods[pod]
    world.target.start = 20.0
    world.submit(plan(THREE, ONE, release=2))
    for _ in range(40):
        world.turn()
    assert world.shares() == {"v2": 40.0, "v1": 60.0}
    assert sum(pod.service_version == "v2" for pod in world.target.pods.values()) == 2


def test_argo_rollouts_3078_4973_wishes_do_not_flap_after_an_abort(tmp_path: Path) -> None:
    """After the abort every weight wished for is the same, turn after turn, and then none."""
    world = begun(tmp_path)
    world.store.ask(ENVIRONMENT, Ask("abort", "alice"))
    before = len(world.target.acts)
    world.finish()
    later = [act.weights for act in world.target.acts[before:] if isinstance(act, Shift)]
    assert all(weights == {TWO.digest: 0, ONE.digest: 100} for weights in later)
    settled = len(world.target.acts)
    for _ in range(20):
        world.turn()
    assert len(world.target.acts) == settled


def test_flagger_1202_promotion_scales_nothing_before_the_new_pods_are_ready(tmp_path: Path) -> None:
    """Pods for all traffic are ready before the last Shift, whatever the canary had."""
    world = World(tmp_path, BETTER)
    world.target.start = 15.0
    world.submit(plan(TWO, ONE))
    world.finish()
    assert (world.state, world.target.outages) == (State.LIVE, [])


def test_flagger_1898_a_failed_promotion_keeps_the_healthy_canary(tmp_path: Path) -> None:
    """Pods for all traffic never get ready: back to stable; the judged canary is not deleted under its requests."""
    world = begun(tmp_path)
    world.store.ask(ENVIRONMENT, Ask("waive", "owner"))
    release = world.store.read(ENVIRONMENT)
    short = replace(release.row, plan=replace(release.row.plan, ready_within=5.0))
    world.store.swap(ENVIRONMENT, release, short)
    world.target.start = 1e9
    for pod in world.target.pods.values():
        world.target.pods[pod.id] = replace(pod, since=-1e10)
    world.finish()
    assert (world.state, world.shares(), world.target.outages) == (State.ROLLED_BACK, {"v1": 100.0}, [])


def test_argo_rollouts_1774_an_unhealthy_stable_does_not_block_a_fix(tmp_path: Path) -> None:
    """Stable's pods are not ready: the fix still gets ready, is shifted and judged."""
    world = World(tmp_path, BETTER)
    world.target.broken = {"v1"}
    world.submit(plan(TWO, ONE, replace(KEYS, strategy="all-at-once")))
    world.finish()
    assert (world.state, world.shares()) == (State.LIVE, {"v2": 100.0})


def test_a_worse_version_never_takes_more_than_its_weight(tmp_path: Path) -> None:
    """Through a whole rollback the canary's share is 40 or nothing."""
    world = World(tmp_path, WORSE)
    world.submit(plan(TWO, ONE))
    seen = set()
    while world.turn().row.position.state is not State.ROLLED_BACK:
        seen.add(world.shares().get("v2", 0.0))
    assert seen == {0.0, 40.0}

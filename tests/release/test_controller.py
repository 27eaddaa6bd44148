"""Whole releases on a place in memory: promoted, rolled back, held, asked, and what each leaves in the ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.errors import NameUnknown, StaleEpoch, StepsRefused
from seaway.evidence.statement import PredicateType
from seaway.release.controller import evidence_file
from seaway.release.judge import Outcome
from seaway.release.machine import Event, Position, State
from seaway.release.record import replay
from seaway.release.store import Ask, Conflict
from seaway.targets.base import Retire, Scale, Shift
from tests.release.world import ENVIRONMENT, KEYS, ONE, THREE, TWO, World, begun, plan, predicates

pytestmark = pytest.mark.rootless


def test_a_better_version_goes_live(tmp_path: Path) -> None:
    """Canary at 40 %, certified, all traffic, stable, baked, the old one retired; no instant without pods."""
    world = begun(tmp_path)
    world.finish()
    assert world.state is State.LIVE
    assert world.shares() == {"v2": 100.0}
    assert world.target.stable == TWO.digest
    assert {pod.service_version for pod in world.target.pods.values()} == {"v2", "w1"}
    assert world.target.outages == []


def test_a_worse_version_is_rolled_back(tmp_path: Path) -> None:
    """58 % against 37 % bad: stable has everything back, the canary's pods are gone, stable's were never touched."""
    world = begun(tmp_path, worse=True)
    before = {pod.id for pod in world.target.pods.values() if pod.service_version == "v1"}
    world.finish()
    assert world.state is State.ROLLED_BACK
    assert Event.REGRESSED in world.events
    assert world.shares() == {"v1": 100.0}
    assert {pod.id for pod in world.target.pods.values() if pod.service == "api"} == before
    assert world.target.outages == []


def test_a_way_back_states_stable_with_its_own_bundle(tmp_path: Path) -> None:
    """Going forward the canary's bundle is what was deployed, going back stable's: its objects belong to it."""
    world = begun(tmp_path, worse=True)
    world.finish()
    said = [json.loads(payload) for payload in world.ledger.payloads]
    deployed = [
        (one["predicate"]["manifestDigest"], one["subject"][0]["digest"]["sha256"])
        for one in said
        if one["predicateType"] == PredicateType.DEPLOYMENT
    ]
    assert deployed[0] == (str(TWO.digest), TWO.bundle.hex)
    assert deployed[-1] == (str(ONE.digest), ONE.bundle.hex)


def test_an_unchanged_service_is_never_touched(tmp_path: Path) -> None:
    """The worker is equal in both versions: its pods are the same before and after."""
    world = begun(tmp_path)
    before = {pod.id for pod in world.target.pods.values() if pod.service == "worker"}
    world.finish()
    assert {pod.id for pod in world.target.pods.values() if pod.service == "worker"} == before


@pytest.mark.parametrize("strategy", ["rolling", "all-at-once"])
def test_other_strategies_go_live_without_an_outage(tmp_path: Path, strategy: str) -> None:
    """Rolling in three batches and all-at-once end live, with ready pods behind every share at every instant."""
    world = World(tmp_path)
    world.submit(plan(TWO, ONE, replace(KEYS, strategy=strategy)))  # type: ignore[arg-type]  # the literals of the keys
    world.finish()
    assert (world.state, world.shares(), world.target.outages) == (State.LIVE, {"v2": 100.0}, [])


def test_rolling_retires_stable_batch_by_batch(tmp_path: Path) -> None:
    """Never more than one pod above need, and the old pods go two, one, none."""
    world = World(tmp_path)
    world.submit(plan(TWO, ONE, replace(KEYS, strategy="rolling")))
    most = 0
    left: list[int] = []
    while world.turn().row.position.state is not State.LIVE:
        most = max(most, sum(pod.service == "api" for pod in world.target.pods.values()))
        old = sum(pod.service_version == "v1" for pod in world.target.pods.values())
        left += [old] if not left or left[-1] != old else []
    assert most == 4
    assert left == [3, 2, 1, 0]


def test_a_first_release_goes_all_at_once(tmp_path: Path) -> None:
    """With no stable version there is nothing to compare; the evidence stays empty and says so."""
    world = World(tmp_path, stable=None)
    world.submit(plan(TWO, None))
    world.finish()
    assert (world.state, world.shares(), world.target.stable) == (State.LIVE, {"v2": 100.0}, TWO.digest)
    assert world.store.read(ENVIRONMENT).row.evidence.ticks == 0


def test_a_first_release_that_is_never_ready_is_cleared_away(tmp_path: Path) -> None:
    """Before the first Shift there is a way back to nothing."""
    world = World(tmp_path, stable=None)
    world.target.broken = {"v2"}
    world.submit(replace(plan(TWO, None), ready_within=5.0))
    world.finish()
    assert (world.state, world.target.pods) == (State.ROLLED_BACK, {})


def test_pods_that_never_get_ready_send_the_release_back(tmp_path: Path) -> None:
    """After the deadline: NotReadyInTime; no request ever went to them."""
    world = World(tmp_path)
    world.target.broken = {"v2"}
    world.submit(replace(plan(TWO, ONE), ready_within=5.0))
    world.finish()
    assert world.events == [Event.BEGIN, Event.NOT_READY_IN_TIME, Event.STABLE_WEIGHT_SEEN]
    assert world.shares() == {"v1": 100.0}
    assert not any(isinstance(action, Shift) and action.weights.get(TWO.digest) for action in world.target.acts)


@pytest.mark.parametrize("fault", ["envoy: answered 500", "errors: NaN is no count", "timed out after 0.5 s"])
def test_a_blind_source_holds_and_never_ends_a_release(tmp_path: Path, fault: str) -> None:
    """Held at its weight for as long as it lasts, worse as it may be; when sight is back it is judged again."""
    world = begun(tmp_path, worse=True)
    world.source.fault = fault
    world.until(State.HELD)
    for _ in range(60):
        assert world.turn().row.position.state is State.HELD
    assert world.shares() == {"v2": 40.0, "v1": 60.0}
    world.source.fault = ""
    world.finish()
    assert Event.SIGHTED in world.events
    assert world.state is State.ROLLED_BACK


def test_a_silent_source_holds_after_three_ticks(tmp_path: Path) -> None:
    """No sample is neither zero errors nor a reason to go back."""
    world = begun(tmp_path)
    world.source.silent = True
    world.until(State.HELD)
    assert world.last is not None
    assert world.last.row.position.reason == Event.BLIND
    for _ in range(200):
        assert world.turn().row.position.state is State.HELD
    assert world.shares() == {"v2": 40.0, "v1": 60.0}


def test_a_counter_that_fell_without_a_restart_is_blind(tmp_path: Path) -> None:
    """An unexplained reset holds; where the pod started anew within the tick it is only dropped."""
    world = begun(tmp_path)
    pod = next(pod for pod in world.target.pods.values() if pod.service_version == "v2")
    world.source.dropped = ((pod.id, "counter fell"),)
    world.until(State.HELD)
    assert world.last is not None
    assert world.last.verdict is not None
    assert world.last.verdict.says == f"{pod.id}: counter fell"


def test_a_blind_release_is_not_promoted_by_its_budget(tmp_path: Path) -> None:
    """Even with `else: promote` no release goes forward on no data."""
    keys = replace(KEYS, judge=replace(KEYS.judge, at_most=5.0, otherwise="promote"))
    world = World(tmp_path)
    world.submit(plan(TWO, ONE, keys))
    world.until(State.JUDGING)
    world.source.fault = "down"
    for _ in range(60):
        assert world.turn().row.position.state in (State.JUDGING, State.HELD)


@pytest.mark.parametrize(
    ("otherwise", "state", "event"),
    [
        ("hold", State.HELD, Event.BUDGET_SPENT),
        ("promote", State.PREPARING, Event.BUDGET_WAIVED),
        ("rollback", State.RETURNING, Event.ABORT),
    ],
)
def test_a_spent_budget_does_what_was_written(tmp_path: Path, otherwise: str, state: State, event: Event) -> None:
    """Nothing is certified in 3 s: held, promoted uncertified, or sent back."""
    keys = replace(KEYS, judge=replace(KEYS.judge, at_most=3.0, otherwise=otherwise))  # type: ignore[arg-type]
    world = World(tmp_path, {"errors": {}, "helpful": {"v1": 0.41, "v2": 0.50}})
    world.submit(plan(TWO, ONE, keys))
    world.until(State.JUDGING)
    world.until(state)
    assert world.events[-1] is event


def test_a_second_release_first_returns_the_weight(tmp_path: Path) -> None:
    """I4: mid-canary, the first is superseded and cleared away before the second begins."""
    world = begun(tmp_path)
    world.submit(plan(THREE, ONE, release=2))
    seen: set[frozenset[str]] = set()
    while world.turn().row.position.state is not State.LIVE:
        seen.add(frozenset(world.shares()))
    world.finish()
    assert frozenset({"v2", "v3"}) not in seen
    assert (world.shares(), world.target.outages) == ({"v3": 100.0}, [])
    assert [each["outcome"] for each in predicates(world, "metric-summary")] == ["superseded", "live"]
    assert {pod.service_version for pod in world.target.pods.values()} == {"v3", "w1"}


def test_an_older_release_number_is_refused(tmp_path: Path) -> None:
    """The sequence of an environment only grows."""
    world = begun(tmp_path)
    with pytest.raises(StepsRefused, match="release 1 is not after 1"):
        world.submit(plan(THREE, ONE))


def test_a_plan_made_against_another_stable_is_superseded(tmp_path: Path) -> None:
    """Before its first step: stable is not what the plan says, so nothing is touched."""
    world = World(tmp_path)
    world.submit(plan(TWO, THREE))
    world.finish()
    assert (world.state, world.target.acts) == (State.ROLLED_BACK, [])


def test_forward_waits_for_the_ledger(tmp_path: Path) -> None:
    """With the ledger down pods are prepared, and not one request more goes to the canary."""
    world = World(tmp_path)
    world.ledger.down = True
    world.submit(plan(TWO, ONE))
    for _ in range(100):
        world.turn()
    assert (world.state, world.shares()) == (State.PREPARING, {"v1": 100.0})
    world.ledger.down = False
    world.finish()
    assert world.state is State.LIVE


def test_rollback_needs_no_ledger(tmp_path: Path) -> None:
    """With the ledger down a worse canary still goes back; what happened is told once it is up again."""
    world = begun(tmp_path, worse=True)
    world.ledger.down = True
    world.until(State.ROLLED_BACK)
    assert world.shares() == {"v1": 100.0}
    told = len(world.ledger.payloads)
    world.ledger.down = False
    world.finish()
    assert len(world.ledger.payloads) > told
    assert predicates(world, "metric-summary")[-1]["outcome"] == "rolled-back"


def test_live_waits_for_the_ledger(tmp_path: Path) -> None:
    """A release is not live before its past is recorded."""
    world = begun(tmp_path)
    world.until(State.DRAINING)
    world.ledger.down = True
    for _ in range(100):
        assert world.turn().row.position.state is State.DRAINING
    world.ledger.down = False
    world.finish()
    assert world.state is State.LIVE


def test_the_ledger_has_every_transition_once_and_in_order(tmp_path: Path) -> None:
    """Sequence numbers count the statements; states chain from planned to the end."""
    world = begun(tmp_path, worse=True)
    world.finish()
    events = predicates(world, "release-event")
    assert [each["to"] for each in events[:-1]] == [each["from"] for each in events[1:]]
    assert (events[0]["from"], events[-1]["to"]) == ("planned", "rolled-back")
    sequences = [int(str(each["sequence"])) for each in events]
    assert sequences == sorted(set(sequences))
    back = predicates(world, "rollback")
    assert [(each["from"], each["to"], each["why"]) for each in back] == [
        (str(TWO.digest), str(ONE.digest), "regressed")
    ]
    assert [each["manifestDigest"] for each in predicates(world, "deployment")] == [str(TWO.digest), str(ONE.digest)]


def test_lost_state_returns_to_stable(tmp_path: Path) -> None:
    """A release the ledger shows begun and nobody remembers: weight back to stable, then rolled back, `state-lost`."""
    world = begun(tmp_path)
    release = plan(TWO, ONE)
    world.path = tmp_path / "new"
    world.restart()
    lost = Position(release.steps, cursor=len(release.steps) - 1, state=State.RETURNING, reason="state-lost")
    world.store.submit(ENVIRONMENT, release, world.now, position=lost)
    world.finish()
    assert (world.state, world.shares(), world.target.outages) == (State.ROLLED_BACK, {"v1": 100.0}, [])


def test_the_evidence_file_replays(tmp_path: Path) -> None:
    """The file of a rolled-back release leads to the same verdict from its integer counts alone."""
    world = begun(tmp_path, worse=True)
    world.finish()
    replayed = replay(evidence_file(world.store, ENVIRONMENT))
    assert replayed.verdict.outcome is Outcome.ROLLBACK
    assert replayed.evidence == world.store.read(ENVIRONMENT).row.evidence


def test_a_tick_in_which_the_weight_changed_is_dropped(tmp_path: Path) -> None:
    """Whatever was counted while the weight moved is left out, with its reason."""
    world = begun(tmp_path)
    world.finish()
    dropped = [group for group in world.store.ticks(ENVIRONMENT, 1) if group.dropped]
    assert {group.dropped for group in dropped} == {"a weight changed within the tick"}
    assert not any(group.counts for group in dropped)


def test_an_older_agent_stops(tmp_path: Path) -> None:
    """Once another has taken the release over, the first one's next write is refused."""
    world = begun(tmp_path)
    stored = world.store.read(ENVIRONMENT)
    assert world.store.take(ENVIRONMENT) == 1
    with pytest.raises(StaleEpoch):
        world.store.swap(ENVIRONMENT, stored, stored.row)


def test_a_row_that_changed_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    """Compare-and-swap: what was asked between read and write is not lost."""
    world = begun(tmp_path)
    stored = world.store.read(ENVIRONMENT)
    world.store.ask(ENVIRONMENT, Ask("pause", "alice"))
    with pytest.raises(Conflict):
        world.store.swap(ENVIRONMENT, stored, stored.row)
    world.until(State.PAUSED)


def test_an_environment_without_a_release_is_unknown(tmp_path: Path) -> None:
    """The error names it and the command that would begin one."""
    world = World(tmp_path)
    with pytest.raises(NameUnknown, match="no release is known in prod"):
        world.store.read(ENVIRONMENT)
    assert world.store.keys() == ()


def test_nothing_is_scaled_down_that_has_requests(tmp_path: Path) -> None:
    """I2 over a whole release: each Retire and each smaller Scale comes after the weight is gone."""
    world = begun(tmp_path)
    world.finish()
    retired = next(place for place, act in enumerate(world.target.acts) if isinstance(act, Retire))
    shifts = [act for act in world.target.acts[:retired] if isinstance(act, Shift)]
    assert shifts[-1].weights == {TWO.digest: 100, ONE.digest: 0}
    assert not any(isinstance(act, Scale) and act.version == ONE.digest for act in world.target.acts)

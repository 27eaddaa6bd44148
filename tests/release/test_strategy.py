"""Strategies as steps: what they expand to, what is refused, how the way back changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.release_keys import Approval, ReleaseKeys
from seaway.errors import NotYet, StepsRefused
from seaway.release.invariants import needed
from seaway.release.steps import (
    Approve,
    Drain,
    Judge,
    Migrate,
    Party,
    Prepare,
    Retarget,
    Retire,
    Shift,
    Snapshot,
    Step,
    Until,
    Wait,
    WayBack,
)
from seaway.release.strategy import Move, describe, expand, way_back
from seaway.targets.base import Features
from tests.fakes.target import version

pytestmark = pytest.mark.rootless

KEYS = ReleaseKeys(strategy="canary", weights=(10.0, 50.0))


def move(replicas: int = 3, room: int | None = None) -> Move:
    """Returns a move of service api with this many pods."""
    one, two = (version(name, replicas=replicas, api=name, worker="same") for name in ("one", "two"))
    return Move(Party.of(two), Party.of(one), room)


def test_a_canary_of_18_pods_is_2_then_18() -> None:
    """C = max(2, ceil(S w / (1 - w))): two pods at 10 %, eighteen at 50 %; judged watched, then certified."""
    steps = expand(KEYS, move(18), Features())
    judges = [step.until for step in steps if isinstance(step, Judge)]
    assert steps[:2] == (Prepare({"api": 2}), Shift(10))
    assert steps[3:5] == (Prepare({"api": 18}), Shift(50))
    assert judges == [Until.WATCHED, Until.CERTIFIED]
    assert steps[6:] == (Prepare({"api": 18}), Shift(100), Retarget(), Wait(900.0), Drain(), Retire())


def test_what_takes_no_requests_gets_its_own_pods_and_holds_no_weight_down() -> None:
    """A worker that nobody routes to is neither split nor judged: one canary pod beside three of stable is enough."""
    one, two = (Party.of(version(name, replicas=3, api=name, worker=name)) for name in ("one", "two"))
    quiet = replace(two, replicas={"api": 3, "worker": 1}, routed=frozenset({"api"}))
    steps = expand(replace(KEYS, weights=(40.0,)), Move(quiet, one), Features())
    assert steps[:2] == (Prepare({"api": 2, "worker": 1}), Shift(40))


def test_the_demo_is_three_and_two_at_40_percent() -> None:
    """weights [40%] beside three pods: two canary pods, equal exposure."""
    steps = expand(replace(KEYS, weights=(40.0,)), move(3), Features())
    assert steps[:2] == (Prepare({"api": 2}), Shift(40))
    assert isinstance(steps[2], Judge)
    assert steps[2].until is Until.CERTIFIED


def test_where_room_is_short_the_weight_drops() -> None:
    """One pod of room beside three: 25 % instead of 50 %."""
    steps = expand(replace(KEYS, weights=(50.0,)), move(3, room=1), Features())
    assert steps[:2] == (Prepare({"api": 1}), Shift(25))
    with pytest.raises(StepsRefused, match="no room"):
        expand(KEYS, move(3, room=0), Features())


def test_an_approval_comes_before_its_weight() -> None:
    """approve before 50 %: asked between the two weights, before pods are prepared."""
    steps = expand(replace(KEYS, approve=Approval(50.0, "manager")), move(), Features())
    place = steps.index(Approve("manager"))
    assert isinstance(steps[place - 1], Judge)
    assert isinstance(steps[place + 1], Prepare)
    last = expand(replace(KEYS, approve=Approval(100.0, "manager")), move(), Features())
    assert last[last.index(Shift(100)) - 2] == Approve("manager")


def test_a_first_release_is_all_at_once() -> None:
    """Without a stable version there is nothing to be beside."""
    first = Move(move().canary, None)
    assert expand(KEYS, first, Features()) == (
        Prepare({"api": 3, "worker": 3}),
        Shift(100),
        Retarget(),
        Wait(900.0),
        Drain(),
        Retire(),
    )


@pytest.mark.parametrize("strategy", ["blue-green", "shadow", "recreate"])
def test_what_is_not_there_yet_says_so(strategy: str) -> None:
    """NotYet with the strategies that are."""
    with pytest.raises(NotYet, match=f"strategy {strategy}"):
        expand(replace(KEYS, strategy=strategy), move(), Features())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "features", "says"),
    [
        ((12.5,), Features(), "not a whole percent"),
        ((12.0,), Features(finest_weight=5), "finer than this target's 5%"),
        ((50.0, 10.0), Features(), "rise and lie between"),
        ((50.0, 50.0), Features(), "rise and lie between"),
        ((0.0,), Features(), "rise and lie between"),
        ((100.0,), Features(), "rise and lie between"),
        ((), Features(), "rise and lie between"),
        ((10.0,), Features(weights=False), "needs weights"),
    ],
)
def test_steps_that_cannot_be_are_refused(weights: tuple[float, ...], features: Features, says: str) -> None:
    """Before the first write, with the reason."""
    with pytest.raises(StepsRefused, match=says):
        expand(replace(KEYS, weights=weights), move(), features)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 40), st.integers(1, 99), st.sampled_from(["canary", "rolling"]))
def test_no_judged_canary_pod_gets_more_than_a_stable_pod(replicas: int, weight: int, strategy: str) -> None:
    """The condition of equal exposure, for every size and weight; and pods suffice for each weight (I1, I2)."""
    keys = replace(KEYS, weights=(float(weight),), strategy=strategy)  # type: ignore[arg-type]
    try:
        steps = expand(keys, move(replicas), Features())
    except StepsRefused:
        assert replicas > 1
        return
    canary, stable, share = 0, replicas, 0
    for step in steps:
        match step:
            case Prepare(pods):
                canary = pods["api"]
            case Shift(share):
                assert canary >= needed(share, replicas)
            case Retire(left):
                stable = (left or {}).get("api", 0)
                assert stable >= needed(100 - share, replicas)
            case Judge():
                assert share / canary <= (100 - share) / stable
    assert (canary, stable, share) == (replicas, 0, 100)


@pytest.mark.parametrize(
    ("steps", "cursor", "first", "expected"),
    [
        ((Prepare({}), Shift(10), Judge(Until.WATCHED)), 2, False, WayBack.INSTANT),
        ((Shift(34), Retire({"api": 2}), Prepare({})), 2, False, WayBack.SLOW),
        ((Shift(34), Retire({"api": 2}), Prepare({})), 0, False, WayBack.INSTANT),
        ((Prepare({}), Shift(100)), 0, True, WayBack.INSTANT),
        ((Prepare({}), Shift(100)), 1, True, WayBack.NONE),
        ((Snapshot("pg"), Migrate("schema"), Prepare({})), 0, False, WayBack.INSTANT),
        ((Snapshot("pg"), Migrate("schema"), Prepare({})), 1, False, WayBack.RESTORE),
        ((Migrate("schema"), Prepare({})), 1, False, WayBack.NONE),
    ],
)
def test_the_way_back(steps: tuple[Step, ...], cursor: int, first: bool, expected: WayBack) -> None:
    """Warm pods are instant, retired ones slow; a migration needs its snapshot; a first release has none."""
    assert way_back(steps, cursor, first=first) is expected


def test_steps_are_described_in_order() -> None:
    """One numbered line a step, as `--dry-run` shows them."""
    lines = describe(expand(KEYS, move(18), Features()))
    assert lines[0] == "1 prepare 2 api"
    assert lines[2] == "3 judge: watched 60 s and 200 requests, at most 1800 s, else hold"
    assert lines[5] == "6 judge: certified, at most 1800 s, else hold"
    assert lines[-1] == "12 retire the old version"
    assert len(lines) == 12

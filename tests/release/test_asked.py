"""What people ask of a release: pause, resume, abort, approve, deny, waive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seaway.errors import NoWayBack, UsageError
from seaway.release.machine import Event, State
from seaway.release.steps import Approve, Retarget
from seaway.release.store import Ask
from tests.release.world import ENVIRONMENT, KEYS, ONE, THREE, TWO, World, begun, plan, predicates

pytestmark = pytest.mark.rootless
KEYS_OF_A_FIRST = replace(KEYS, bake=30.0)


def test_pause_stops_and_resume_judges_again(tmp_path: Path) -> None:
    """Paused it keeps its weight and is still watched; resumed it goes on to live."""
    world = begun(tmp_path)
    world.store.ask(ENVIRONMENT, Ask("pause", "alice", "lunch"))
    world.until(State.PAUSED)
    for _ in range(100):
        assert world.turn().row.position.state is State.PAUSED
    assert world.shares() == {"v2": 40.0, "v1": 60.0}
    world.store.ask(ENVIRONMENT, Ask("resume", "alice"))
    world.finish()
    assert world.state is State.LIVE


def test_a_paused_release_is_still_rolled_back(tmp_path: Path) -> None:
    """Watching goes on while paused."""
    world = begun(tmp_path, worse=True)
    world.store.ask(ENVIRONMENT, Ask("pause", "alice"))
    world.finish()
    assert world.events[-2:] == [Event.REGRESSED, Event.STABLE_WEIGHT_SEEN]


def test_abort_returns_and_says_who(tmp_path: Path) -> None:
    """Aborted in mid-canary: stable has everything, and the ledger has person and reason."""
    world = begun(tmp_path)
    world.store.ask(ENVIRONMENT, Ask("abort", "alice", "wrong day", 17))
    world.finish()
    assert (world.state, world.shares()) == (State.ROLLED_BACK, {"v1": 100.0})
    told = [each for each in predicates(world, "release-event") if each["event"] == "abort"]
    assert [(each["by"], each["reason"]) for each in told] == [("alice", "wrong day")]
    assert predicates(world, "metric-summary")[-1]["outcome"] == "aborted"


def test_abort_of_an_ended_release_does_nothing(tmp_path: Path) -> None:
    """I3: nothing in progress, nothing moves."""
    world = begun(tmp_path)
    world.finish()
    acts, pods = len(world.target.acts), dict(world.target.pods)
    world.store.ask(ENVIRONMENT, Ask("abort", "alice"))
    for _ in range(20):
        world.turn()
    assert (world.state, len(world.target.acts), world.target.pods) == (State.LIVE, acts, pods)


def test_an_approval_is_waited_for(tmp_path: Path) -> None:
    """Before all traffic the release waits for a person; approved it goes on, denied it goes back."""
    for verb, end in (("approve", State.LIVE), ("deny", State.ROLLED_BACK)):
        world = World(tmp_path / verb)
        release = plan(TWO, ONE)
        at = next(place for place, step in enumerate(release.steps) if isinstance(step, Retarget)) - 2
        world.submit(replace(release, steps=(*release.steps[:at], Approve("release-manager"), *release.steps[at:])))
        world.until(State.AWAITING)
        for _ in range(50):
            assert world.turn().row.position.state is State.AWAITING
        world.store.ask(ENVIRONMENT, Ask(verb, "bob"))
        world.finish()
        assert world.state is end


def test_what_a_state_does_not_know_is_refused_when_asked(tmp_path: Path) -> None:
    """An approval while judging, or a verb nobody knows: a clear error, and nothing is stored."""
    world = begun(tmp_path)
    with pytest.raises(UsageError, match="a release that is judging cannot be asked to approve"):
        world.store.ask(ENVIRONMENT, Ask("approve", "bob"))
    with pytest.raises(UsageError, match="'dance' is nothing"):
        world.store.ask(ENVIRONMENT, Ask("dance", "bob"))
    assert world.store.read(ENVIRONMENT).row.asked == ()


def test_waive_skips_the_judge_but_no_invariant(tmp_path: Path) -> None:
    """`resume --uncertified`: straight to the pods for all traffic, which still have to be ready first."""
    world = begun(tmp_path)
    world.store.ask(ENVIRONMENT, Ask("waive", "owner"))
    world.finish()
    assert world.events[3:6] == [Event.WAIVE, Event.READY, Event.WEIGHT_SEEN]
    assert (world.state, world.target.outages) == (State.LIVE, [])


def first(path: Path) -> World:
    """Returns a world in which nothing ran before and whose first release has all requests."""
    world = World(path, stable=None)
    world.submit(plan(TWO, None, KEYS_OF_A_FIRST))
    world.until(State.BAKING)
    return world


def test_nothing_before_a_first_release_is_returned_to(tmp_path: Path) -> None:
    """Once it has requests, abort and a newer release are refused with what can be done; before that it comes back."""
    world = first(tmp_path / "late")
    for verb in ("abort", "supersede"):
        with pytest.raises(NoWayBack, match="is its first") as refused:
            world.store.ask(ENVIRONMENT, Ask(verb, "alice"))
        assert "seaway down --on prod" in str(refused.value.hint)
    assert world.store.read(ENVIRONMENT).row.asked == ()
    world.finish()
    assert world.state is State.LIVE
    early = World(tmp_path / "early", stable=None)
    early.submit(plan(TWO, None))
    early.until(State.PREPARING)
    early.store.ask(ENVIRONMENT, Ask("abort", "alice"))
    early.finish()
    assert (early.state, early.target.pods) == (State.ROLLED_BACK, {})


def test_what_cannot_be_returned_is_said_once_and_blocks_nothing(tmp_path: Path) -> None:
    """Condemned answers the ask that led there: resumed, the release goes on instead of being condemned for ever."""
    world = first(tmp_path)
    world.submit(plan(THREE, None, KEYS_OF_A_FIRST, release=2))  # supersedes what has no way back
    assert world.until(State.HELD).row.asked == ()
    for _ in range(20):
        assert world.turn().event is None
    world.store.ask(ENVIRONMENT, Ask("resume", "alice"))
    world.until(State.LIVE)
    assert [event for event in world.events if event is Event.CONDEMNED] == [Event.CONDEMNED]


def test_a_waived_release_without_any_traffic_ends_live(tmp_path: Path) -> None:
    """What a person waived holds it no more while it bakes; not waived, silence holds it there too."""
    world = World(tmp_path)
    world.source.silent = True
    world.submit(plan(TWO, ONE))
    world.until(State.HELD)
    world.store.ask(ENVIRONMENT, Ask("waive", "owner", "nobody is up at night"))
    world.finish()
    assert (world.state, world.target.outages) == (State.LIVE, [])
    assert Event.BLIND not in world.events[world.events.index(Event.WAIVE) :]
    heard = begun(tmp_path / "heard")
    heard.until(State.BAKING)
    heard.source.silent = True
    assert heard.until(State.HELD).row.position.reason == Event.BLIND

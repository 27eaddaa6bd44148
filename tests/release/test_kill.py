"""Killed after every write: of the store, of the target, of the ledger; restarted, the release ends the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection

import pytest

from seaway.release.machine import State
from seaway.release.steps import Plan
from seaway.release.store import Ask, Store
from seaway.targets.base import Action
from tests.release.world import ENVIRONMENT, KEYS, ONE, THREE, TWO, World, plan, quick

pytestmark = pytest.mark.rootless


class SimulatedKill(BaseException):
    """The process is gone: nothing after this line runs."""


class Writes:
    """Counts durable writes and kills after the k-th; None never kills."""

    def __init__(self, after: int | None) -> None:
        self.after = after
        self.count = 0

    def wrote(self) -> None:
        """Notes one write."""
        self.count += 1
        if self.count == self.after:
            raise SimulatedKill


def killing(writes: Writes) -> type[Store]:
    """Returns a store that counts its writes."""

    class CountedStore(Store):
        @contextmanager
        def _writing(self) -> Iterator[Connection]:
            with super()._writing() as database:
                yield database
            writes.wrote()

    return CountedStore


def arranged(path: Path, writes: Writes, bad: Mapping[str, Mapping[str, float]]) -> World:
    """Returns a world in which every write is counted: rows, ticks and outbox, actions, ledger entries."""
    world = World(path, bad, killing(writes), pace=1.0)
    world.target.start = 0.5
    act, append = world.target.act, world.ledger.append

    def acted(action: Action, epoch: int) -> None:
        act(action, epoch)
        writes.wrote()

    def appended(payload: bytes) -> None:
        append(payload)
        writes.wrote()

    world.target.act = acted  # type: ignore[method-assign]  # the write is counted once it has happened
    world.ledger.append = appended  # type: ignore[method-assign]
    world.restart()
    return world


def drive(world: World, story: str) -> None:
    """Runs a release to its end: nothing else happens, or it is aborted, or another follows."""
    world.until(*BEGUN)
    if story == "abort":
        world.store.ask(ENVIRONMENT, Ask("abort", "alice"))
    if story == "another":
        world.submit(second())
    world.finish()


def ended(world: World) -> tuple[State, dict[str, float], list[str], list[str]]:
    """Returns what has to be equal whatever was killed: state, shares, pods' versions, outages."""
    pods = sorted(pod.service_version for pod in world.target.pods.values())
    return world.state, world.shares(), pods, world.target.outages


def told(world: World) -> list[tuple[str, str]]:
    """Returns the ledger's closing entries, having checked that transitions chain and sequences only grow.

    How often doubt came first depends on how long the agent was away, so the middle of a story may differ.
    """
    statements = [json.loads(payload) for payload in world.ledger.payloads]
    events = [each["predicate"] for each in statements if "release-event" in each["predicateType"]]
    for before, after in itertools.pairwise(events):
        assert before["sequence"] < after["sequence"]
        assert before["release"] != after["release"] or before["to"] == after["from"]
    closing = [each["predicate"] for each in statements if "metric-summary" in each["predicateType"]]
    return [(each["release"], each["outcome"]) for each in closing]


BEGUN = tuple(state for state in State if state not in (State.PLANNED, State.PREPARING, State.SHIFTING))
CLEAN: Mapping[str, Mapping[str, float]] = {"errors": {}}
BROKEN: Mapping[str, Mapping[str, float]] = {"errors": {"v2": 0.9}}
STORIES = [("nothing", CLEAN), ("nothing", BROKEN), ("abort", CLEAN), ("another", CLEAN)]


def first() -> Plan:
    """Returns the release that is killed: it bakes a second and is certified in two ticks."""
    return plan(TWO, ONE, replace(KEYS, bake=1.0), spec=quick())


def second() -> Plan:
    """Returns the release that follows."""
    return plan(THREE, ONE, replace(KEYS, bake=1.0), release=2, spec=quick())


@pytest.mark.parametrize(("story", "bad"), STORIES, ids=["live", "rolled back", "abort", "another"])
def test_killed_after_any_write_the_release_ends_the_same(
    tmp_path: Path, story: str, bad: Mapping[str, Mapping[str, float]]
) -> None:
    """For every k: kill after write k, restart, same end state, no outage at any instant, no entry lost or doubled."""
    writes = Writes(None)
    whole = arranged(tmp_path / "whole", writes, bad)
    whole.submit(first())
    drive(whole, story)
    for after in range(2, writes.count + 1):
        assert killed_at(tmp_path / str(after), after, story, bad) == (ended(whole), told(whole)), f"write {after}"
    assert writes.count > 20


def killed_at(
    path: Path, after: int, story: str, bad: Mapping[str, Mapping[str, float]]
) -> tuple[tuple[State, dict[str, float], list[str], list[str]], list[tuple[str, str]]]:
    """Runs the story with a kill after one write and an agent that starts again a second later."""
    writes = Writes(after)
    world = arranged(path, writes, bad)
    world.submit(first())
    asked = False
    while True:
        try:
            if not asked:
                world.until(*BEGUN)
                asked = True
                if story == "abort":
                    world.store.ask(ENVIRONMENT, Ask("abort", "alice"))
                if story == "another":
                    world.submit(second())
            world.finish()
            return ended(world), told(world)
        except SimulatedKill:
            world.now += 1.0
            world.restart()

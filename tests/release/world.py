"""A whole release in memory: a fake place and source beside the real store, judge, machine and loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.app.release_keys import JudgeKeys, ReleaseKeys
from seaway.errors import LedgerUnavailable
from seaway.release.controller import Controller, Turn, settled
from seaway.release.evidence import Criterion, Spec
from seaway.release.machine import Event, State
from seaway.release.steps import Party, Plan
from seaway.release.store import Store
from seaway.release.strategy import Move, expand
from seaway.targets.base import Version
from tests.fakes.sources import FakeSource
from tests.fakes.target import FakeTarget, version

ONE = version("one", api="v1", worker="w1")
TWO = version("two", api="v2", worker="w1")
THREE = version("three", api="v3", worker="w1")
WORSE: Mapping[str, Mapping[str, float]] = {"errors": {}, "helpful": {"v1": 0.373, "v2": 0.58, "v3": 0.2}}
BETTER: Mapping[str, Mapping[str, float]] = {"errors": {}, "helpful": {"v1": 0.412, "v2": 0.20, "v3": 0.2}}
KEYS = ReleaseKeys(strategy="canary", weights=(40.0,), bake=5.0, watch=10.0, judge=JudgeKeys(at_most=120.0))
START = 1_000_000.0
ENVIRONMENT = "prod"


def judged(seed: str = "demo") -> Spec:
    """Returns the demo's spec: errors by the absolute certificate, helpfulness relative to stable."""
    errors = Criterion("errors", ("api/errors",), bound=0.01, burst=1)
    return Spec(seed, (errors, Criterion("helpful", ("api/helpful",))))


def quick(seed: str = "quick") -> Spec:
    """Returns a spec that certifies a clean canary in two ticks."""
    return Spec(seed, (Criterion("errors", ("api/errors",), bound=0.05, delta=0.05, burst=1),))


def plan(
    canary: Version, stable: Version | None, keys: ReleaseKeys = KEYS, *, release: int = 1, spec: Spec | None = None
) -> Plan:
    """Returns the plan of a release between two versions."""
    parties = Party.of(canary), Party.of(stable) if stable else None
    steps = expand(keys, Move(*parties), FakeTarget().features)
    return Plan(release, ENVIRONMENT, canary.bundle, *parties, steps, spec or judged(), place="fake")


@dataclass
class Ledger:
    """Records each payload once, as the real one does; `down` refuses."""

    down: bool = False
    payloads: list[bytes] = field(default_factory=list)
    offered: int = 0

    def append(self, payload: bytes) -> None:
        """Records a statement's payload."""
        self.offered += 1
        if self.down:
            raise LedgerUnavailable("no ledger", hint="try again")
        if payload not in self.payloads:
            self.payloads.append(payload)


@dataclass
class World:
    """A place where version one runs, and what is needed to release onto it; the clock is `now`."""

    path: Path
    bad: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: BETTER)
    store_type: Callable[[Path], Store] = Store
    stable: Version | None = ONE
    pace: float = 0.25

    def __post_init__(self) -> None:
        self.now = START
        self.target = FakeTarget(now=START)
        if self.stable:
            self.target.run(self.stable)
        for each in (TWO, THREE):
            self.target.install(each)
        self.source = FakeSource(self.target, self.bad)
        self.ledger = Ledger()
        self.states: list[State] = []
        self.events: list[Event] = []
        self.last: Turn | None = None
        self.restart()

    def restart(self) -> None:
        """Starts the agent anew: nothing but the store's file and the target survives."""
        self.store = self.store_type(self.path / "release.sqlite")
        self.controller = Controller(self.store, self.target, [self.source], self.ledger.append)

    def submit(self, release: Plan) -> None:
        """Asks for a release."""
        self.store.submit(ENVIRONMENT, release, self.now)

    def turn(self) -> Turn:
        """Lets the agent take one turn, then time pass."""
        turn = self.controller.turn(ENVIRONMENT, self.now)
        self.now += self.pace
        self.last = turn
        if turn.event is not None:
            self.events.append(turn.event)
            self.states.append(turn.row.position.state)
        return turn

    def until(self, *states: State, within: float = 400.0) -> Turn:
        """Runs until a state is entered, or the release is settled; fails after `within` seconds."""
        end = self.now + within
        while self.now < end:
            turn = self.turn()
            if turn.row.position.state in states:
                return turn
        raise AssertionError(f"not {states} within {within} s: {self.states}")

    def finish(self, within: float = 400.0) -> Turn:
        """Runs until nothing is left to do."""
        end = self.now + within
        while self.now < end:
            turn = self.turn()
            if settled(turn.row, turn.seen) and turn.row.following is None and not self.store.outbox(ENVIRONMENT):
                return turn
        raise AssertionError(f"not settled within {within} s: {self.states}")

    @property
    def state(self) -> State:
        """Returns the stored state."""
        return self.store.read(ENVIRONMENT).row.position.state

    def shares(self) -> dict[str, float]:
        """Returns the shares of requests of the service api, without zeros."""
        return {name: share for name, share in self.target.shares["api"].items() if share}


def begun(path: Path, *, worse: bool = False) -> World:
    """Returns a world whose canary is being judged."""
    world = World(path, WORSE if worse else BETTER)
    world.submit(plan(TWO, ONE))
    world.until(State.JUDGING)
    return world


def predicates(world: World, kind: str) -> list[dict[str, object]]:
    """Returns the ledger's predicates of a type."""
    statements = [json.loads(payload) for payload in world.ledger.payloads]
    return [each["predicate"] for each in statements if each["predicateType"] == f"https://seaway.dev/{kind}/v0.1"]

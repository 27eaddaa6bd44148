"""A release on a cluster in memory: by pods and behind a gateway, live or back, and killed before any write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from seaway.app.extension import GatewayKeys
from seaway.app.release_keys import JudgeKeys, ReleaseKeys
from seaway.release.controller import Controller, settled
from seaway.release.machine import State
from seaway.release.resource import told
from seaway.release.steps import Party, Plan
from seaway.release.store import Store
from seaway.release.strategy import Move, expand
from seaway.targets.base import Features, Pod, Retarget, Scale, Shift
from seaway.targets.kubernetes.cluster import ROUTES, SERVICES
from seaway.targets.kubernetes.names import VERSION
from seaway.targets.kubernetes.resource import definition, release_object
from seaway.targets.kubernetes.setting import Exposure, Place
from seaway.targets.kubernetes.store import Installed
from seaway.targets.kubernetes.target import KubernetesTarget
from tests.fakes.api import FakeApi
from tests.fakes.sources import FakeSource
from tests.fakes.target import FakeTarget
from tests.release.world import Ledger, quick
from tests.targets.kubernetes.test_target import HERE, NAMESPACE, Dies
from tests.targets.kubernetes.world import API, installed

pytestmark = pytest.mark.rootless

LONG = os.environ.get("SEAWAY_LONG") == "1"
ENVIRONMENT = "prod"
KEYS = ReleaseKeys(strategy="canary", weights=(40.0,), bake=2.0, watch=2.0, judge=JudgeKeys(at_most=120.0))
OPEN = replace(API, depends_on=(), replicas=3)
ROUTED = replace(
    HERE, services={"api": Place(expose=Exposure("", "/", 8080, 60.0))}, gateway=GatewayKeys("edge", "gateway")
)


class Seen:
    """A target's last look, as the source in memory counts it."""

    def __init__(self, target: KubernetesTarget) -> None:
        self._target = target

    @property
    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """The shares of each service."""
        return self._target.seen.weights if self._target.seen else {}

    @property
    def pods(self) -> Mapping[str, Pod]:
        """The pods by name."""
        return {pod.id: pod for pod in self._target.seen.pods} if self._target.seen else {}


class World:
    """A cluster where version one is live, and the agent that releases version two."""

    def __init__(self, path: Path, *, gateway: bool = False, worse: bool = False) -> None:
        setting = ROUTED if gateway else HERE
        self.path, self.gateway = path, gateway
        self.one = installed(OPEN, setting=setting)
        self.two = installed(replace(OPEN, environment={"ANSWER": "no"}), setting=setting)
        self.bad = {"errors": {self.name(self.two): 0.5 if worse else 0.0}}
        self.api, self.now, self.ledger = FakeApi(), 1_000_000.0, Ledger()
        self.outages: list[str] = []
        self.restart()
        self._go_live()

    def name(self, made: Installed) -> str:
        """Returns the version of the one service."""
        return made.version.service_versions["api"]

    def restart(self) -> None:
        """Starts the agent anew: its store and the cluster are all there is."""
        self.target = KubernetesTarget(self.api, NAMESPACE, "shop")
        self.store = Store(self.path / "release.sqlite")
        source = FakeSource(cast(FakeTarget, Seen(self.target)), self.bad)
        self.controller = Controller(self.store, self.target, [source], self.ledger.append)

    def _go_live(self) -> None:
        for made in (self.one, self.two):
            self.target.store.install(made)
        digest = self.one.version.digest
        for action in (Scale(digest, {"api": 3}), Shift({digest: 100}), Retarget(digest)):
            self.target.act(action, 0)
        for _ in range(10):
            self.now += 1
            self.target.observe(self.now)

    def plan(self) -> Plan:
        """Plans the release of version two."""
        canary, stable = Party.of(self.two.version), Party.of(self.one.version)
        features = Features() if self.gateway else Features(by_pods=frozenset({"api"}))
        steps = expand(KEYS, Move(canary, stable), features)
        return Plan(1, ENVIRONMENT, self.two.version.bundle, canary, stable, steps, quick(), place="fake")

    def begin(self) -> None:
        """Asks for the release, unless that was done."""
        known = self.store.keys()
        if ENVIRONMENT not in known:
            self.store.submit(ENVIRONMENT, self.plan(), self.now)

    def finish(self) -> State:
        """Runs to the end, killed or not; at every instant somebody ready has the requests."""
        for _ in range(2000):
            try:
                self.begin()
                turn = self.controller.turn(ENVIRONMENT, self.now)
            except Dies:
                self.restart()
                continue
            self.now += 0.5
            self._watch()
            if settled(turn.row, turn.seen) and not self.store.outbox(ENVIRONMENT):
                return turn.row.position.state
        raise AssertionError(f"never settled: {turn.row.position}")

    def _watch(self) -> None:
        """Notes an instant at which a request finds nobody: no endpoint, or a backend with weight and no pod."""
        shares = self.target.seen.weights.get("api", {}) if self.target.seen else {}
        ready = {pod.service_version for pod in self.target.seen.pods if pod.ready} if self.target.seen else set()
        if not shares or any(share and name not in ready for name, share in shares.items()):
            self.outages.append(f"{self.now}: {dict(shares)} of {ready}")

    def end(self) -> set[tuple[str, str]]:
        """Returns what is there, apart from pods."""
        return {(kind, name) for kind, within, name in self.api.items if within == NAMESPACE and kind != "pods"}


@pytest.fixture(params=[False, True], ids=["pods", "gateway"])
def gateway(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Returns each way to split requests."""
    yield request.param


def test_a_better_version_goes_live(gateway: bool, tmp_path: Path) -> None:
    """At the end it alone is there, and has all requests."""
    world = World(tmp_path, gateway=gateway)
    assert world.finish() is State.LIVE and not world.outages
    service = world.api.get(SERVICES, NAMESPACE, "api")
    assert service is not None and service["spec"]["selector"][VERSION] == world.name(world.two)
    assert {name for kind, name in world.end() if kind == "deployments"} == {f"api-{world.name(world.two)}"}


def test_a_worse_version_comes_back(gateway: bool, tmp_path: Path) -> None:
    """Stable has all requests again, configuration included, and the canary is cleared away."""
    world = World(tmp_path, gateway=gateway, worse=True)
    assert world.finish() is State.ROLLED_BACK and not world.outages
    assert {name for kind, name in world.end() if kind == "deployments"} == {f"api-{world.name(world.one)}"}
    seen = world.target.observe(world.now)
    assert seen.stable == world.one.version.digest and seen.weights["api"] == {world.name(world.one): 100.0}


def test_the_canary_has_no_request_before_its_weight(gateway: bool, tmp_path: Path) -> None:
    """While it is prepared, requests go to stable alone; then it has the share that was planned."""
    world = World(tmp_path, gateway=gateway)
    world.begin()
    shares: list[float] = []
    state = State.PLANNED
    while state not in (State.LIVE, State.ROLLED_BACK):
        turn = world.controller.turn(ENVIRONMENT, world.now)
        state = turn.row.position.state
        world.now += 0.5
        share = turn.seen.weights.get("api", {}).get(world.name(world.two), 0.0)
        if state in (State.PLANNED, State.PREPARING) and world.store.read(ENVIRONMENT).row.position.cursor <= 0:
            assert share == 0.0
        if state is State.JUDGING:
            shares.append(share)
    assert shares and all(abs(share - 40.0) < 2.0 for share in shares)


def test_behind_a_gateway_the_weights_are_those_of_the_route(tmp_path: Path) -> None:
    """Two Services and one route; a share needs no number of pods."""
    world = World(tmp_path, gateway=True)
    world.begin()
    while world.controller.turn(ENVIRONMENT, world.now).row.position.state is not State.JUDGING:
        world.now += 0.5
    route = world.api.get(ROUTES, NAMESPACE, "api")
    assert route is not None
    weights = {each["name"]: each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]}
    assert weights == {f"api-{world.name(world.one)}": 60, f"api-{world.name(world.two)}": 40}


@pytest.mark.parametrize("worse", [False, True], ids=["live", "back"])
def test_an_agent_that_dies_before_any_write_comes_to_the_same_end(gateway: bool, worse: bool, tmp_path: Path) -> None:
    """Killed before a write and restarted: the same end, and nobody was sent to nobody (long lane: every write)."""
    first = World(tmp_path / "first", gateway=gateway, worse=worse)
    begun = first.api.writes
    wanted = first.finish(), first.end()
    for number in range(begun + 1, first.api.writes + 1, 1 if LONG else 11):
        world = World(tmp_path / str(number), gateway=gateway, worse=worse)

        def dies(at: int, number: int = number) -> None:
            if at == number:
                raise Dies

        world.api.before_write = dies
        assert (world.finish(), world.end()) == wanted, f"killed before write {number}"
        assert not world.outages


def test_a_release_is_told_in_the_fields_of_its_resource(tmp_path: Path) -> None:
    """Spec and status have no field that the closed schema lacks."""
    world = World(tmp_path)
    world.begin()
    world.controller.turn(ENVIRONMENT, world.now)
    spec, status = told(world.store.read(ENVIRONMENT).row, 0)
    schema = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]  # type: ignore[index]
    assert set(spec) <= set(schema["spec"]["properties"]) and set(status) <= set(schema["status"]["properties"])
    assert release_object("shop", NAMESPACE, spec, status)["kind"] == "Release"

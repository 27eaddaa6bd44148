"""One turn of an environment: look at the cells, decide, start, probe, route, let go. All of it derived again.

Order within a turn: nothing is stopped while a route that Envoy has accepted names it or a request is in flight
there; nothing is routed to before Envoy serves its cluster. What fails is a fault of the turn, shown by `observe`;
the other services go on. Waiting is measured on the monotonic clock, so a clock set back stops nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from seaway.errors import SeawayError
from seaway.targets.blueprint import Workload
from seaway.targets.envoy import Backend, Front
from seaway.targets.process.addresses import Places
from seaway.targets.process.admin import View
from seaway.targets.process.cells import Cell, CellState
from seaway.targets.process.engine import Engine, processes
from seaway.targets.process.fronts import Traffic
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import Plan, Wanted, decide, wanted_of
from seaway.targets.process.probes import Prober
from seaway.targets.process.store import Store
from seaway.targets.process.wishes import Versions, Wishes

SETTLED = 0.3
LONGEST_DRAIN = 30.0
KEPT_ENDED = 5


@dataclass
class Look:
    """What a turn saw and decided; what `observe` answers from."""

    at: float = 0.0
    cells: Sequence[Cell] = ()
    ready: set[str] = field(default_factory=set)
    wanted: Sequence[Wanted] = ()
    plan: Plan = field(default_factory=lambda: Plan((), (), {}))
    view: View = field(default_factory=View)
    fronts: tuple[Front, ...] = ()
    faults: list[str] = field(default_factory=list)

    def guard(self, act: Callable[[], None]) -> None:
        """Does one thing of the turn; what fails is a fault of the turn and nothing more."""
        try:
            act()
        except (SeawayError, OSError) as fault:
            self.faults.append(str(fault))


class Supervisor:
    """Keeps one environment as it is wished; whoever replaces it after a kill goes on from what lies on disk."""

    def __init__(self, paths: EnvironmentPaths, engine: Engine | None = None) -> None:
        paths.make()
        self.paths = paths
        self.store = Store(paths)
        engine = engine or processes(paths)
        self.cells, self.launcher, self.fronts = engine.replicas, engine.starter, engine.proxy
        self.look = Look()
        self._prober = Prober(self.launcher.asks, shared=self.launcher.shares_network)
        self._adopted = False
        self._leaving: dict[str, float] = {}
        self._idle: dict[str, float] = {}

    def turn(self, now: float) -> Look:
        """Takes one turn and returns what it saw; a fault in one service holds back no other."""
        wishes, installed = self.store.wishes(), self.store.installed()
        versions = {digest: each.version for digest, each in installed.items()}
        look = Look(now, self.cells.seen(), wanted=wanted_of(wishes, versions))
        self.cells.settle(look.cells)
        addresses = self.launcher.places(() if wishes.down else _services(versions))
        look.ready = self._probe(look)
        look.plan = decide(look.wanted, look.cells, look.ready, now)
        for start in look.plan.start:
            source = installed[start.wanted.version.digest]
            look.guard(partial(self.launcher.start, start, source, addresses))
        look.guard(partial(self._route, look, wishes, versions, addresses))
        self._let_go(look, at_once=wishes.down)
        self._clear(look)
        self.look = look
        return look

    def close(self) -> None:
        """Ends the threads; cells and Envoy go on."""
        self._prober.close()

    def _probe(self, look: Look) -> set[str]:
        if not self._adopted:
            self._prober.adopt(look.cells, self.fronts.routed_pods())
            self._adopted = True
        pods = [
            (cell, each.workload)
            for cell in look.cells
            for each in look.wanted
            if cell.state is CellState.RUNNING and each.holds(cell) and not each.job
        ]
        return self._prober.turn(pods, time.monotonic())

    def _route(self, look: Look, wishes: Wishes, versions: Versions, addresses: Places) -> None:
        if wishes.down:
            if all(cell.state is CellState.ENDED for cell in look.cells):
                self.fronts.stop()
            return
        look.fronts = _fronts(wishes, versions, addresses)
        backends = tuple(
            Backend(cell.id, cell.replica.service, cell.replica.service_version, cell.replica.address)
            for cell in self._serving(look, _stable(wishes, versions))
        )
        services = {front.service for front in look.fronts}
        shares = {service: wishes.share(service, versions) for service in services}
        look.view = self.fronts.turn(Traffic(look.fronts, backends, shares), addresses)

    def _serving(self, look: Look, stable: Mapping[str, str]) -> list[Cell]:
        """Returns the cells that get requests: the ready ones, and of a stable version without one those that were.

        When every replica of what was good fails its check at once, the machine is the likelier cause, and "no healthy
        upstream" the worst of answers. A canary that fails its checks loses its share instead.
        """
        leaving = {cell.id for cell in look.plan.leave}
        running = [cell for cell in look.cells if cell.state is CellState.RUNNING and cell.id not in leaving]
        ready = [cell for cell in running if cell.id in look.ready]
        deserted = stable.items() - {(cell.replica.service, cell.replica.service_version) for cell in ready}
        proven = [cell for cell in running if cell.id in self._prober.proven()]
        return ready + [cell for cell in proven if (cell.replica.service, cell.replica.service_version) in deserted]

    def _let_go(self, look: Look, *, at_once: bool) -> None:
        """Stops what is not wanted once no accepted route names it and no request is in flight there."""
        now, names = time.monotonic(), {cell.id for cell in look.plan.leave}
        self._leaving = {name: self._leaving.get(name, now) for name in names}
        self._idle = {name: since for name, since in self._idle.items() if name in names}
        routed = {cluster.rpartition("~")[0] for cluster in look.view.routed()}
        blind = not look.view.clusters and self.fronts.runs()  # Envoy runs but told nothing
        for cell in look.plan.leave:
            if cell.id in routed or look.view.active.get(cell.replica.address, 0) or blind:
                self._idle.pop(cell.id, None)
            idle = now - self._idle.setdefault(cell.id, now) if cell.id not in routed and not blind else 0.0
            if at_once or idle >= SETTLED or now - self._leaving[cell.id] >= LONGEST_DRAIN:
                self.cells.stop(cell)

    def _clear(self, look: Look) -> None:
        """Forgets replicas that ended and are not wanted, the last few of each service apart: their logs are read."""
        over = [cell for cell in look.cells if cell.state is CellState.ENDED and cell.id not in look.plan.held]
        for service in {cell.replica.service for cell in over}:
            own = sorted((cell for cell in over if cell.replica.service == service), key=lambda cell: -cell.ended)
            for cell in own[KEPT_ENDED:]:
                self.cells.forget(cell)


def _stable(wishes: Wishes, versions: Versions) -> Mapping[str, str]:
    """Returns the stable version of each service."""
    version = versions.get(wishes.stable) if wishes.stable else None
    return version.service_versions if version else {}


def _services(versions: Versions) -> tuple[str, ...]:
    return tuple(sorted({name for version in versions.values() for name in version.service_versions}))


def _fronts(wishes: Wishes, versions: Versions, addresses: Places) -> tuple[Front, ...]:
    """Returns the fronts of the active versions; where they differ the stable one decides."""
    order = [each for each in wishes.active if each != wishes.stable] + ([wishes.stable] if wishes.stable else [])
    found: dict[str, Front] = {}
    for digest in order:
        if version := versions.get(digest):
            for workload in version.blueprint.workloads:
                found |= {front.name: front for front in _fronts_of(workload, addresses)}
    return tuple(found[name] for name in sorted(found))


def _fronts_of(workload: Workload, addresses: Places) -> list[Front]:
    own = addresses.front(workload.service)
    return [
        Front(
            workload.service,
            port.target,
            own,
            http=port.http,
            published=(port.host, port.published) if port.published else None,
            names=workload.aliases,
        )
        for port in workload.ports
        if port.protocol == "tcp"
    ]

"""What a supervisor works with, so that one program keeps processes and containers alike.

A supervisor decides; an engine says what is there, starts, stops, asks, and runs Envoy. Everything an engine keeps is
found again by looking, so a supervisor that was killed is replaced by one that knows nothing.

Not here: decisions (`plan.py`, `supervisor.py`), and the engine of containers (`targets/docker`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seaway.targets.process.addresses import Places
from seaway.targets.process.admin import View
from seaway.targets.process.cells import Cell, Cells
from seaway.targets.process.fronts import Fronts, Traffic
from seaway.targets.process.launcher import Launcher
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import Start
from seaway.targets.process.store import Installed


class Replicas(Protocol):
    """The replicas of an environment as they are found."""

    def seen(self) -> list[Cell]:
        """Returns what is there, in order of service, version and slot; changes nothing."""

    def settle(self, cells: Sequence[Cell]) -> None:
        """Ends or completes what a killed supervisor left between two steps."""

    def stop(self, cell: Cell) -> None:
        """Asks a replica to end; never waits, and repeating it does not restart the grace period."""

    def forget(self, cell: Cell) -> None:
        """Removes what is left of a replica that has ended."""


class Starter(Protocol):
    """How replicas are made, and joined while they run."""

    @property
    def says(self) -> str:
        """How replicas are made here, in one line for people."""

    @property
    def shares_network(self) -> bool:
        """Whether a replica's `localhost` is everybody's, so that its own address must stand for it."""

    def places(self, services: Sequence[str]) -> Places:
        """Returns the addresses with a place for each service."""

    def start(self, start: Start, installed: Installed, addresses: Places) -> None:
        """Starts a run of a replica, at a free address if it has none yet; repeating it changes nothing."""

    def asks(self, cell: Cell, argv: Sequence[str], seconds: float) -> bool:
        """Tells whether a command in a replica ends with 0 in time."""

    def attend(self, cell: Cell, argv: Sequence[str]) -> int:
        """Runs a command in a replica on this terminal and returns its exit code."""


class Proxy(Protocol):
    """Envoy in front of the services."""

    def turn(self, traffic: Traffic, addresses: Places) -> View:
        """Does what is due and returns what Envoy said."""

    def stop(self) -> None:
        """Ends Envoy and all that stood for it."""

    def runs(self) -> bool:
        """Tells whether it is there."""

    def routed_pods(self) -> set[str]:
        """Returns the pods that the routes on disk name: who was ready when the last supervisor looked."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The three together."""

    replicas: Replicas
    starter: Starter
    proxy: Proxy


def processes(paths: EnvironmentPaths) -> Engine:
    """Returns the engine of cells on this machine."""
    cells = Cells(paths.cells)
    launcher = Launcher(paths, cells)
    return Engine(cells, launcher, Fronts(paths.envoy, f"{paths.app}-{paths.environment}"))

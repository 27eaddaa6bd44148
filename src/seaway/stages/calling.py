"""Reaching the agent that may be there already; starting it is in `running.py`."""

from __future__ import annotations

from seaway.digest import Digest
from seaway.project import Project
from seaway.targets.opening import open_target
from seaway.targets.process.cells import CellState
from seaway.targets.process.client import AgentClient
from seaway.targets.process.store import Store


def known_agent(space: Project) -> AgentClient:
    """Returns the project's agent, which is not started; asking raises AgentMissing if nobody is there."""
    return AgentClient(space.paths.socket)


def runs(space: Project, environment: str) -> bool:
    """Whether any replica of an environment runs, as disk or engine say; needs no agent."""
    paths = space.paths.environment(environment)
    if not paths.folder.is_dir():
        return False
    target = open_target(paths)
    try:
        return any(cell.state is not CellState.ENDED for cell in target.supervisor.cells.seen())
    finally:
        target.supervisor.close()


def running_bundle(space: Project, environment: str) -> Digest | None:
    """Returns the bundle that runs on this machine, whatever the ledger remembers; None where no replica runs."""
    if not runs(space, environment):
        return None
    store = Store(space.paths.environment(environment))
    stable = store.wishes().stable
    return next((each.version.bundle for digest, each in store.installed().items() if digest == stable), None)

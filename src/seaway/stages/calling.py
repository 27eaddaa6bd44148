"""Reaching the agent that may be there already; starting it is in `running.py`."""

from __future__ import annotations

from seaway.project import Project
from seaway.targets.opening import open_target
from seaway.targets.process.cells import CellState
from seaway.targets.process.client import AgentClient


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

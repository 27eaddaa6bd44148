"""Reaching the agent that may be there already; starting it is in `running.py`."""

from __future__ import annotations

from seaway.project import Project
from seaway.targets.process.cells import Cells, CellState
from seaway.targets.process.client import AgentClient


def known_agent(space: Project) -> AgentClient:
    """Returns the project's agent, which is not started; asking raises AgentMissing if nobody is there."""
    return AgentClient(space.paths.socket)


def runs(space: Project, environment: str) -> bool:
    """Whether any replica of an environment runs, as the disk says; needs no agent."""
    cells = space.paths.environment(environment).cells
    return cells.is_dir() and any(cell.state is not CellState.ENDED for cell in Cells(cells).seen())

"""An agent that knows processes alone: `python -m seaway.targets.process FOLDER APP`."""

from __future__ import annotations

import sys
from pathlib import Path

from seaway.targets.process.agent import Agent, run_agent
from seaway.targets.process.paths import ProjectPaths

if __name__ == "__main__":
    run_agent(Agent(ProjectPaths(Path(sys.argv[1]), sys.argv[2])))

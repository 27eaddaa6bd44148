"""Who answers for an environment: the stage of clusters is loaded only where one is asked, since it takes its time."""

from __future__ import annotations

import importlib
from typing import Any

from seaway.project import Project


def on_cluster(space: Project, environment: str) -> Any:
    """Returns the stage that asks clusters, None for an environment on this machine."""
    if space.load(environment).environment.target != "kubernetes":
        return None
    return importlib.import_module("seaway.stages.cluster")

"""`seaway ps`: what runs."""

from __future__ import annotations

import time
from typing import Any

import click

from seaway.cli.frame import command, project
from seaway.cli.output import Output
from seaway.cli.place import on_cluster
from seaway.errors import AgentMissing
from seaway.project import Project
from seaway.stages.calling import known_agent, runs


@command("ps")
@click.option("--on", "environment", metavar="ENV", help="Only this environment (default: all on this machine).")
def ps_(output: Output, environment: str | None) -> None:
    """List replicas and jobs with version, address, state and age."""
    space = project()
    names = [space.environment(environment)] if environment else space.paths.environments()
    found = [{"environment": name, **row} for name in names for row in _rows(space, name)]
    rows = [
        (
            row["environment"],
            row["pod"],
            row["version"],
            row["address"],
            "ready" if row["ready"] else row["state"],
            f"{time.time() - row['since']:.0f} s" if row["since"] else "",
            row["restarts"],
            row["reason"],
        )
        for row in found
    ]
    header = ("environment", "pod", "version", "address", "state", "age", "restarts", "reason")
    output.data(found, output.table(rows, header))


def _rows(space: Project, environment: str) -> list[dict[str, Any]]:
    """Returns what the agent sees; without an agent nothing, unless replicas run that nobody keeps."""
    rows: list[dict[str, Any]]
    if cluster := on_cluster(space, environment):
        rows = cluster.rows(space, environment)
        return rows
    try:
        rows = known_agent(space).ask("ps", environment=environment)
    except AgentMissing:
        if runs(space, environment):
            raise
        return []
    return rows

"""`seaway ps`: what runs."""

from __future__ import annotations

import time

import click

from seaway.cli.frame import command, workspace
from seaway.cli.output import Output
from seaway.stages.running import known_agent


@command("ps")
@click.option("--on", "environment", metavar="ENV", help="Only this environment (default: all).")
def ps_(output: Output, environment: str | None) -> None:
    """List replicas and jobs with version, address, state and age."""
    space = workspace()
    names = [space.environment(environment)] if environment else space.paths.environments()
    client = known_agent(space)
    found = [{"environment": name, **row} for name in names for row in client.ask("ps", environment=name)]
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

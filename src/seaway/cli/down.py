"""`seaway down`: stops what runs of this app on this machine."""

from __future__ import annotations

import time

import click

from seaway.cli.frame import command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.place import on_cluster
from seaway.errors import AgentMissing, EngineUnavailable
from seaway.stages.calling import known_agent, runs
from seaway.stages.running import agent

_PATIENCE = 60.0


@command("down")
@click.option("--on", "environment", metavar="ENV", help="Only this environment (default: all on this machine).")
def down_(output: Output, environment: str | None) -> None:
    """Stop every replica and Envoy of this app, and the agent; volumes, images and the ledger stay."""
    space = workspace()
    if environment and (cluster := on_cluster(space, space.environment(environment))):
        ran = cluster.down(space, environment)
        output.data(
            {"stopped": [environment] if ran else []}, f"stopped: {environment if ran else 'nothing was running'}"
        )
        return
    names = [space.environment(environment)] if environment else space.paths.environments()
    stopped = [name for name in names if runs(space, name)]
    client = agent(space) if names else known_agent(space)
    for name in names:
        client.ask("down", environment=name)
        _wait(client, name)
    if environment is None:
        try:
            client.ask("quit")
        except AgentMissing:
            output.detail("no agent was running")
    output.data({"stopped": stopped}, f"stopped: {', '.join(stopped) or 'nothing was running'}")


def _wait(client: object, name: str) -> None:
    until = time.monotonic() + _PATIENCE
    while [row for row in client.ask("ps", environment=name) if row["state"] != "ended"]:  # type: ignore[attr-defined]
        if time.monotonic() > until:
            raise EngineUnavailable(f"{name} did not stop within {_PATIENCE:.0f} s", hint="seaway ps")
        time.sleep(0.1)

"""`seaway agent`: the supervisor program of this machine."""

from __future__ import annotations

import click

from seaway.cli.frame import subcommand, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.stages import agents
from seaway.stages.calling import known_agent
from seaway.stages.running import agent
from seaway.targets.kubernetes.manifest import documents


@click.group("agent")
def agent_() -> None:
    """The program that keeps the app and its releases going on this machine."""


@subcommand(agent_, "start")
def start(output: Output) -> None:
    """Start the agent if it does not run; it adopts what runs."""
    agent(workspace())
    output.data({"running": True}, "the agent runs")


@subcommand(agent_, "stop")
def stop(output: Output) -> None:
    """End the agent; what runs goes on, unwatched."""
    known_agent(workspace()).ask("quit")
    output.data({"running": False}, "the agent ended; what it started goes on")


@subcommand(agent_, "install")
@click.argument("environment")
@click.option("--dry-run", is_flag=True, help="Show the objects and end.")
@click.option("-y", "--yes", is_flag=True, help="Apply without asking.")
def install(output: Output, environment: str, dry_run: bool, yes: bool) -> None:
    """Give the agent its account on ENVIRONMENT's cluster: rights of one namespace, the Release resource, admission.

    Shows every object first and asks; an administrator runs it once. The agent itself keeps running on this machine
    and uses that account from then on.
    """
    space = workspace()
    name = space.environment(environment)
    wanted = agents.objects(space, name)
    text = documents(wanted)
    if dry_run:
        output.data(list(wanted), text.rstrip("\n"))
        return
    if not yes:
        output.say(text)
        click.confirm(f"apply these {len(wanted)} objects?", abort=True, err=True)
    place = agents.install(space, name, teller(output))
    agent(space)
    told = {"environment": name, "namespace": place.namespace, "objects": len(wanted)}
    output.data(told, f"the agent of {name} has its account in {place.namespace}")


@subcommand(agent_, "uninstall")
@click.argument("environment")
def uninstall(output: Output, environment: str) -> None:
    """Take the agent's account, policies and Release away from ENVIRONMENT's cluster; the app runs on."""
    space = workspace()
    name = space.environment(environment)
    removed = agents.uninstall(space, name, teller(output))
    output.data({"environment": name, "removed": removed}, "\n".join(removed))

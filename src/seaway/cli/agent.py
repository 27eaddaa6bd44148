"""`seaway agent`: the supervisor program of this machine."""

from __future__ import annotations

import click

from seaway.cli.frame import subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.errors import NotYet
from seaway.stages.calling import known_agent
from seaway.stages.running import agent


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
def install(output: Output, environment: str) -> None:  # noqa: ARG001
    """Install the agent into a cluster, or as a service of this machine."""
    raise NotYet(f"installing the agent for {environment}", hint="seaway agent start; every command starts it too")

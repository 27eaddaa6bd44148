"""`seaway exec`: a command inside a running replica."""

from __future__ import annotations

import subprocess

import click

from seaway.cli.frame import command, workspace
from seaway.cli.output import Output
from seaway.errors import NameUnknown
from seaway.targets.process.cells import CellState
from seaway.targets.process.supervisor import Supervisor


@command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("service")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--on", "environment", metavar="ENV", help="The environment (default: the first).")
@click.option("--index", type=int, default=1, show_default=True, help="Which replica, as in Compose.")
def exec_(output: Output, service: str, argv: tuple[str, ...], environment: str | None, index: int) -> int:  # noqa: ARG001
    """Run a command in a replica of SERVICE, as its user and with its environment; exits as the command does."""
    space = workspace()
    supervisor = Supervisor(space.paths.environment(space.environment(environment)))
    running = [
        cell for cell in supervisor.cells.seen() if cell.replica.service == service and cell.state is CellState.RUNNING
    ]
    if not 0 < index <= len(running):
        raise NameUnknown(f"{service} has {len(running)} running replicas", hint="seaway ps")
    try:
        return subprocess.call(supervisor.launcher.enter(running[index - 1], argv))
    finally:
        supervisor.close()

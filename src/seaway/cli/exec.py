"""`seaway exec`: a command inside a running replica."""

from __future__ import annotations

import click

from seaway.cli.frame import command, project
from seaway.cli.output import Output
from seaway.cli.place import on_cluster
from seaway.errors import NameUnknown
from seaway.targets.opening import open_target
from seaway.targets.process.cells import CellState


@command("exec", context_settings={"allow_interspersed_args": False})
@click.argument("service")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--on", "environment", metavar="ENV", help="The environment (default: the first).")
@click.option("-i", "--interactive", is_flag=True, help="Accepted as in Compose; input is always passed on.")
@click.option("-t", "-T", "--tty", is_flag=True, help="Accepted as in Compose; the command has your own terminal.")
@click.option("--index", type=int, default=1, show_default=True, help="Which replica, as in Compose.")
def exec_(output: Output, service: str, argv: tuple[str, ...], environment: str | None, index: int, **_: bool) -> int:  # noqa: ARG001
    """Run a command in a replica of SERVICE, as its user and with its environment; exits as the command does."""
    space = project()
    space.require_service(service)
    name = space.environment(environment)
    if cluster := on_cluster(space, name):
        code: int = cluster.run(space, name, service, argv, index)
        return code
    if name not in space.paths.environments():
        raise NameUnknown(f"nothing runs in {name}", hint=f"seaway up --on {name}")
    supervisor = open_target(space.paths.environment(name)).supervisor
    running = [
        cell for cell in supervisor.cells.seen() if cell.replica.service == service and cell.state is CellState.RUNNING
    ]
    if not 0 < index <= len(running):
        raise NameUnknown(f"{service} has {_count(len(running))}, not a number {index}", hint="seaway ps")
    try:
        return supervisor.launcher.attend(running[index - 1], argv)
    finally:
        supervisor.close()


def _count(running: int) -> str:
    return f"{running or 'no'} running replica{'' if running == 1 else 's'}"

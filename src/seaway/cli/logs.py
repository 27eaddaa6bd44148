"""`seaway logs`: what the services wrote."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from seaway.cli.frame import command, project
from seaway.cli.output import Output
from seaway.cli.place import on_cluster
from seaway.targets.opening import open_target


@command("logs")
@click.argument("services", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on as more is written.")
@click.option("-n", "--tail", type=int, metavar="N", help="Only the last N lines.")
@click.option("-t", "--timestamps", is_flag=True, help="With the time of each line.")
@click.option("--on", "environment", metavar="ENV", help="The environment (default: the first).")
def logs_(
    output: Output, services: tuple[str, ...], follow: bool, tail: int | None, timestamps: bool, environment: str | None
) -> None:
    """Show what services wrote to stdout and stderr, merged by time; also after they have ended."""
    space = project()
    for service in services:
        space.require_service(service)
    name = space.environment(environment)
    if cluster := on_cluster(space, name):
        _follow(output, lambda: cluster.logs(space, name, services, tail), timestamps, follow=follow)
        return
    if name not in space.paths.environments():
        return
    logs = open_target(space.paths.environment(name)).logs()
    lines = list(logs.lines(services))
    for line in lines[-tail:] if tail else lines:
        _show(output, line, timestamps)
    while follow:
        for line in logs.lines(services):
            _show(output, line, timestamps)
        time.sleep(0.2)


def _follow(output: Output, read: Callable[[], list[tuple[str, str, str]]], timestamps: bool, *, follow: bool) -> None:
    """Shows what pods wrote, and what they write from now on: a line is shown once."""
    shown: set[tuple[str, str, str]] = set()
    while True:
        for line in read():
            if line not in shown:
                shown.add(line)
                at, pod, text = line
                output.item({"at": at, "pod": pod, "text": text}, f"{at + ' ' if timestamps else ''}{pod}  | {text}")
        if not follow:
            return
        time.sleep(1.0)


def _show(output: Output, line: object, timestamps: bool) -> None:
    at, pod, text = line.at, line.pod, line.text  # type: ignore[attr-defined]
    clock = time.strftime("%H:%M:%S ", time.localtime(at)) if timestamps else ""
    output.item({"at": at, "pod": pod, "text": text}, f"{clock}{pod}  | {text}")

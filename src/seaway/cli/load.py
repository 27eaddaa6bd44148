"""`seaway load`: the app's own requests, at a steady rate."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import click

from seaway.cli.frame import command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.stages.loading import Tally, send
from seaway.telemetry.sender import Plan


@command("load")
@click.argument("environment")
@click.option("--rate", type=click.FloatRange(min=0.1), metavar="N", help="Requests a second (default: x-seaway.load).")
@click.option("--for", "seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Seconds.")
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="A JSON line for each request.")
@click.option("--until-file", type=click.Path(path_type=Path), hidden=True, help="Ends when this file appears.")
def load_(
    output: Output, environment: str, rate: float | None, seconds: float, log: Path | None, until_file: Path | None
) -> int:
    """Send the requests of x-seaway.load to ENVIRONMENT, count the answers, label the outcomes.

    A request is due every 1/rate seconds whatever the app does. Requests carry a header by which they are counted
    apart from users'; what each answer was expected to hold goes to the pod that gave it. Exits 1 if any failed.
    """
    space = workspace()
    name = space.environment(environment)
    stopped = threading.Event()

    def plan(url: str, chosen: float) -> Plan:
        return Plan(url, chosen, seconds, stop=partial(_over, until_file, stopped))

    tally = send(space, name, plan, log, rate)
    output.data(tally.json(), _text(tally))
    return 1 if tally.failed else 0


def _over(until: Path | None, stopped: threading.Event) -> bool:
    return stopped.is_set() or (until is not None and until.exists())


def _text(tally: Tally) -> str:
    lines = [f"{tally.sent} requests, {tally.failed} failed, slowest {1000 * tally.slowest:.0f} ms"]
    lines += [f"  {name}: {seen[True]} of {seen[True] + seen[False]}" for name, seen in sorted(tally.outcomes.items())]
    lines += [f"  {pod}: {count}" for pod, count in sorted(tally.pods.items())]
    lines += [f"  failed {count}: {fault}" for fault, count in tally.faults.most_common()]
    return "\n".join(lines)

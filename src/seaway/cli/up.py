"""`seaway up`: the app on this machine, at once."""

from __future__ import annotations

import click

from seaway.cli.frame import command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.place import on_cluster
from seaway.pipeline import make
from seaway.targets.opening import target_name


@command("up")
@click.option("--on", "environment", metavar="ENV", help="The environment (default: the first).")
@click.option("-d", "--detach", is_flag=True, help="Accepted as in Compose; the app always runs on its own.")
@click.option("--no-build", is_flag=True, help="Run the bundle that was built last.")
def up_(output: Output, environment: str | None, detach: bool, no_build: bool) -> None:  # noqa: ARG001
    """Build what changed and run the app on this machine: no daemon, no cluster, no root.

    An environment with `target: kubernetes` is brought to its cluster instead.

    Processes run from the images' own root file systems behind a real Envoy and go on when this command ends;
    `seaway ps`, `logs`, `exec` and `down` mean what they mean in Compose. Gated environments take releases instead.
    """
    space = workspace()
    name = space.environment(environment)
    result = make.up(space, name, teller(output), built=not no_build)
    versions = result.version.service_versions
    ready = [
        pod["service"]
        for pod in result.status["seen"]["pods"]
        if pod["ready"] and versions.get(pod["service"]) == pod["service_version"]
    ]
    rows = [(service, ready.count(service)) for service in sorted(set(ready))]
    text = "\n".join(f"{service:<12} ×{count}" for service, count in rows)
    places = "  ".join(result.addresses)
    output.data(
        {"environment": name, "addresses": result.addresses, "services": dict(rows), "way": result.status["way"]},
        f"{text}\n{name}  {places}  ({result.status['way']})",
    )
    if target_name(space.paths.environment(name)) == "process" and not on_cluster(space, name):
        output.say("this is no security boundary: services share the host's network and one user")

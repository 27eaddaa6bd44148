"""`seaway config`: the resolved model, as Compose prints it."""

from __future__ import annotations

import json

import click

from seaway.app.emit import config_object
from seaway.cli.frame import command, project
from seaway.cli.output import Output


@command("config")
@click.option("--on", "environment", metavar="ENV", help="The environment whose overrides and profiles apply.")
@click.option("--services", is_flag=True, help="Only the names of the services.")
def config_(output: Output, environment: str | None, services: bool) -> None:
    """Print the compose model with everything merged, interpolated and in long form.

    The JSON equals `docker compose config --format json --no-consistency`.
    """
    app = project().load(environment)
    if services:
        output.data(sorted(app.services), "\n".join(sorted(app.services)))
        return
    document = config_object(app)
    output.data(document, json.dumps(document, indent=2, ensure_ascii=False))

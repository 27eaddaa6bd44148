"""`seaway config`: the resolved model, as Compose prints it."""

from __future__ import annotations

import importlib
import json

import click

from seaway.app.emit import config_object
from seaway.cli.frame import command, project
from seaway.cli.output import Output


@command("config")
@click.option("--on", "environment", metavar="ENV", help="The environment whose overrides and profiles apply.")
@click.option("--services", is_flag=True, help="Only the names of the services.")
@click.option("--schema", is_flag=True, help="The JSON Schema of a compose file with x-seaway, for editors.")
def config_(output: Output, environment: str | None, services: bool, schema: bool) -> None:
    """Print the compose model with everything merged, interpolated and in long form.

    The JSON equals `docker compose config --format json --no-consistency`.

    \b
      seaway config --schema > compose.schema.json    needs no compose file; an editor then completes the whole
                                                      file, x-seaway too, where its first line is
      # yaml-language-server: $schema=./compose.schema.json
    """
    if schema:
        editor = importlib.import_module("seaway.app.extension_schema").editor_schema()
        output.data(editor, json.dumps(editor, indent=1, ensure_ascii=False))
        return
    app = project().load(environment)
    if services:
        output.data(sorted(app.services), "\n".join(sorted(app.services)))
        return
    document = config_object(app)
    output.data(document, json.dumps(document, indent=2, ensure_ascii=False))

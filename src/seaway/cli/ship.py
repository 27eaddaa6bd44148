"""`seaway ship`: the whole road in one command, as far as the gates let it."""

from __future__ import annotations

import click

from seaway import pipeline
from seaway.cli.frame import chooses, command, teller, workspace
from seaway.cli.output import Output
from seaway.cli.release import carry_out


@command("ship")
@click.argument("environment")
@click.option("--detach", is_flag=True, help="Do not watch the release.")
@chooses("reason", "key")
def ship_(output: Output, environment: str, detach: bool, choice: pipeline.Choice) -> None:
    """Build, run and test before ENVIRONMENT, scan, promote and release.

    Stops at the first gate that needs a person and prints the one command that person runs; run it again after.
    """
    space = workspace()
    name = space.environment(environment)
    say = teller(output)
    bundle = pipeline.ship(space, name, say, choice=choice)
    choice = pipeline.Choice(choice.key, str(bundle.digest), choice.reason)
    carry_out(output, space, pipeline.plan(space, name, say, choice=choice), choice=choice, detach=detach)

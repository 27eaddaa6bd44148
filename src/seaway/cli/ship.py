"""`seaway ship`: the whole road in one command, as far as the gates let it."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.release import carry_out
from seaway.pipeline import deliver, ship
from seaway.pipeline.choice import Choice


@command("ship")
@click.argument("environment")
@click.option("--detach", is_flag=True, help="Do not watch the release.")
@chooses("reason", "key")
def ship_(output: Output, environment: str, detach: bool, choice: Choice) -> None:
    """Build, run and test before ENVIRONMENT, scan, promote and release.

    Stops at the first gate that needs a person and prints the one command that person runs; run it again after.
    """
    space = workspace()
    name = space.environment(environment)
    say = teller(output)
    bundle = ship.ship(space, name, say, choice=choice)
    choice = Choice(choice.key, str(bundle.digest), choice.reason)
    carry_out(output, space, deliver.plan(space, name, say, choice=choice), choice=choice, detach=detach)

"""`seaway release`: a granted bundle goes live, watched; the agent does it, this command asks and watches."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, passphrase, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.watching import follow, unlock
from seaway.pipeline import deliver
from seaway.pipeline.choice import Choice
from seaway.stages.releasing import Prepared
from seaway.workspace import Workspace


@command("release")
@click.argument("environment")
@click.option("--dry-run", is_flag=True, help="Show the steps and end.")
@click.option("--detach", is_flag=True, help="Ask for it and end; `seaway status` watches later.")
@chooses("reason", "bundle", "key")
def release_(output: Output, environment: str, dry_run: bool, detach: bool, choice: Choice) -> None:
    """Bring what was promoted to ENVIRONMENT live by its strategy, judged by statistics over real requests.

    The new version gets more traffic only while the evidence allows; a regression returns all traffic to the version
    before, configuration included. No data is a hold, never a rollback and never a promotion. Ctrl-C ends the
    watching, not the release.
    """
    space = workspace()
    name = space.environment(environment)
    prepared = deliver.plan(space, name, teller(output), choice=choice)
    if dry_run:
        output.data({"release": prepared.plan.release, "steps": list(prepared.lines)}, "\n".join(prepared.lines))
        return
    carry_out(output, space, prepared, choice=choice, detach=detach)


def carry_out(output: Output, space: Workspace, prepared: Prepared, *, choice: Choice, detach: bool) -> None:
    """Asks for a prepared release, unlocks the agent's key, and follows to the end unless detached."""
    environment = prepared.plan.environment
    for line in prepared.lines:
        output.say(f"  {line}")
    unlock(space, environment, choice.key, passphrase)
    number = deliver.release(space, environment, prepared, choice=choice)
    if detach:
        output.data({"release": number}, f"release {number} of {environment} is under way: seaway status {environment}")
        return
    follow(output, space, environment, number)

"""`seaway rollback`: back to what was live before."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, passphrase, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.release import carry_out
from seaway.cli.watching import follow, unlock
from seaway.errors import NotYet
from seaway.pipeline import deliver
from seaway.pipeline.choice import Choice
from seaway.stages import releasing


@command("rollback")
@click.argument("environment")
@click.option("--restore", is_flag=True, help="Bring back the snapshot before a migration too.")
@click.option("--detach", is_flag=True, help="Ask for it and end.")
@chooses("reason", "key")
def rollback_(output: Output, environment: str, restore: bool, detach: bool, choice: Choice) -> None:
    """Return ENVIRONMENT to the bundle that was live before, its configuration included.

    A release that is running is aborted instead: that is the fastest way back. A way back that is under way is watched.
    """
    if restore:
        raise NotYet("restoring snapshots", hint="seaway rollback without --restore, and the backup of your store")
    space = workspace()
    name = space.environment(environment)
    running = releasing.running(space, name)
    if running is None:
        prepared = deliver.rollback(space, name, teller(output))
        carry_out(output, space, prepared, choice=choice, detach=detach)
        return
    unlock(space, name, choice.key, passphrase)
    if deliver.is_way_back(space, name, running):
        follow(output, space, name, running["release"])
        return
    seen = deliver.steer(space, name, "abort", choice=choice)
    output.data(seen, f"aborting release {seen['release']} of {name}: all traffic returns to stable")

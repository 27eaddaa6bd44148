"""`seaway pause`, `resume`, `abort`: what a person may say to a running release."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, passphrase
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.watching import unlock
from seaway.pipeline import deliver
from seaway.pipeline.choice import Choice


@command("pause")
@click.argument("environment")
@chooses("reason", "key")
def pause_(output: Output, environment: str, choice: Choice) -> None:
    """Hold the running release of ENVIRONMENT where it is; watching goes on."""
    _steer(output, environment, "pause", choice)


@command("resume")
@click.argument("environment")
@click.option("--uncertified", is_flag=True, help="Skip the judging that is left; recorded as waived.")
@chooses("reason", "key")
def resume_(output: Output, environment: str, uncertified: bool, choice: Choice) -> None:
    """Let the held or paused release of ENVIRONMENT go on."""
    _steer(output, environment, "waive" if uncertified else "resume", choice)


@command("abort")
@click.argument("environment")
@chooses("reason", "key")
def abort_(output: Output, environment: str, choice: Choice) -> None:
    """Give all traffic of ENVIRONMENT back to the version before."""
    _steer(output, environment, "abort", choice)


def _steer(output: Output, environment: str, ask: str, choice: Choice) -> None:
    space = workspace()
    name = space.environment(environment)
    unlock(space, name, choice.key, passphrase)
    seen = deliver.steer(space, name, ask, choice=choice)
    output.data(seen, f"asked to {ask}: release {seen['release']} of {name} is {seen['state']}")

"""`seaway lock`: what native images are made of, pinned by hash."""

from __future__ import annotations

import click

from seaway.cli.frame import command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.pipeline import make


@command("lock")
@click.option("--upgrade-base", is_flag=True, help="Resolve bases anew: newer packages, a newer digest.")
def lock_(output: Output, upgrade_base: bool) -> None:
    """Pin base, wheels and models of each native image in seaway.lock, which belongs in version control."""
    locked = make.lock(workspace(), teller(output), upgrade=upgrade_base)
    rows = [
        (name, platform, one.base.base.reference, one.base.base.python, len(one.wheels))
        for (name, platform), one in sorted(locked.services.items())
    ]
    names = ("service", "platform", "base", "python", "wheels")
    output.data([dict(zip(names, row, strict=True)) for row in rows], output.table(rows, names))

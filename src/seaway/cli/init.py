"""`seaway init`: the smallest `x-seaway` block, in the user's own file."""

from __future__ import annotations

import os

import click

from seaway.cli.editing import written
from seaway.cli.frame import command
from seaway.cli.output import Output
from seaway.pipeline.begin import begin
from seaway.project import here
from seaway.revision.first import Wishes


@command("init")
@click.option("--small-team", is_flag=True, help="One key a person, no soak, self-approval as an exception that ends.")
@click.option("--owner", metavar="NAME", help="Who answers for the app (default: CODEOWNERS).")
@click.option("-y", "--yes", is_flag=True, help="Write without asking.")
def init_(output: Output, small_team: bool, owner: str | None, yes: bool) -> None:
    """Add the smallest x-seaway block to this folder's compose file, shown as a diff first.

    Reads the compose file and the project: lock, Dockerfile, framework, port, health path, models. Comments, order and
    every other byte stay; a second definition of the app is never written. Without a compose file it writes one.

    \b
      seaway init
      seaway init --small-team --owner ada --yes
    """
    chosen = click.get_current_context().find_root().obj or {}
    found = begin(here(), dict(os.environ), chosen, Wishes(small_team, owner))
    diff = found.draft.diff()
    done = written(output, found.draft, yes=yes, again="seaway init --yes")
    output.data({"diff": diff, "written": done, "read": found.said, "left": found.left}, "")
    for line in (*found.said, *found.left):
        output.say(line)
    if done:
        output.say("next: seaway check")
    elif not diff:
        output.say("there is nothing to add")

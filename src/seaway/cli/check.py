"""`seaway check`: what stands between a compose file and production, in under a second, before anything is set up."""

from __future__ import annotations

import click

from seaway.cli.frame import command, project
from seaway.cli.output import Output
from seaway.findings import Level
from seaway.pipeline import look
from seaway.targets.check import Purpose, explain


@command("check")
@click.argument("environment", required=False)
@click.option("--for", "purpose", type=click.Choice(["docker", "kubernetes"]), help="Whose losses count.")
@click.option("--all", "every", is_flag=True, help="Every finding, not the first of the five weightiest kinds.")
@click.option("--explain", "code", metavar="CODE", help="The page of a finding: why it matters, how to fix it.")
def check_(output: Output, environment: str | None, purpose: Purpose | None, every: bool, code: str | None) -> int:
    """Say what would happen to this app on the way to production.

    Works in any folder with a compose file; nothing has to be installed or configured, nothing is written.
    Exits 1 if something is refused, 0 otherwise.

    \b
      seaway check
      seaway check production --all
      seaway check --explain SW-302
    """
    if code is not None:
        output.data({"code": code, "page": explain(code)}, explain(code))
        return 0
    found = look.check(project(), environment, purpose)
    output.findings(found, every=every)
    if found and not output.json:
        output.say(f"next: seaway check --explain {found[0].code}")
    return 1 if any(finding.level is Level.ERROR for finding in found) else 0

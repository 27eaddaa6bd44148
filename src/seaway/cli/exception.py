"""`seaway except`: a rule waived, for a time, by somebody who signs for it."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.evidence.shape import write_time
from seaway.pipeline import verify
from seaway.pipeline.choice import Choice
from seaway.stages.approving import Waive


@command("except")
@click.argument("environment")
@click.argument("rule")
@click.option("--requested-by", required=True, metavar="PERSON", help="Who asks for it; not who signs.")
@click.option("--days", type=click.IntRange(1, 90), default=14, show_default=True, help="How long it holds.")
@click.option("--service", metavar="NAME", help="Only the image of this service (default: each image of the bundle).")
@click.option("--purl", metavar="PURL", help="Only this package, with --vulnerability.")
@click.option("--vulnerability", metavar="ID", help="Only this vulnerability, with --purl.")
@click.option("--ticket", required=True, metavar="REF", help="Where it is tracked.")
@chooses("reason", "bundle", "key")
def except_(
    output: Output,
    environment: str,
    rule: str,
    requested_by: str,
    days: int,
    service: str | None,
    purl: str | None,
    vulnerability: str | None,
    ticket: str,
    choice: Choice,
) -> None:
    """Sign an exception: RULE does not stop this bundle's images in ENVIRONMENT until it ends.

    It is for exact digests, never a wildcard, at most 90 days, and it stays visible beneath every decision.

    \b
      seaway except production scan-fresh --requested-by alice --ticket SEC-12 --reason "no source for PyPI yet"
    """
    space = workspace()
    wanted = Waive(rule, choice.reason, requested_by, days, service, purl, vulnerability, ticket)
    grants = verify.waive(space, space.environment(environment), wanted, choice=choice)
    rows = [{"rule": each.rule, "until": write_time(each.not_after), "approver": each.approver} for each in grants]
    output.data(
        rows,
        f"{rule} waived in {environment} for {len(grants)} images until {rows[0]['until']} by {rows[0]['approver']}",
    )

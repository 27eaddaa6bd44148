"""`seaway approve`: a second person's signature on exactly the evidence there is."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.evidence.shape import write_time
from seaway.pipeline import verify
from seaway.pipeline.choice import Choice


@command("approve")
@click.argument("environment")
@click.option("--title", default="", help="The title you approve as, where gates ask for one.")
@chooses("reason", "bundle", "key")
def approve_(output: Output, environment: str, title: str, choice: Choice) -> None:
    """Approve the bundle built last for ENVIRONMENT, on the evidence recorded so far.

    What comes after it (a new scan, a new exception) needs a new approval. One's own change is refused.
    """
    space = workspace()
    approval = verify.approve(space, space.environment(environment), choice=choice, title=title)
    output.data(
        {
            "person": approval.person,
            "evidenceSet": str(approval.evidence_set),
            "entries": len(approval.entries),
            "expires": write_time(approval.expires),
        },
        f"approved by {approval.person}: {len(approval.entries)} statements, set {approval.evidence_set.short},"
        f" until {write_time(approval.expires)}",
    )

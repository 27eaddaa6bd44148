"""`seaway policy`: the rules of an environment, and consent to a change of them."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, subcommand
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.pipeline import verify
from seaway.pipeline.choice import Choice


@click.group("policy")
def policy_() -> None:
    """The rules that open an environment's gates. A changed policy needs consent under the one before."""


@subcommand(policy_, "show")
@click.argument("environment")
def show(output: Output, environment: str) -> None:
    """List the rules in force for ENVIRONMENT and the digest they are consented under."""
    space = workspace()
    found = verify.policy(space, space.environment(environment))
    rows = [(rule.name, str(rule.level)) for rule in found.rules]
    output.data(
        {"digest": str(found.digest), "rules": dict(rows)},
        f"{output.table(rows, ('rule', 'level'))}\npolicy  {found.digest}",
    )


@subcommand(policy_, "approve")
@click.argument("environment")
@chooses("reason", "key")
def approve(output: Output, environment: str, choice: Choice) -> None:
    """Consent to the rules of ENVIRONMENT as they are now, in place of those of its last decision."""
    space = workspace()
    digest, replaces = verify.consent(space, space.environment(environment), choice=choice)
    output.data(
        {"policy": str(digest), "replaces": str(replaces) if replaces else None},
        f"consented to policy {digest.short}" + (f" in place of {replaces.short}" if replaces else ""),
    )

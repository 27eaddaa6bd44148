"""`seaway promote`: the gates of an environment, and what they said, on record."""

from __future__ import annotations

from dataclasses import replace

import click

from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.pipeline import deliver, publish
from seaway.pipeline.choice import Choice
from seaway.policy.decision import Decision


@command("promote")
@click.argument("environment")
@click.option("--push", is_flag=True, help="Then publish it, as seaway publish does.")
@chooses("bundle", "key")
def promote_(output: Output, environment: str, push: bool, choice: Choice) -> None:
    """Grant the bundle to ENVIRONMENT if its gates open; the decision is signed and recorded either way.

    A refusal names the rule, the digest, the fact, and the command that would satisfy it.
    """
    space, tell = workspace(), teller(output)
    if push:
        publish.require_registry(space)
    decision = deliver.promote(space, space.environment(environment), tell, choice=choice)
    output.data(decision_json(decision), decision_text(output, decision))
    if not decision.passed:
        decision.or_raise()
    if push:
        with output.progress("publish") as watch:
            done = publish.publish(space, environment, choice=replace(choice, bundle=decision.bundle), watch=watch)
        tell("publish", f"{done.repository}, {sum(one.added for one in done.proved)} new statements")


def decision_json(decision: Decision) -> dict[str, object]:
    """Returns a decision as JSON."""
    return {
        "environment": decision.environment,
        "bundle": decision.bundle,
        "passed": decision.passed,
        "policy": str(decision.policy),
        "rules": [ruling.json() for ruling in decision.rulings],
        "waivers": list(decision.waivers),
    }


def decision_text(output: Output, decision: Decision) -> str:
    """Returns a decision for people: a line a rule, with each denial, also beneath a waiver."""
    granted = "granted to" if decision.passed else "refused to"
    lines = [f"{decision.environment}: {granted} bundle {decision.bundle[7:19]}"]
    for ruling in decision.rulings:
        mark, colour = ("deny", "error") if ruling.stops else ("waived", "loss") if ruling.waived else ("pass", "good")
        lines.append(f"  {output.style(f'{mark:<7}', colour)} {ruling.rule}")
        lines += [f"          {denial.says} [{denial.fact}, {denial.subject[:19]}]" for denial in ruling.denials]
    return "\n".join(lines)

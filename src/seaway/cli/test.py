"""`seaway test`: suites against what runs, signed."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.evidence.deeds import Outcome
from seaway.pipeline import verify
from seaway.pipeline.choice import Choice
from seaway.stages.testing import SuiteResult


@command("test")
@click.argument("environment")
@click.argument("suite", required=False)
@chooses("key")
def test_(output: Output, environment: str, suite: str | None, choice: Choice) -> int:
    """Run the suites of x-seaway.suites against what runs in ENVIRONMENT and sign the results.

    Each result is recorded for the running bundle and its images, good or bad. Only a suite whose every test passed
    and whose thresholds hold with 95 % confidence is PASSED. Exits 1 otherwise.
    """
    space = workspace()
    results = verify.test(space, space.environment(environment), suite, teller(output), choice=choice)
    output.data([_json(result) for result in results], "\n".join(_text(output, result) for result in results))
    return 0 if all(result.outcome is Outcome.PASSED for result in results) else 1


def _json(result: SuiteResult) -> dict[str, object]:
    return {
        "suite": result.name,
        "result": str(result.outcome),
        "counts": result.report.counts if result.report else None,
        "metrics": [metric.json() for metric in result.metrics],
        "notes": list(result.notes),
    }


def _text(output: Output, result: SuiteResult) -> str:
    colour = {"PASSED": "good", "WARNED": "loss", "FAILED": "error"}[result.outcome]
    lines = [f"{output.style(str(result.outcome), colour)}  {result.name}"]
    if result.report:
        lines[0] += "  " + ", ".join(f"{count} {state}" for state, count in result.report.counts.items() if count)
    lines += [
        f"  {metric.name} {metric.mean:.3f} ({metric.low:.3f} to {metric.high:.3f}, n {metric.n})"
        f" {metric.threshold}: {metric.met}"
        for metric in result.metrics
    ]
    lines += [f"  {note}" for note in result.notes]
    if result.outcome is Outcome.FAILED:
        lines += [f"  | {line}" for line in result.lines[-10:]]
    return "\n".join(lines)

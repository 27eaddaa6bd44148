"""`seaway judge`: a verdict replayed, and the judge rehearsed."""

from __future__ import annotations

import secrets
from collections import Counter
from pathlib import Path
from statistics import median

import click

from seaway.cli.frame import subcommand
from seaway.cli.output import Output
from seaway.errors import SourceMissing
from seaway.release.evidence import Criterion, Spec
from seaway.release.judge import described
from seaway.release.record import replay as replay_file
from seaway.release.simulate import FAMILIES, Scenario, rollouts


@click.group("judge")
def judge_() -> None:
    """The sequential tests that decide about releases."""


@subcommand(judge_, "replay")
@click.argument("evidence", type=click.Path(path_type=Path))
def replay(output: Output, evidence: Path) -> None:
    """Judge the ticks of an evidence file again; exits 88 unless state and verdict come out bit for bit."""
    try:
        data = evidence.read_bytes()
    except OSError as error:
        raise SourceMissing(f"the evidence file cannot be read: {error.strerror}", where=evidence) from error
    found = replay_file(data, where=str(evidence))
    said = found.verdict
    output.data(
        {"outcome": str(said.outcome), "reason": str(said.reason), "e": said.e, "ticks": said.ticks},
        "\n".join([f"same verdict: {said.outcome} {said.reason}  {said.says}", *map(described, said.standings)]),
    )


@subcommand(judge_, "simulate")
@click.option("--family", type=click.Choice(sorted(FAMILIES)), default="stationary", show_default=True, help="Traffic.")
@click.option("--runs", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Releases to simulate.")
@click.option("--pods", default=10, show_default=True, help="Pods in all.")
@click.option("--canary", default=2, show_default=True, help="Pods of the new version.")
@click.option("--rate", default=20, show_default=True, help="Requests a pod and tick.")
@click.option("--share", default=0.005, show_default=True, help="Share of bad outcomes of the version before.")
@click.option("--worse", default=1.0, show_default=True, help="How many times worse the new version is.")
@click.option("--margin", default=0.10, show_default=True, help="How much worse it may be.")
@click.option("--ticks", default=1800, show_default=True, help="Ticks of one second.")
@click.option("--seed", default="", help="A seed to repeat a run by (default: fresh, printed).")
def simulate(output: Output, runs: int, margin: float, seed: str, **keys: float | int | str) -> None:
    """Rehearse the judge on simulated traffic: how often it would roll back, promote or hold, and how soon."""
    chosen = seed or secrets.token_hex(8)
    scenario = Scenario(**keys)  # type: ignore[arg-type]  # click has checked each
    spec = Spec(chosen, (Criterion("errors", ("app/errors",), margin=margin, bound=scenario.share),))
    ended = list(rollouts(scenario, spec, chosen, runs))
    counts = Counter(str(run.outcome) for run in ended)
    rows = [
        (outcome, count, f"{100 * count / runs:.2f}%", f"{median(r.ticks for r in ended if r.outcome == outcome):g}")
        for outcome, count in sorted(counts.items())
    ]
    output.data(
        {"seed": chosen, "runs": runs, "outcomes": dict(counts)},
        f"seed {chosen}\n" + output.table(rows, ("outcome", "runs", "share", "median ticks")),
    )

"""`seaway why`: who and what stands behind an answer."""

from __future__ import annotations

from collections.abc import Iterator

import click

from seaway.cli.frame import command
from seaway.cli.opening import workspace
from seaway.cli.output import Output, clock
from seaway.errors import Undetermined
from seaway.graph.answer import Said, Why
from seaway.pipeline import ask


@command("why")
@click.argument("subject")
@click.option("--on", "environment", metavar="ENV", help="The environment, where several ran the same version.")
def why_(output: Output, subject: str, environment: str | None) -> int:
    """Say which image, model, data and policy stand behind SUBJECT, who approved it, and how its release ended.

    SUBJECT is a request id (header x-seaway-request), a digest or its beginning, or release:ENV/NUMBER. Answered from
    the ledger alone. What nothing proves is listed as a gap, and then this exits 4.
    """
    answer = ask.why(workspace(), subject, environment)
    output.data({**answer.json(), "lines": list(lines(answer))}, "\n".join(lines(answer)))
    return Undetermined.exit_code if answer.gaps else 0


def lines(answer: Why) -> Iterator[str]:
    """Yields the answer for people: a line a fact, gaps last."""
    at = f" at {clock(answer.at)}" if answer.at is not None else ""
    sure = f" ({answer.standing})" if answer.standing else ""
    place = answer.environment or "no place"
    yield f"{answer.kind} of {answer.service or 'the app'} {answer.version} in {place}{at}{sure}"
    if answer.bundle:
        yield f"bundle    {answer.bundle}"
    for image in answer.images:
        yield f"image     {image.service}  {image.key}"
        yield f"built     by {image.builder or '?'} from commit {image.commit or '?'} on {', '.join(image.base) or '?'}"
        for one in image.materials:
            yield f"{one.kind:<9} {one.name}  {one.key}  {one.uri}  {one.licence or 'licence unknown'}  {one.state}"
    if answer.policy:
        yield f"policy    {answer.policy.id}"
    for word, deeds in (("approved", answer.approvals), ("except", answer.exceptions), ("tested", answer.evaluations)):
        for deed in deeds:
            yield f"{word:<9} by {deed.by}{_more(deed)}  leaf {deed.leaf}"
    if answer.release:
        yield f"release   {_more(answer.release).strip()}  leaf {answer.release.leaf}"
    for gap in answer.gaps:
        yield f"gap       {gap.hop}: {gap.why}  ({gap.fix})"


def _more(deed: Said) -> str:
    said = {
        key: value for key, value in deed.properties.items() if isinstance(value, str | int | float) and value != ""
    }
    return "".join(f"  {key} {value}" for key, value in sorted(said.items()))

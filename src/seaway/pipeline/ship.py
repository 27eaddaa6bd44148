"""Ship: the whole road, as far as the gates let it."""

from __future__ import annotations

from seaway.bundle import Bundle
from seaway.errors import FindingsError
from seaway.evidence.deeds import Outcome
from seaway.findings import Finding, Level
from seaway.pipeline.choice import Choice, Say
from seaway.pipeline.deliver import promote
from seaway.pipeline.make import build, up
from seaway.pipeline.verify import scan, test
from seaway.stages import deciding
from seaway.workspace import Workspace


def ship(space: Workspace, environment: str, say: Say, *, choice: Choice) -> Bundle:
    """Walks the road up to the release of `environment`: build, run and test before, scan, promote.

    Stops at the first gate that needs a person; the error's hint is the one command that person runs.
    """
    bundle = build(space, say, choice=choice).bundle
    before = space.before(environment)
    if before:
        up(space, before, say, built=False)
        failed = [
            one.name for one in test(space, before, None, say, choice=choice) if one.outcome is not Outcome.PASSED
        ]
        if failed:
            raise FindingsError(
                tuple(Finding("SW-1108", Level.ERROR, f"suite {name} did not pass", before) for name in failed),
                hint=f"seaway test {before}",
            )
    if deciding.gates_of(space, environment) is not None:
        scan(space, say, choice=choice)
        say("promote", environment)
        promote(space, environment, say, choice=choice).or_raise()
    return bundle

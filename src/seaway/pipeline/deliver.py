"""Promote and release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.app.keys import unacted
from seaway.errors import UsageError
from seaway.evidence.roles import Role
from seaway.pipeline.choice import Choice, Say
from seaway.pipeline.meant import chosen, releasable
from seaway.policy.decision import Decision
from seaway.stages import acting, deciding, places, releasing
from seaway.workspace import Workspace


def promote(space: Workspace, environment: str, say: Say, *, choice: Choice) -> Decision:
    """Grants the bundle to an environment if its gates open; either way the decision is signed and recorded."""
    gates = deciding.gates_of(space, environment)
    if gates is None:
        raise UsageError(f"{environment} has no gates", hint=f"seaway release {environment}")
    for path, _ in unacted(gates):
        say("gates", f"{'.'.join(path)} is not enforced yet: seaway check --explain SW-105")
    with space.notary() as notary:
        operator = acting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        bundle = chosen(space, choice)
        case = deciding.prepare(space, notary, environment, bundle, requester=operator.id)
        for each in case.refused:
            say("exception", f"{each.id.short} does not count: {each.why}")
        return deciding.promote(space, notary, case, bundle, operator=operator)


def plan(space: Workspace, environment: str, say: Say, *, choice: Choice) -> releasing.Prepared:
    """Plans the release of what was promoted; nothing moves."""
    with space.reading() as notary:
        placed = places.install(space, environment, releasable(space, notary, environment, choice), say)
        return releasing.prepare(space, notary, environment, placed, say)


def release(space: Workspace, environment: str, prepared: releasing.Prepared, *, choice: Choice) -> int:
    """Asks for a planned release: first in the ledger, then the agent; returns the number of the one to watch.

    Where the same version is under way nothing is asked again: that release is the one to watch.
    """
    if (number := releasing.under_way(space, prepared.plan)) is not None:
        return number
    with space.notary() as notary:
        operator = acting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        releasing.request(space, notary, prepared, operator=operator, reason=choice.reason)
    return prepared.plan.release


def steer(space: Workspace, environment: str, ask: str, *, choice: Choice) -> dict[str, Any]:
    """Asks a running release to pause, resume or abort, in the ledger first."""
    with space.notary() as notary:
        operator = acting.actor(space, notary, Role.OPERATOR, named=choice.key, environment=environment)
        return releasing.steer(space, notary, environment, ask, operator=operator, reason=choice.reason)


def is_way_back(space: Workspace, environment: str, running: Mapping[str, Any]) -> bool:
    """Whether a release that is under way is itself the way back to a bundle that was live before."""
    with space.reading() as notary:
        return not running["judged"] and running["bundle"] in map(str, releasing.lived(notary, environment))


def rollback(space: Workspace, environment: str, say: Say) -> releasing.Prepared:
    """Plans the way back to the bundle that was live before, configuration included, all at once."""
    with space.reading() as notary:
        placed = releasing.way_back(space, notary, environment, say)
        return releasing.without_judging(releasing.prepare(space, notary, environment, placed, say))

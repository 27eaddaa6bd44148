"""What the ledger says of a release that no store remembers, and the plan that brings it back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seaway.digest import Digest
from seaway.evidence.progress import ReleaseEvent, ReleaseRequest
from seaway.release.lost import find_lost, returning
from seaway.release.machine import State
from seaway.release.steps import Party
from seaway.targets.process.target import ProcessTarget

pytestmark = pytest.mark.rootless
AT = datetime(2026, 1, 2, tzinfo=UTC)
BUNDLE, CANARY, STABLE = (Digest.of(name) for name in (b"bundle", b"canary", b"stable"))


def event(release: int, sequence: int, target: State) -> tuple[Digest, ReleaseEvent]:
    """Returns an event of production with its bundle."""
    told = ReleaseEvent(
        environment="production",
        release=str(release),
        sequence=sequence,
        at=AT,
        event="x",
        source="planned",
        target=str(target),
        cursor=0,
        weights={},
    )
    return BUNDLE, told


def asked(release: int) -> ReleaseRequest:
    """Returns the request for a release."""
    return ReleaseRequest(
        verb="release", environment="production", release=str(release), target=str(CANARY), person="alice", at=AT
    )


def test_only_a_newest_release_without_an_end_is_lost() -> None:
    """Numbers count as numbers, another environment does not count, an end is an end."""
    judging = [event(9, 4, State.LIVE), event(10, 7, State.JUDGING), event(10, 6, State.SHIFTING)]
    lost = find_lost("production", judging, [asked(9), asked(10)])
    assert lost and (lost.release, lost.bundle, lost.canary) == (10, BUNDLE, CANARY)
    assert lost.sequence > 7
    assert find_lost("staging", judging, [asked(10)]) is None
    assert find_lost("production", [*judging, event(10, 8, State.ROLLED_BACK)], [asked(10)]) is None
    assert find_lost("production", judging, []) is None


def test_a_lost_release_stands_on_its_way_back() -> None:
    """Its plan leads from the canary to stable, whatever it was judged by."""
    lost = find_lost("production", [event(2, 3, State.JUDGING)], [asked(2)])
    assert lost
    canary, stable = (Party(each, {"api": name}, {"api": 2}) for each, name in ((CANARY, "c"), (STABLE, "s")))
    plan = lost.plan(canary, stable, ProcessTarget.features, "process:here")
    assert (plan.release, plan.stable, plan.forked) == (2, stable, {"api": "c"})
    position = returning(plan)
    assert (position.state, position.reason, position.step) == (State.RETURNING, "state-lost", plan.steps[-1])

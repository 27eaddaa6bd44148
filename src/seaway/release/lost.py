"""A release that the ledger shows begun and not ended, and that no store remembers any more: the way back to stable.

The working state of releases can be lost without losing a fact, so what is known of such a release comes from the
ledger alone: its number, its bundle, the version asked for. What cannot be known any more is how it was judged, so it
goes no further: all requests return to stable, and it ends rolled back, `state-lost`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.app.release_keys import Criterion, ReleaseKeys
from seaway.digest import Digest
from seaway.evidence.progress import ReleaseEvent, ReleaseRequest
from seaway.release.criteria import Known, spec_of
from seaway.release.history import LENGTHS
from seaway.release.machine import ENDS, Position, State
from seaway.release.steps import Party, Plan
from seaway.release.strategy import Move, expand
from seaway.targets.base import Features

REASON = "state-lost"
_BESIDE = 3  # statements that may stand beside a release event under numbers of their own


@dataclass(frozen=True, slots=True)
class Lost:
    """What the ledger says of a release that nobody remembers; `sequence` is above every number it has used."""

    environment: str
    release: int
    bundle: Digest
    canary: Digest
    sequence: int

    def plan(self, canary: Party, stable: Party, features: Features, place: str) -> Plan:
        """Returns a plan whose way back leads to stable; its steps forward are never taken."""
        keys = ReleaseKeys(strategy="all-at-once", bake=0.0, criteria=(Criterion("errors"),))
        service = min(canary.routed or canary.services, default="app")
        return Plan(
            release=self.release,
            environment=self.environment,
            bundle=self.bundle,
            canary=canary,
            stable=stable,
            steps=expand(keys, Move(canary, stable), features),
            judge=spec_of(keys, {service: Known()}, self.bundle, LENGTHS[0]),
            place=place,
        )


def returning(plan: Plan) -> Position:
    """Returns where a lost release stands: past everything, on its way back."""
    return Position(plan.steps, cursor=len(plan.steps) - 1, state=State.RETURNING, reason=REASON)


def find_lost(
    environment: str, events: Iterable[tuple[Digest, ReleaseEvent]], requests: Iterable[ReleaseRequest]
) -> Lost | None:
    """Returns the newest release of an environment if its last event is no end; events have their bundles."""
    told = [(bundle, event) for bundle, event in events if event.environment == environment]
    if not told:
        return None
    bundle, last = max(told, key=lambda one: (int(one[1].release), one[1].sequence))
    asked = [each for each in requests if (each.environment, each.release) == (environment, last.release)]
    asked = [each for each in asked if each.verb == "release"]
    if last.target in ENDS or not asked:
        return None
    return Lost(environment, int(last.release), bundle, Digest.parse(asked[-1].target), last.sequence + _BESIDE)

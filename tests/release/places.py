"""Positions and observations for tests of the machine, its events and its guard."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from seaway.app.release_keys import ReleaseKeys
from seaway.release.machine import Event, Position, State, step
from seaway.release.steps import Party, Step
from seaway.release.strategy import Move, expand
from seaway.targets import base
from seaway.targets.base import Features, Pod, Seen
from tests.release.world import ONE, THREE, TWO, plan

STEPS = expand(ReleaseKeys(strategy="canary", weights=(10.0, 40.0)), Move(Party.of(TWO), Party.of(ONE)), Features())
PLAN = plan(TWO, ONE)


def at(kind: type, place: int = 0, state: State | None = None, steps: tuple[Step, ...] = STEPS) -> Position:
    """Returns a position at the n-th step of a kind, in the state it enters."""
    cursor = [number for number, each in enumerate(steps) if isinstance(each, kind)][place]
    entered = step(Position(steps, cursor - 1, State.JUDGING), Event.CERTIFIED)
    return entered if state is None else replace(entered, state=state)


def seen(
    *, canary: int = 2, stable: int = 3, weight: float | None = 0.0, drained: bool = False, gone: bool = False,
    owner: base.Version = ONE, unready: int = 0,
) -> Seen:  # fmt: skip
    """Returns an observation: ready pods, the canary's share, whether the loser is drained, who is stable."""
    pods = [Pod(f"c{n}", "api", "v2", "", n >= unready, 0.0) for n in range(canary + unready)]
    pods += [Pod(f"s{n}", "api", "v1", "", True, 0.0) for n in range(stable)]
    weights = {} if weight is None else {"api": {"v2": weight, "v1": 100.0 - weight}}
    faults = (f"gone:{ONE.digest}",) if gone else ()
    idle = frozenset({"v1", "v2"}) if drained else frozenset()
    return Seen(1.0, tuple(pods), weights, owner.digest, (), idle, faults)


shares = st.one_of(st.none(), st.floats(0, 100))
observations = st.builds(
    seen,
    canary=st.integers(0, 4),
    stable=st.integers(0, 4),
    weight=shares,
    drained=st.booleans(),
    gone=st.booleans(),
    owner=st.sampled_from([ONE, TWO, THREE]),
    unready=st.integers(0, 3),
)

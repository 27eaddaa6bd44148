"""Readings of the sources as ticks of the judge: arms joined by service version, faults turned into blindness.

A signal is `service/criterion`. Whatever cannot be counted is a reason, never a zero: a failed source, a clock ahead by
more than a tick, a counter that fell without a restart, a ready pod that nobody counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seaway.release.evidence import Group, Spec
from seaway.release.exposure import Arm, Count
from seaway.release.steps import Plan
from seaway.targets.base import Seen
from seaway.telemetry.sources.interface import Reading, ReadingState, Tick

_SLACK = 0.001  # seconds that rounding may move a tick's start


@dataclass(frozen=True, slots=True)
class Window:
    """What was asked of the sources: counts in (through, now], after a weight change at `shifted`."""

    through: float
    now: float
    shifted: float
    moving: bool
    compared: bool


def groups(readings: Sequence[Reading], plan: Plan, seen: Seen, window: Window) -> tuple[Group, ...]:
    """Returns the ticks of one read in time order; a fault anywhere makes one blind tick of it."""
    seconds = window.now - window.through
    if why := _blindness(readings, plan, seen, window):
        return (Group(window.now, seconds, blind=why),)
    rounds = _rounds([tick for reading in readings for tick in reading.ticks]) or [[]]
    last = len(rounds) - 1
    return tuple(_group(ticks, plan, window, last=place == last) for place, ticks in enumerate(rounds))


def _rounds(ticks: Sequence[Tick]) -> list[list[Tick]]:
    """Returns ticks in rounds with one of each series, oldest first: a read that gives several ticks is taken apart.

    Replicas answer at instants of their own within one read, so rounds are counted from the latest, not by time.
    """
    series: dict[tuple[str, str, str, str], list[Tick]] = {}
    for tick in ticks:
        series.setdefault((tick.service, tick.criterion, tick.stratum, tick.replica), []).append(tick)
    ordered = [sorted(each, key=lambda tick: tick.at) for each in series.values()]
    most = max((len(each) for each in ordered), default=0)
    return [[each[-back] for each in ordered if len(each) >= back] for back in range(most, 0, -1)]


def _group(ticks: Sequence[Tick], plan: Plan, window: Window, *, last: bool) -> Group:
    """Returns one tick; silence is said once, in the last round, which speaks of every signal."""
    at = window.now if last else max(tick.at for tick in ticks)
    seconds = max((tick.seconds for tick in ticks), default=window.now - window.through)
    if window.moving or at - seconds < window.shifted - _SLACK:
        return Group(at, seconds, dropped="a weight changed within the tick")
    signals = set(_signals(plan.judge))
    counts = [
        Count(signal, tick.stratum, tick.replica, arm, tick.n, tick.bad)
        for tick in ticks
        if (signal := f"{tick.service}/{tick.criterion}") in signals and (arm := arm_of(plan, tick))
    ]
    covers = None if last else tuple(sorted({count.signal for count in counts}))
    return Group(at, seconds, tuple(counts), compared=window.compared, covers=covers)


def arm_of(plan: Plan, tick: Tick) -> Arm | None:
    """Returns the arm of a tick by its service's version, None for a version that is no part of this release."""
    if plan.forked.get(tick.service) == tick.version:
        return Arm.CANARY
    return Arm.STABLE if plan.replaced.get(tick.service) == tick.version else None


def _signals(spec: Spec) -> list[str]:
    return [signal for criterion in spec.criteria for signal in criterion.signals]


def _blindness(readings: Sequence[Reading], plan: Plan, seen: Seen, window: Window) -> str:
    for reading in readings:
        if reading.state is not ReadingState.OK:
            return reading.reason or "a source is blind"
        for tick in reading.ticks:
            if not 0 <= tick.bad <= tick.n:
                return f"{tick.replica} counts {tick.bad} bad of {tick.n} requests"
            if tick.at > window.now + plan.judge.tick:
                return f"{tick.replica} is {tick.at - window.now:.1f} s ahead"
    return _reset(readings, seen, window) or _unheard(readings, plan, seen, window)


def _reset(readings: Sequence[Reading], seen: Seen, window: Window) -> str:
    """A counter may fall where its pod started within the window; elsewhere nobody knows what it counted."""
    fresh = {pod.id for pod in seen.pods if pod.since >= window.through}
    gone = {pod.id for pod in seen.pods}
    for reading in readings:
        for replica, why in reading.dropped:
            if replica in gone and replica not in fresh:
                return f"{replica}: {why}"
    return ""


def _unheard(readings: Sequence[Reading], plan: Plan, seen: Seen, window: Window) -> str:
    """Names a pod that had its share of requests through the whole window and is counted by no source."""
    heard = {tick.replica for reading in readings for tick in reading.ticks}
    heard |= {replica for reading in readings for replica, _ in reading.dropped}
    judged = {signal.partition("/")[0] for signal in _signals(plan.judge)}
    for pod in seen.pods:
        ours = pod.service_version in (plan.forked.get(pod.service), plan.replaced.get(pod.service))
        settled = pod.since < min(window.through, window.shifted)
        if pod.service in judged and ours and pod.ready and settled and pod.id not in heard:
            return f"no source counts {pod.id}"
    return ""

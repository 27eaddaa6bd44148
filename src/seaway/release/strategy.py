"""Strategies as steps: what a release would do, before it does anything.

`expand` refuses what the target cannot do. Rule for every judged weight: a canary pod never gets more requests than a
stable pod, so the weight is at most C/(C+S); exposure must not depend on outcomes. Not here: the machine that walks the
steps, the judge that stops them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from seaway.app.release_keys import Approval, ReleaseKeys
from seaway.errors import NotYet, StepsRefused
from seaway.release.steps import (
    Approve,
    Drain,
    Judge,
    Migrate,
    Mirror,
    Party,
    Prepare,
    Retarget,
    Retire,
    Shift,
    Snapshot,
    Step,
    Until,
    Update,
    Wait,
    WayBack,
)
from seaway.targets.base import Features

FEWEST = 2  # a lone canary pod cannot be told from its version
BATCHES = 4
NEAR = 2  # percent points by which a share of pods may miss the weight asked for


@dataclass(frozen=True, slots=True)
class Move:
    """What a release moves: from stable (None for the first) to the canary; `room` are the pods that fit beside."""

    canary: Party
    stable: Party | None
    room: int | None = None

    @property
    def forked(self) -> tuple[str, ...]:
        """Returns the services whose version changes, sorted."""
        stable = self.stable.services if self.stable else {}
        return tuple(sorted(name for name, version in self.canary.services.items() if stable.get(name) != version))

    def whole(self) -> dict[str, int]:
        """Returns the pods of the forked services at 100 %."""
        return {name: self.canary.replicas[name] for name in self.forked}

    def stable_pods(self, service: str) -> int:
        """Returns stable's pods of a service; 0 where stable lacks it."""
        return self.stable.replicas.get(service, 0) if self.stable else 0


def expand(keys: ReleaseKeys, move: Move, features: Features) -> tuple[Step, ...]:
    """Returns the steps of a strategy; a first release has nothing to compare with and goes all at once.

    Raises StepsRefused for what the target, its capacity or the weights do not allow, NotYet for blue-green, shadow and
    recreate.
    """
    if move.stable is None or keys.strategy == "all-at-once":
        return _all_at_once(keys, move)
    if keys.strategy not in ("rolling", "canary"):
        raise NotYet(f"strategy {keys.strategy}", hint="use strategy canary, rolling or all-at-once")
    if not features.weights:
        raise StepsRefused(
            f"strategy {keys.strategy} needs weights, which this target has not", hint="use strategy all-at-once"
        )
    return _canary(keys, move, features) if keys.strategy == "canary" else _rolling(keys, move, features)


def _all_at_once(keys: ReleaseKeys, move: Move) -> tuple[Step, ...]:
    return (Prepare(move.whole()), Shift(100), Retarget(), Wait(keys.bake), Drain(), Retire())


def _canary(keys: ReleaseKeys, move: Move, features: Features) -> tuple[Step, ...]:
    steps: list[Step] = []
    asked = [_whole_percent(weight, features) for weight in keys.weights]
    if not asked or sorted(set(asked)) != asked or not 0 < asked[0] <= asked[-1] < 100:
        raise StepsRefused(
            "weights of a canary rise and lie between 0% and 100%",
            hint="write weights: [10%, 50%] under x-seaway.release",
        )
    for weight in asked:
        pods = {service: _beside(move, service, weight) for service in move.forked}
        steps += _approval(keys.approve, weight)
        steps += [Prepare(pods), Shift(_fair(move, pods, weight, features)), _judge(keys, last=weight == asked[-1])]
    steps += [*_approval(keys.approve, 100), Prepare(move.whole()), Shift(100), Retarget(), Wait(keys.bake), Drain()]
    return (*steps, Retire())


def _beside(move: Move, service: str, weight: int) -> int:
    """Returns C = max(2, ceil(S w / (1 - w))), as far as there is room; its own pods for what takes no requests.

    A service that does not listen is neither split nor judged: more pods of it would show nothing.
    """
    share = Fraction(weight, 100)
    pods = max(FEWEST, ceil(move.stable_pods(service) * share / (1 - share)))
    if service not in move.canary.routed:
        pods = move.canary.replicas[service]
    if move.room is None:
        return pods
    if move.room < 1:
        raise StepsRefused(f"no room for a canary pod of {service}", hint="free capacity, or use strategy recreate")
    return min(pods, move.room)


def _fair(move: Move, pods: Mapping[str, int], weight: int, features: Features) -> int:
    """Returns the weight asked for, or the largest at which no canary pod gets more than a stable pod."""
    if shares := _shares(move, pods, features):
        return _common(move, shares, weight)
    for service, canary in pods.items():
        stable = move.stable_pods(service)
        if stable and service in move.canary.routed:
            weight = min(weight, 100 * canary // (canary + stable))
    fair = weight - weight % features.finest_weight
    if fair < 1:
        raise StepsRefused(f"this target cannot split finer than {features.finest_weight}%")
    return fair


def _shares(move: Move, pods: Mapping[str, int], features: Features) -> dict[str, int]:
    """Returns the percent that services get whose share is that of their pods."""
    counted = [service for service in pods if service in features.by_pods & move.canary.routed]
    return {
        service: round(Fraction(100 * pods[service], pods[service] + move.stable_pods(service)))
        for service in counted
        if move.stable_pods(service)
    }


def _common(move: Move, shares: Mapping[str, int], weight: int) -> int:
    """Returns the share that all these services have; raises StepsRefused where it is not the one asked for."""
    for service, share in shares.items():
        if abs(share - weight) > NEAR:
            pods = ceil(Fraction(FEWEST * (100 - weight), weight))
            raise StepsRefused(
                f"{service} has {move.stable_pods(service)} pods, and its share of requests is that of its pods: "
                f"{share}%, not {weight}%",
                hint=f"weights: [{share}%], or {pods} replicas, or x-seaway.expose behind a gateway",
            )
    if max(shares.values()) - min(shares.values()) > NEAR:
        raise StepsRefused(f"services would have different shares: {dict(shares)}", hint="give them as many replicas")
    return min(shares.values())


def _rolling(keys: ReleaseKeys, move: Move, features: Features) -> tuple[Step, ...]:
    """Batches: judged at equal exposure beside the pods still there, then shifted on and the batch retired."""
    whole = move.whole()
    if split := sorted(features.by_pods & move.canary.routed & set(whole)):
        raise StepsRefused(
            f"strategy rolling needs shares finer than the pods of {', '.join(split)}",
            hint="strategy: canary, or x-seaway.expose behind a gateway",
        )
    batches = min(BATCHES, max(whole.values(), default=1))
    steps: list[Step] = []
    for batch in range(1, batches + 1):
        pods = {service: ceil(Fraction(replicas * batch, batches)) for service, replicas in whole.items()}
        before = Fraction(batches - batch + 1, batches)
        left = {service: ceil(move.stable_pods(service) * before) for service in whole}
        steps += [Prepare(pods), Shift(_equal(pods, left, features)), _judge(keys, last=False)]
        if batch < batches:
            after = {service: ceil(move.stable_pods(service) * (before - Fraction(1, batches))) for service in whole}
            share = 100 * batch // batches
            steps += [Shift(share - share % features.finest_weight), Retire(after)]
    return (*steps, Shift(100), Retarget(), Wait(keys.bake), Drain(), Retire())


def _equal(pods: Mapping[str, int], stable: Mapping[str, int], features: Features) -> int:
    weight = min((100 * canary // (canary + stable[service]) for service, canary in pods.items()), default=99)
    weight = min(weight, 99)
    return max(weight - weight % features.finest_weight, features.finest_weight)


def _judge(keys: ReleaseKeys, *, last: bool) -> Judge:
    until = Until.CERTIFIED if last else Until.WATCHED
    return Judge(until, keys.watch, keys.judge.at_most, keys.judge.otherwise)


def _approval(approval: Approval | None, weight: int) -> list[Step]:
    return [Approve(approval.by)] if approval and int(approval.before) == weight else []


def _whole_percent(weight: float, features: Features) -> int:
    if weight != int(weight):
        raise StepsRefused(f"a weight of {weight:g}% is not a whole percent", hint="use whole percents")
    if int(weight) % features.finest_weight:
        raise StepsRefused(f"a weight of {weight:g}% is finer than this target's {features.finest_weight}%")
    return int(weight)


def way_back(steps: Sequence[Step], cursor: int, *, first: bool = False) -> WayBack:
    """Returns how stable can be reached from the step at `cursor`; a first release has nothing to go back to."""
    done = steps[: cursor + 1]
    if any(isinstance(step, Migrate) for step in done):
        return WayBack.RESTORE if any(isinstance(step, Snapshot) for step in done) else WayBack.NONE
    if first:
        return WayBack.NONE if any(isinstance(step, Shift) for step in done) else WayBack.INSTANT
    return WayBack.SLOW if any(isinstance(step, Retire | Update) for step in done) else WayBack.INSTANT


def describe(steps: Sequence[Step]) -> tuple[str, ...]:
    """Returns one numbered line a step, as `--dry-run` shows them."""
    return tuple(f"{place} {_sentence(step)}" for place, step in enumerate(steps, start=1))


def _sentence(step: Step) -> str:
    match step:
        case Snapshot(volume):
            return f"snapshot {volume}"
        case Migrate(job):
            return f"migrate {job}"
        case Update(services):
            return f"update {', '.join(services)} in place"
        case Prepare(pods):
            return f"prepare {_pods(pods)}"
        case Mirror(share):
            return f"mirror {share}%"
        case Shift(weight):
            return f"shift {weight}%"
        case Judge(Until.WATCHED, watch, at_most, otherwise):
            return f"judge: watched {watch:g} s and 200 requests, at most {at_most:g} s, else {otherwise}"
        case Judge(_, _, at_most, otherwise):
            return f"judge: certified, at most {at_most:g} s, else {otherwise}"
        case Wait(seconds):
            return f"bake {seconds:g} s"
        case Approve(by):
            return f"wait for approval by {by}"
        case Retarget():
            return "make it stable"
        case Drain(seconds):
            return f"drain the old version, at most {seconds:g} s"
        case Retire(left):
            return "retire the old version" if left is None else f"leave {_pods(left)} of the old version"


def _pods(pods: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {service}" for service, count in sorted(pods.items())) or "nothing"

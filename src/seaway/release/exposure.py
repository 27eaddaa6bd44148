"""Equal exposure: counts of pods made comparable before any score is taken.

Rules (each cost false rollbacks where it was broken): 1. what is dropped never depends on an outcome; 2. within a
stratum every pod is thinned, by a seeded hypergeometric draw, to the smallest pod's requests; 3. ticks are pooled until
a pod has 8 ln P requests, decided from requests alone; 4. a pod without requests is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from seaway.release.draws import Draws
from seaway.telemetry.eprocess import natural_log


class Arm(StrEnum):
    """Which version's pod counted."""

    CANARY = "canary"
    STABLE = "stable"


class Count(NamedTuple):
    """Requests of one pod in one tick, of which `bad` had the signal's bad outcome; 0 <= bad <= n."""

    signal: str
    stratum: str
    pod: str
    arm: Arm
    n: int
    bad: int


class Arms(NamedTuple):
    """Bad outcomes of each pod after thinning, sorted within each arm."""

    canary: tuple[int, ...]
    stable: tuple[int, ...]

    @property
    def comparable(self) -> bool:
        """Whether both arms have a pod and some pod differs from none."""
        return bool(self.canary and self.stable and (self.canary[-1] or self.stable[-1]))


@lru_cache(maxsize=1024)
def enough(pods: int) -> float:
    """Returns the mean requests a pod needs in a pooled tick: 8 ln P, so that thinning keeps most of them."""
    return 8.0 * natural_log(float(max(2, pods)))


def full(counts: Iterable[Count]) -> bool:
    """Whether pooled counts suffice to be compared; looks at requests alone."""
    requests = 0
    pods = set()
    for count in counts:
        if count.n:
            requests += count.n
            pods.add(count.pod)
    return bool(pods) and requests >= enough(len(pods)) * len(pods)


def pooled(before: tuple[Count, ...], counts: tuple[Count, ...]) -> tuple[Count, ...]:
    """Adds a tick's counts to a pool of the same signal, by stratum and pod."""
    if not before:
        return counts
    sums = {(count.stratum, count.pod): count for count in before}
    for count in counts:
        held = sums.get((count.stratum, count.pod))
        sums[count.stratum, count.pod] = count._replace(n=held.n + count.n, bad=held.bad + count.bad) if held else count
    return tuple([sums[key] for key in sorted(sums)])


def equalised(counts: tuple[Count, ...], name: tuple[object, ...]) -> Arms:
    """Thins every pod to the smallest pod's requests, stratum by stratum, and sums its bad outcomes over strata."""
    first = counts[0]
    if all(count.n == first.n and count.stratum == first.stratum for count in counts):
        return _sorted_arms((count.arm, count.bad) for count in counts) if first.n else Arms((), ())
    return _thinned(sorted(counts), name)


def _thinned(counts: list[Count], name: tuple[object, ...]) -> Arms:
    arms = {count.pod: count.arm for count in counts if count.n}
    strata: dict[str, list[Count]] = {}
    for count in counts:
        if count.n:
            strata.setdefault(count.stratum, []).append(count)
    bad = dict.fromkeys(arms, 0)
    for stratum, members in strata.items():
        if len(members) < len(arms):
            continue
        least = min(count.n for count in members)
        draws = Draws(*name, stratum, "exposure")
        for count in members:
            bad[count.pod] += draws.sampled(count.bad, count.n, least)
    return _sorted_arms((arm, bad[pod]) for pod, arm in arms.items())


def _sorted_arms(pairs: Iterable[tuple[Arm, int]]) -> Arms:
    canary: list[int] = []
    stable: list[int] = []
    for arm, bad in pairs:
        (canary if arm is Arm.CANARY else stable).append(bad)
    return Arms(tuple(sorted(canary)), tuple(sorted(stable)))


def lightened(arms: Arms, keep: int, name: tuple[object, ...]) -> Arms:
    """Keeps each bad outcome of the canary with probability keep / 2**64: for the margin, or for the harm."""
    if not arms.canary[-1]:
        return arms
    draws = Draws(*name)
    canary = sorted([draws.kept(bad, keep) for bad in arms.canary])
    return Arms(tuple(canary), arms.stable)


def dealt(counts: Iterable[Count], name: tuple[object, ...]) -> list[list[tuple[int, int]]]:
    """Deals the pods that had requests into two groups by a seeded shuffle (two pods: one each; one: one group)."""
    pods: dict[str, tuple[int, int]] = {}
    for count in counts:
        if count.n:
            n, bad = pods.get(count.pod, (0, 0))
            pods[count.pod] = (n + count.n, bad + count.bad)
    order = [pods[pod] for pod in sorted(pods)]
    if len(order) > 2:
        order = Draws(*name, "groups").shuffled(order)
    return [group for group in (order[0::2], order[1::2]) if group]

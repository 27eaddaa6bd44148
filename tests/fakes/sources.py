"""A source that counts what a FakeTarget's pods would have served: seeded, in integers, with faults on demand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from seaway.telemetry.sources.interface import Reading, ReadingState, Tick

from .target import FakeTarget


@dataclass
class FakeSource:
    """`rate` requests a second for each service, round robin within a version; `bad[criterion][service version]`."""

    target: FakeTarget
    bad: Mapping[str, Mapping[str, float]]
    rate: float = 80.0
    seed: int = 1
    name: str = "fake"
    fault: str = ""
    silent: bool = False
    dropped: tuple[tuple[str, str], ...] = ()
    reads: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def read(self, through: float, now: float) -> Reading:
        """Returns counts in (through, now]."""
        self.reads.append((through, now))
        if self.fault:
            return Reading((), ReadingState.BLIND, self.fault)
        if self.silent or now <= through:
            return Reading((), ReadingState.OK)
        ticks = [
            tick
            for service, shares in self.target.shares.items()
            for tick in self._ticks(service, shares, through, now)
        ]
        return Reading(tuple(ticks), ReadingState.OK, dropped=self.dropped)

    def _ticks(self, service: str, shares: Mapping[str, float], through: float, now: float) -> list[Tick]:
        ticks = []
        for name, share in shares.items():
            pods = sorted(
                pod.id
                for pod in self.target.pods.values()
                if (pod.service, pod.service_version) == (service, name) and pod.ready
            )
            requests = round(self.rate * (now - through) * share / 100.0)
            for place, pod in enumerate(pods):
                n = requests // len(pods) + (place < requests % len(pods))
                for criterion, rates in self.bad.items():
                    bad = sum(self._random.random() < rates.get(name, 0.0) for _ in range(n))
                    ticks.append(Tick(now, now - through, service, criterion, "", pod, name, n, bad))
        return ticks

"""What counts on a machine: Envoy for errors and latency, the app's own telemetry for every other outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from seaway.targets.base import Pod
from seaway.targets.process.supervised import SupervisedTarget
from seaway.telemetry.sources import app, envoy
from seaway.telemetry.sources.interface import Reading, Source
from seaway_sdk.conventions import RESERVED, TELEMETRY_PORT


@dataclass(frozen=True, slots=True)
class Counted:
    """What a release counts: the services that are routed, seconds by service, and signals as `service/name`."""

    routed: frozenset[str]
    budgets: Mapping[str, float]
    signals: tuple[str, ...]
    tick: float


@dataclass
class Only:
    """A source with some criteria left out: where the proxy counts a criterion, the app's own count is not trusted."""

    source: Source
    without: frozenset[str]
    name: str = "app"

    def read(self, through: float, now: float) -> Reading:
        """Reads the source and leaves the criteria out."""
        reading = self.source.read(through, now)
        kept = tuple(tick for tick in reading.ticks if tick.criterion not in self.without)
        return Reading(kept, reading.state, reading.reason, reading.dropped)


def sources(target: SupervisedTarget, counted: Counted) -> Iterator[Source]:
    """Yields a source an Envoy, and one a service whose app counts."""
    yield from _envoys(target, counted)
    signals = [signal.partition("/") for signal in counted.signals]
    for service in sorted({service for service, _, name in signals if name not in RESERVED}):
        yield Only(app.AppSource(service, _replicas_of(target, service), budgets={}, tick=counted.tick), RESERVED)


def _envoys(target: SupervisedTarget, counted: Counted) -> Iterator[Source]:
    thresholds = [envoy.Threshold(name, 1000 * seconds) for name, seconds in sorted(counted.budgets.items())]
    if target.one_proxy:
        yield envoy.EnvoySource(partial(target.read_proxy, ""), partial(_proxied, target), tuple(thresholds))
        return
    for service in sorted(counted.routed):
        own = tuple(each for each in thresholds if each.service == service)
        yield envoy.EnvoySource(partial(target.read_proxy, service), partial(_proxied, target, (service,)), own)


def _running(target: SupervisedTarget) -> Sequence[Pod]:
    return [pod for pod in target.observe(target.supervisor.look.at).pods if pod.address]


def _proxied(target: SupervisedTarget, services: Iterable[str] = ()) -> list[envoy.Replica]:
    """Returns the replicas behind fronts, of these services or of all."""
    ports: dict[str, list[int]] = {}
    for front in target.supervisor.look.fronts:
        if not services or front.service in services:
            ports.setdefault(front.service, []).append(front.port)
    return [
        envoy.Replica(pod.id, pod.service, pod.service_version, pod.address, pod.ready, clusters)
        for pod in _running(target)
        if (clusters := tuple(f"{pod.id}~{port}" for port in ports.get(pod.service, ())))
    ]


def _replicas_of(target: SupervisedTarget, service: str) -> Callable[[], tuple[app.Replica, ...]]:
    def replicas() -> tuple[app.Replica, ...]:
        return tuple(
            app.Replica(pod.id, pod.service_version, f"http://{pod.address}:{TELEMETRY_PORT}")
            for pod in _running(target)
            if pod.service == service and pod.ready
        )

    return replicas

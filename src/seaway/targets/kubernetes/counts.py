"""What the pods of a cluster have counted, read through the API server: an agent outside needs no way to a pod.

The app counts its own errors and latencies here, where no proxy of ours stands before it: a pod that dies with a
request in hand has not counted it. A pod that cannot be asked makes the reading blind, which holds a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from seaway.errors import ClusterRefused, ClusterUnreachable
from seaway.targets.kubernetes.cluster import PODS
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.telemetry.sources.app import AppSource, Replica
from seaway.telemetry.wire import WireError
from seaway_sdk.conventions import COUNTS_PATH, LATENCY, TELEMETRY_PORT


def sources(
    target: KubernetesTarget, services: Iterable[str], budgets: Mapping[str, float], tick: float
) -> Iterator[AppSource]:
    """Yields a source for each service; `budgets` are the seconds beyond which its requests are bad."""
    for service in sorted(services):
        own = {LATENCY: budgets[service]} if service in budgets else {}
        yield AppSource(service, _Replicas(target, service), budgets=own, tick=tick, read=_Reader(target))


class _Replicas:
    """The ready pods of a service, as last looked at."""

    def __init__(self, target: KubernetesTarget, service: str) -> None:
        self._target, self._service = target, service

    def __call__(self) -> tuple[Replica, ...]:
        pods = self._target.seen.pods if self._target.seen else ()
        return tuple(
            Replica(pod.id, pod.service_version, pod.id) for pod in pods if pod.service == self._service and pod.ready
        )


class _Reader:
    """Reads a pod's counts through the API server."""

    def __init__(self, target: KubernetesTarget) -> None:
        self._target = target

    def __call__(self, replica: Replica) -> bytes:
        pod = PODS.path(self._target.namespace, f"{replica.id}:{TELEMETRY_PORT}")
        try:
            answer = self._target.cluster.peek(f"{pod}/proxy{COUNTS_PATH}")
        except (ClusterUnreachable, ClusterRefused) as error:
            raise WireError(f"{replica.id}: {error.says}") from error
        if answer.status != 200:
            raise WireError(f"{replica.id}: answered {answer.status}")
        return answer.body

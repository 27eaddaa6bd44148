"""Which objects there should be: wishes and installed versions to objects, pure, the same twice as once.

Rules: pods of two versions stand beside each other; a Service selects one version while that has all requests, and all
versions while they share, so that the share is that of the pods; a route names a Service a version with its weight.
What keeps state has one object under its own name. A workload begins when what it waits for is there, and what began
is never taken back for that.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from seaway.digest import Digest
from seaway.targets.base import Seen, Version
from seaway.targets.blueprint import Dependency, Workload
from seaway.targets.kubernetes.fork import fork, pinned
from seaway.targets.kubernetes.names import SERVICE, Object, forked, label, reference
from seaway.targets.kubernetes.store import Installed
from seaway.targets.kubernetes.traffic import backend
from seaway.targets.kubernetes.workloads import IN_PLACE
from seaway.targets.process.wishes import Wishes

NOBODY = "unrouted"  # no pod has this version: a Service that selects it has no endpoints
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})


@dataclass(frozen=True, slots=True)
class World:
    """What desired objects are a function of; `begun` are the names of workloads that were applied before."""

    wishes: Wishes
    installed: Mapping[Digest, Installed]
    seen: Seen
    begun: Collection[str] = ()

    @property
    def versions(self) -> Mapping[Digest, Version]:
        """The installed versions."""
        return {digest: each.version for digest, each in self.installed.items()}

    @property
    def active(self) -> list[Installed]:
        """Returns the active versions, the stable one last: where they differ in what is not forked, it decides."""
        order = [each for each in self.wishes.active if each != self.wishes.stable]
        order += [self.wishes.stable] if self.wishes.stable in self.wishes.active else []
        return [self.installed[each] for each in order if each in self.installed]


def desired(world: World) -> list[Object]:
    """Returns every object that there should be, in no order."""
    found: dict[tuple[str, str, str], Object] = {}
    for installed in world.active:
        for item in installed.app:
            kind = item["kind"]
            if kind not in _WORKLOADS and kind not in ("Service", "HTTPRoute"):
                found[reference(item)] = item
    for item in (*_running(world), *_jobs(world), *_names(world)):
        found[reference(item)] = item
    return list(found.values())


# -- pods ------------------------------------------------------------------------------------------------------------


def _running(world: World) -> Iterator[Object]:
    for service, counts in sorted(world.wishes.pods.items()):
        made = [
            (installed, fork(installed.running[service], service, name, count))
            for name, count in sorted(counts.items())
            if (installed := _holder(world, service, name)) is not None
        ]
        if not made:
            continue
        kind = made[-1][1]["kind"]
        chosen = [_newest(world, service, counts, made)] if kind in IN_PLACE else made
        for installed, item in chosen:
            if _may_begin(world, installed.version, service, item):
                yield item


def _newest(
    world: World, service: str, counts: Mapping[str, int], made: list[tuple[Installed, Object]]
) -> tuple[Installed, Object]:
    """Returns the one object of a service that keeps state: that of the newest active version that wants pods."""
    for digest in reversed(world.wishes.active):
        name = world.versions[digest].service_versions.get(service) if digest in world.versions else None
        for installed, item in made:
            if name and counts.get(name) and installed.version.service_versions.get(service) == name:
                return installed, item
    return made[-1]


def _holder(world: World, service: str, name: str) -> Installed | None:
    """Returns the newest version that has a service in this form."""
    for installed in reversed(world.active or list(world.installed.values())):
        if installed.version.service_versions.get(service) == name and service in installed.running:
            return installed
    return None


def _jobs(world: World) -> Iterator[Object]:
    for key in world.wishes.jobs:
        service, _, name = key.rpartition("/")
        installed = _holder(world, service, name)
        if installed is not None:
            item = fork(installed.running[service], service, name, 1)
            if _may_begin(world, installed.version, service, item):
                yield item


def _may_begin(world: World, version: Version, service: str, item: Object) -> bool:
    """Whether what a workload waits for is there; one that began goes on."""
    if reference(item)[2] in world.begun:
        return True
    workload = next(each for each in version.blueprint.workloads if each.service == service)
    return all(_is_met(world, version, each) for each in workload.depends_on if each.required)


def _is_met(world: World, version: Version, wanted: Dependency) -> bool:
    name = version.service_versions.get(wanted.service)
    if name is None:
        return True  # nothing of ours: it is managed elsewhere, or its profile is off
    if wanted.condition == "service_completed_successfully":
        return any(
            job.name == wanted.service and job.version == version.digest
            for job in world.seen.jobs
            if job.state == "succeeded"
        )
    pods = [pod for pod in world.seen.pods if pod.service == wanted.service and pod.service_version == name]
    return any(pod.ready for pod in pods) if wanted.condition == "service_healthy" else bool(pods)


# -- names and shares ------------------------------------------------------------------------------------------------


def _names(world: World) -> Iterator[Object]:
    for installed in world.active:
        routed = {route_service(item) for item in installed.app if item["kind"] == "HTTPRoute"}
        for item in installed.app:
            if item["kind"] == "Service":
                yield _service(world, cast(Mapping[str, Any], item), routed)
            elif item["kind"] == "HTTPRoute":
                yield from _route(world, installed, cast(Mapping[str, Any], item))


def _service(world: World, item: Mapping[str, Any], routed: Collection[str]) -> Object:
    """Returns a Service that selects what has requests; behind a route the Service itself stays with stable."""
    service = _called(world, item)
    shares = {name: share for name, share in world.wishes.share(service, world.versions).items() if share}
    if _is_in_place(world, service):
        return pinned(item, "")
    if len(shares) > 1 and label(service) in routed:
        return pinned(item, _of_stable(world, service) or max(shares, key=lambda name: (shares[name], name)))
    if len(shares) > 1:
        return pinned(item, "")
    return pinned(item, next(iter(shares), NOBODY))


def _is_in_place(world: World, service: str) -> bool:
    return any(each.running[service]["kind"] in IN_PLACE for each in world.active if service in each.running)


def _of_stable(world: World, service: str) -> str | None:
    stable = world.versions.get(world.wishes.stable) if world.wishes.stable else None
    return stable.service_versions.get(service) if stable else None


def _called(world: World, item: Mapping[str, Any]) -> str:
    """Returns a service by its label: Compose allows names that a cluster does not."""
    mark = item["metadata"]["labels"][SERVICE]
    names = {name for each in world.active for name in each.version.service_versions}
    return next((name for name in sorted(names) if label(name) == mark), mark)


def route_service(item: Mapping[str, Any]) -> str:
    """Returns the label of the service that a route leads to."""
    return str(item["metadata"]["labels"][SERVICE])


def _route(world: World, installed: Installed, item: Mapping[str, Any]) -> Iterator[Object]:
    """Yields a Service for each version with pods, and the route with its weights."""
    service = _called(world, item)
    plain = next(
        cast(Any, each) for each in installed.app if each["kind"] == "Service" and reference(each)[2] == label(service)
    )
    counts = world.wishes.pods.get(service, {})
    shares = world.wishes.share(service, world.versions)
    known = sorted(set(counts) | {name for name, share in shares.items() if share})
    for name in known:
        yield pinned(plain, name, forked(service, name))
    made = copy.deepcopy(dict(item))
    port = made["spec"]["rules"][0]["backendRefs"][0]["port"]
    backends = [backend(forked(service, name), port, shares.get(name, 0)) for name in known]
    made["spec"]["rules"][0]["backendRefs"] = backends or [backend(label(service), port)]
    yield made


def waits(world: World) -> dict[str, str]:
    """Returns, by service, what a workload that has not begun waits for."""
    found = {}
    for installed in world.active:
        for workload in installed.version.blueprint.workloads:
            names = [each.service for each in _unmet(world, installed.version, workload)]
            if names:
                found[workload.service] = f"waits for {', '.join(names)}"
    return found


def _unmet(world: World, version: Version, workload: Workload) -> list[Dependency]:
    return [each for each in workload.depends_on if each.required and not _is_met(world, version, each)]

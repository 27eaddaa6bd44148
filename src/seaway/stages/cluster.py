"""The app on a cluster: from a bundle to a namespace, and what can be asked of what runs there.

`up` is all at once, watched by nobody; a governed release goes through `releasing.py`. The typing command itself brings
things nearer while it waits; afterwards Kubernetes keeps them. Images go to the app's registry first, by digest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.app.model import App
from seaway.bundle import Bundle
from seaway.errors import AgentMissing, ClusterRefused, EngineUnavailable, NameUnknown, NotYet
from seaway.http import Client
from seaway.image.reference import Reference
from seaway.image.registry import Registry
from seaway.image.transfer import push
from seaway.project import Project
from seaway.stages.calling import known_agent
from seaway.stages.rendering import Rendering, rendering
from seaway.stages.running import Up
from seaway.targets.base import Retarget, Retire, RunJob, Scale, Seen, Shift, Version
from seaway.targets.document import encode
from seaway.targets.kubernetes.cluster import NAMESPACES, Cluster
from seaway.targets.kubernetes.clusters import Clusters, Reach
from seaway.targets.kubernetes.execution import execute
from seaway.targets.kubernetes.kubeconfig import Access, find_access
from seaway.targets.kubernetes.names import SERVICE, label
from seaway.targets.kubernetes.setting import namespace_of
from seaway.targets.kubernetes.store import Installed
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
PATIENCE = 600.0
SETTLING = 20.0  # seconds after which what the API server refused is no passing fault
EVERY = 0.5
HOPELESS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CrashLoopBackOff")


def is_cluster(space: Project, environment: str) -> bool:
    """Whether an environment is on a cluster."""
    return space.load(environment).environment.target == "kubernetes"


def access(app: App, environ: Mapping[str, str]) -> Access:
    """Returns the way into an environment's cluster; raises NotYet for several, NameUnknown, ClusterUnreachable."""
    contexts = list(app.environment.contexts)
    if len(contexts) != 1:
        raise NotYet(f"{app.environment.name} on {len(contexts)} clusters", hint="contexts: [one]")
    return find_access(contexts[0], environ)


def target(space: Project, environment: str) -> KubernetesTarget:
    """Returns the target of an environment on a cluster."""
    app = space.load(environment)
    return KubernetesTarget(Cluster(access(app, space.environ)), namespace_of(app.name, app.environment), app.name)


def install(space: Workspace, environment: str, bundle: Bundle, say: Say) -> tuple[KubernetesTarget, Rendering]:
    """Makes a bundle's version known to a cluster: rendered, its images in the registry; starts nothing."""
    made = rendering(space, environment, bundle)
    place = target(space, environment)
    _require_namespace(place, made, say)
    reference = Reference.parse(made.setting.registry)
    pushed = push(Registry(reference, Client(), writes=True), bundle.digest, space.store)
    say("push", f"{reference}  {pushed}")
    place.install(made.version, rendered=made.rendered)
    remember(space, environment, place)
    return place, made


def remember(space: Project, environment: str, place: KubernetesTarget) -> None:
    """Tells the project's agent where an environment is; an account of its own, once installed, goes before yours."""
    clusters = Clusters(space.paths.folder)
    own = clusters.own_kubeconfig(environment)
    files = os.pathsep.join(
        str(Path(part).absolute()) for part in space.environ.get("KUBECONFIG", "").split(os.pathsep) if part
    )
    context = "current" if own.exists() else place.cluster.access.name
    clusters.keep(environment, Reach(str(own) if own.exists() else files, context, place.namespace, place.app))


def _require_namespace(place: KubernetesTarget, made: Rendering, say: Say) -> None:
    """Makes the namespace where there is none; one that is there is used as it is."""
    if place.cluster.get(NAMESPACES, "", place.namespace) is None:
        for item in made.rendered.install:
            place.cluster.apply(item)
        say("namespace", f"{place.namespace}, restricted")


@dataclass(frozen=True, slots=True)
class ClusterUp(Up):
    """What runs on a cluster, and where the gateway leads to it."""

    hosts: tuple[str, ...] = ()

    @property
    def addresses(self) -> list[str]:
        """The hosts that are routed to the app."""
        return list(self.hosts)


def up(space: Workspace, environment: str, bundle: Bundle, say: Say) -> ClusterUp:
    """Runs a bundle at once on a cluster and waits until every service is ready and has its requests."""
    place, made = install(space, environment, bundle, say)
    version = made.version
    before = place.store.state().wishes
    epoch, workloads = before.epoch, version.blueprint.workloads
    place.act(Scale(version.digest, {each.service: each.replicas for each in workloads if each.kind != "job"}), epoch)
    for each in workloads:
        if each.kind == "job":
            place.act(RunJob(version.digest, each.service), epoch)
    wait(place, version, say, lambda seen: _is_ready(seen, version))
    place.act(Shift({version.digest: 100}), epoch)
    place.act(Retarget(version.digest), epoch)
    wait(place, version, say, lambda seen: _is_routed(seen, version))
    for other in before.active:  # only now: until the endpoints have moved, requests go to what was there before
        if other != version.digest:
            place.act(Retire(other), epoch)
    seen = wait(place, version, say, lambda seen: _is_alone(seen, version))
    hosts = tuple(
        f"http://{each.expose.host or '*'}{each.expose.path}" for each in made.setting.services.values() if each.expose
    )
    says = f"namespace {place.namespace} of {place.cluster.access.name}"
    return ClusterUp(version, {"seen": encode(seen), "way": says}, hosts)


def wait(place: KubernetesTarget, version: Version, say: Say, holds: Callable[[Seen], bool]) -> Seen:
    """Looks until something holds; raises EngineUnavailable with the reason of the pod that keeps it from holding."""
    began, shown = time.monotonic(), ""
    while True:
        seen = place.observe(time.time())
        words = "  ".join(f"{service} {have}/{want}" for service, (have, want) in _counts(seen, version).items())
        if words != shown:
            say("ready", words)
            shown = words
        if holds(seen):
            return seen
        spent = time.monotonic() - began
        if failed := [job for job in seen.jobs if job.state == "failed" and job.version == version.digest]:
            raise EngineUnavailable(
                f"job {failed[0].name} failed: {failed[0].reason}", hint=f"seaway logs {failed[0].name}"
            )
        if seen.faults and spent > SETTLING:
            raise ClusterRefused(seen.faults[0], where=place.namespace)
        if spent > PATIENCE or (spent > SETTLING and _is_hopeless(seen, version)):
            raise EngineUnavailable(
                f"not ready after {spent:.0f} s: {words}", where=place.namespace, hint=why(place, seen)
            )
        time.sleep(EVERY)


def _counts(seen: Seen, version: Version) -> dict[str, tuple[int, int]]:
    """Returns, by service, the ready pods of this version and how many are wanted."""
    names = version.service_versions
    ready = [pod.service for pod in seen.pods if pod.ready and pod.service_version == names.get(pod.service)]
    wanted = {each.service: each.replicas for each in version.blueprint.workloads if each.kind != "job"}
    return {service: (ready.count(service), count) for service, count in sorted(wanted.items())}


def _is_ready(seen: Seen, version: Version) -> bool:
    jobs = {job.name for job in seen.jobs if job.state == "succeeded" and job.version == version.digest}
    wanted = {each.service for each in version.blueprint.workloads if each.kind == "job"}
    return wanted <= jobs and all(have >= want for have, want in _counts(seen, version).values())


def _is_routed(seen: Seen, version: Version) -> bool:
    names = version.service_versions
    listening = [each.service for each in version.blueprint.workloads if each.ports and each.kind != "job"]
    return all(seen.weights.get(name, {}).get(names[name]) == 100.0 for name in listening)


def _is_alone(seen: Seen, version: Version) -> bool:
    own = version.service_versions
    return _is_routed(seen, version) and all(own.get(pod.service) == pod.service_version for pod in seen.pods)


def _is_hopeless(seen: Seen, version: Version) -> bool:
    own = version.service_versions
    return any(
        pod.reason.startswith(HOPELESS) and own.get(pod.service) == pod.service_version and not pod.ready
        for pod in seen.pods
    )


def why(place: KubernetesTarget, seen: Seen) -> str:
    """Returns what keeps pods from being ready: what they wait for, their own reason, the newest warning about one."""
    waiting = [f"{service} {reason}" for service, reason in sorted(place.waits.items())]
    for pod in seen.pods:
        if not pod.ready and pod.reason != "ends":
            said = ", ".join(part for part in (pod.reason, place.why(pod.id)) if part)
            waiting.append(f"{pod.id}: {said or 'not ready yet'}")
    return "; ".join(waiting) or "seaway ps"


# -- asking ----------------------------------------------------------------------------------------------------------


def rows(space: Project, environment: str) -> list[dict[str, Any]]:
    """Returns a row for each pod and job, as `seaway ps` shows them."""
    place = target(space, environment)
    seen = place.observe(time.time())
    pods = [
        {
            "pod": pod.id,
            "service": pod.service,
            "version": pod.service_version,
            "address": pod.address,
            "state": "running" if pod.address else "pending",
            "ready": pod.ready,
            "since": pod.since,
            "restarts": pod.restarts,
            "job": False,
            "reason": pod.reason,
        }
        for pod in seen.pods
    ]
    jobs = [
        {
            "pod": job.name,
            "service": job.name,
            "version": "",
            "address": "",
            "state": job.state,
            "ready": False,
            "since": 0.0,
            "restarts": 0,
            "job": True,
            "reason": job.reason,
        }
        for job in seen.jobs
    ]
    return [*pods, *jobs]


def logs(space: Project, environment: str, services: Sequence[str], tail: int | None) -> list[tuple[str, str, str]]:
    """Returns (time, pod, text) of what services wrote, in the order of time."""
    place = target(space, environment)
    found: list[tuple[str, str, str]] = []
    for pod in _pods(place, services):
        for line in place.cluster.log(place.namespace, pod, tail=tail):
            at, _, text = line.partition(" ")
            found.append((at, pod, text))
    return sorted(found)


def run(space: Project, environment: str, service: str, argv: Sequence[str], index: int) -> int:
    """Runs a command in a ready pod of a service, with this process' own input and output; returns its exit code."""
    place = target(space, environment)
    seen = place.observe(time.time())
    ready = [pod.id for pod in seen.pods if pod.service == service and pod.ready]
    if not 0 < index <= len(ready):
        raise NameUnknown(f"{service} has {len(ready) or 'no'} ready pods, not a number {index}", hint="seaway ps")
    return execute(place.cluster.access, place.namespace, ready[index - 1], argv, (0, 1, 2))


def down(space: Project, environment: str) -> bool:
    """Stops what runs of the app on its cluster and waits until it is gone; claims stay. Tells whether anything ran."""
    place = target(space, environment)
    if place.store.state().mark is None:
        return False
    _end_release(space, environment)
    place.down()
    until = time.monotonic() + PATIENCE
    ran = bool(place.pods())
    while place.observe(time.time()).pods or place.store.state().inventory != _kept(place):
        if time.monotonic() > until:
            raise EngineUnavailable(f"{environment} did not stop within {PATIENCE:.0f} s", hint="seaway ps")
        time.sleep(EVERY)
    return ran


def releasing(space: Project, environment: str) -> bool:
    """Whether the project's agent has a release under way there."""
    try:
        seen = known_agent(space).ask("watch", environment=environment)
    except (AgentMissing, NameUnknown):
        return False
    return seen["state"] not in ("live", "rolled-back", "stranded")


def _end_release(space: Project, environment: str) -> None:
    """Has the project's agent, where there is one, end a release that is under way where it stands."""
    try:
        known_agent(space).ask("down", environment=environment)
    except AgentMissing:
        return


def _kept(place: KubernetesTarget) -> tuple[tuple[str, str, str], ...]:
    return tuple(each for each in place.store.state().inventory if each[1] == "PersistentVolumeClaim")


def _pods(place: KubernetesTarget, services: Sequence[str]) -> Iterator[str]:
    wanted = {label(each) for each in services}
    for item in place.pods():
        if not wanted or item["metadata"]["labels"].get(SERVICE) in wanted:
            yield item["metadata"]["name"]


def stable(space: Project, environment: str) -> Installed | None:
    """Returns the version that owns the traffic on a cluster."""
    place = target(space, environment)
    digest = place.store.state().wishes.stable
    return place.store.installed().get(digest) if digest else None

"""Where an environment is: what a release needs of this machine or of a cluster, asked in one way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import NotYet
from seaway.stages import cluster, running
from seaway.stages.rendering import Rendering
from seaway.targets.base import Features, Version
from seaway.targets.kubernetes.store import Installed
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.targets.kubernetes.workloads import IN_PLACE
from seaway.targets.process.store import Store
from seaway.targets.process.supervised import SupervisedTarget
from seaway.workspace import Workspace

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A version that is known where it shall run: what that place can do, and what it is called."""

    version: Version
    features: Features
    place: str


def install(space: Workspace, environment: str, bundle: Bundle, say: Say) -> Placed:
    """Makes a bundle's version known to an environment; starts nothing."""
    if not cluster.is_cluster(space, environment):
        version = running.install(space, environment, bundle, say)
        return Placed(version, SupervisedTarget.features, running.here(space, environment))
    target, made = cluster.install(space, environment, bundle, say)
    _require_forks(cluster.stable(space, environment), made)
    split = by_pods(made)
    if routed := sorted(each.service for each in made.version.blueprint.workloads if _is_routed(made, each.service)):
        say("routes", f"{', '.join(routed)}: shares are the gateway's; calls inside the cluster stay with stable")
    features = replace(KubernetesTarget.features, by_pods=split)
    return Placed(made.version, features, f"kubernetes:{target.cluster.access.name}/{target.namespace}")


def kept(space: Workspace, environment: str, versions: Sequence[Digest]) -> Placed | None:
    """Returns the first of these versions that this machine has whole: configuration, secrets and unpacked images."""
    if cluster.is_cluster(space, environment):
        return None
    installed = Store(space.paths.environment(environment)).installed()
    for each in (installed[digest] for digest in versions if digest in installed):
        if all(root.is_dir() for root in each.roots.values()):
            return Placed(each.version, SupervisedTarget.features, running.here(space, environment))
    return None


def by_pods(made: Rendering) -> frozenset[str]:
    """Returns the services that listen and stand behind no gateway: their share is that of their pods."""
    listening = {each.service for each in made.version.blueprint.workloads if each.ports}
    return frozenset(name for name in listening if not _is_routed(made, name))


def _is_routed(made: Rendering, service: str) -> bool:
    return made.setting.place(service).expose is not None


def _require_forks(before: Installed | None, made: Rendering) -> None:
    """Raises NotYet where a release would change what keeps state: that has one object, and no second beside it."""
    names = before.version.service_versions if before else {}
    for service, item in made.rendered.running.items():
        if item["kind"] in IN_PLACE and service in names and names[service] != made.version.service_versions[service]:
            raise NotYet(
                f"a release that changes {service}, which keeps state on a cluster",
                hint="an environment without gates: seaway up",
            )


def stable(space: Workspace, environment: str) -> Version | None:
    """Returns the version that owns the traffic of an environment."""
    if cluster.is_cluster(space, environment):
        found = cluster.stable(space, environment)
        return found.version if found else None
    paths = space.paths.environment(environment)
    if not paths.folder.is_dir():
        return None
    store = Store(paths)
    digest = store.wishes().stable
    return store.installed()[digest].version if digest else None

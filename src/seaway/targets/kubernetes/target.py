"""`KubernetesTarget`: the `Target` protocol over one namespace of one cluster.

A wish is stored in the cluster first, then objects follow by server-side apply; what was applied is in the inventory
before it is there, so nothing of ours is ever left behind. Nothing runs here between two looks: Kubernetes itself keeps
pods going, so whoever dies, the app does not. Claims are never deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

from seaway.digest import Digest
from seaway.errors import ApplyConflict, ClusterRefused, ClusterUnreachable
from seaway.targets.base import Action, Features, JobSeen, Pod, Seen, Version
from seaway.targets.kubernetes import facts
from seaway.targets.kubernetes.admission import GRANTS, key
from seaway.targets.kubernetes.cluster import (
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    PODS,
    ROUTES,
    SERVICES,
    SLICES,
    Changed,
    Cluster,
    Item,
    Kind,
)
from seaway.targets.kubernetes.desired import World, desired, waits
from seaway.targets.kubernetes.grants import grant, grant_of
from seaway.targets.kubernetes.names import (
    SERVICE,
    VERSION,
    Object,
    content_hash,
    forked,
    label,
    labels,
    reference,
)
from seaway.targets.kubernetes.render import Rendered, place
from seaway.targets.kubernetes.resource import release_object
from seaway.targets.kubernetes.store import Installed, Reference, State, Store
from seaway.targets.process.wishes import Wishes

KEPT = frozenset({"PersistentVolumeClaim", "Namespace"})
AGAIN = 30.0  # seconds after which all is applied again: what somebody changed by hand comes back
DRAINED = 15.0  # seconds without endpoints after which a connection that was kept alive counts as gone
_SERVICE_NAME = "kubernetes.io/service-name"


class KubernetesTarget:
    """Runs versions of one app in one namespace."""

    name = "kubernetes"
    features = Features(weights=True, mirror=False, snapshots=False, finest_weight=1)

    def __init__(self, cluster: Cluster, namespace: str, app: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.app = app
        self.store = Store(cluster, namespace, app)
        self.waits: Mapping[str, str] = {}
        self.seen: Seen | None = None
        self._applied: dict[tuple[str, str, str], str] = {}
        self._since = 0.0
        self._unrouted: dict[tuple[str, str], float] = {}

    # -- the protocol ------------------------------------------------------------------------------------------------

    def install(self, version: Version, *, rendered: Rendered | None = None) -> None:
        """Makes a rendered version known; starts nothing. Raises ClusterRefused where the namespace is missing."""
        if rendered is None:
            return
        if self.cluster.get(NAMESPACES, "", self.namespace) is None:
            raise ClusterRefused(
                f"there is no namespace {self.namespace}", hint=f"kubectl create namespace {self.namespace}"
            )
        self.store.install(Installed.of(version, rendered))

    def observe(self, now: float) -> Seen:
        """Returns what runs, from the API server, after it was brought nearer to what is wished."""
        state, installed = self.store.state(), self.store.installed()
        faults: list[str] = []
        seen = self._look(state, installed, now)
        if state.mark is not None and self._reconcile(state, installed, seen, faults):
            seen = self._look(state, installed, now)
        gone = [f"gone:{digest}" for digest in state.wishes.active if digest not in installed]
        self.seen = replace(seen, drained=self._drained(state, installed, seen), faults=(*faults, *gone))
        return self.seen

    def act(self, action: Action, epoch: int) -> None:
        """Stores a wish, which the next look meets; raises StaleEpoch, NameUnknown, UsageError or OutageRefused."""
        self.store.act(action, epoch)

    def tell(self, spec: Mapping[str, object], status: Mapping[str, object]) -> None:
        """Says how a release stands in the app's `Release`; where nobody installed its definition, says nothing."""
        item = release_object(self.app, self.namespace, spec)
        try:
            known = self.cluster.apply(item)
            self.cluster.replace({**item, "metadata": known["metadata"], "status": dict(status)}, "status")
        except (ClusterRefused, ApplyConflict, Changed):
            return  # it is said again at the next change; the release itself does not depend on it

    def grant(self, images: Iterable[str], leaf: int, promoted: date) -> None:
        """Lets images into the namespace, where it is governed: it is where it has grants at all."""
        if self.cluster.get(CONFIG_MAPS, self.namespace, GRANTS) is not None:
            fresh = {key(Digest.parse(image)): grant_of(leaf, promoted) for image in images}
            grant(self.cluster, self.namespace, fresh, datetime.now(UTC).date())

    def down(self) -> None:
        """Wishes that nothing runs; claims, and what is in them, stay."""
        self.store.change(lambda state: replace(state, wishes=Wishes(state.wishes.epoch, down=True)))

    # -- looking -----------------------------------------------------------------------------------------------------

    def pods(self) -> list[Item]:
        """Returns the pods of the app as the API server has them."""
        return self.cluster.find(PODS, self.namespace, labels(self.app))

    def _look(self, state: State, installed: Mapping[Digest, Installed], now: float) -> Seen:
        names = {label(name): name for each in installed.values() for name in each.version.service_versions}
        items = self.pods()
        pods = tuple(facts.pod_of(item, names) for item in items if not facts.is_job(item) and not _has_ended(item))
        return Seen(
            at=now,
            pods=tuple(sorted(pods, key=lambda pod: pod.id)),
            weights=self._weights(pods, names),
            stable=state.wishes.stable,
            jobs=tuple(self._jobs(state, installed, names)),
        )

    def _weights(self, pods: Sequence[Pod], names: Mapping[str, str]) -> dict[str, dict[str, float]]:
        """Returns the observed shares of each service that listens: of its route where it has one, else by pods."""
        versions = {pod.id: pod.service_version for pod in pods}
        slices = self.cluster.find(SLICES, self.namespace, labels(self.app))
        found: dict[str, dict[str, float]] = {}
        for item in self.cluster.find(SERVICES, self.namespace, labels(self.app)):
            about = item["metadata"]
            mark = about["labels"].get(SERVICE, "")
            if about["name"] == mark and item["spec"].get("ports") and mark in names:
                own = [each for each in slices if each["metadata"]["labels"].get(_SERVICE_NAME) == mark]
                found[names[mark]] = facts.endpoint_shares(own, versions)
        for route in self.cluster.find(ROUTES, self.namespace, labels(self.app)):
            name = names.get(route["metadata"]["labels"].get(SERVICE, ""), "")
            forks = {forked(name, version): version for version in versions.values()}
            shares = facts.route_shares(route, forks)
            if shares is None:
                found.pop(name, None)
            else:
                found[name] = shares
        return found

    def _jobs(self, state: State, installed: Mapping[Digest, Installed], names: Mapping[str, str]) -> Iterator[JobSeen]:
        """Yields each job's run once for every active version that holds it unchanged."""
        for item in self.cluster.find(JOBS, self.namespace, labels(self.app)):
            marks = item["metadata"]["labels"]
            service, run = names.get(marks.get(SERVICE, ""), ""), marks.get(VERSION, "")
            said, why = facts.job_state(item)
            for digest in state.wishes.active:
                if digest in installed and installed[digest].version.service_versions.get(service) == run:
                    yield JobSeen(service, digest, said, why)

    def _drained(self, state: State, installed: Mapping[Digest, Installed], seen: Seen) -> frozenset[str]:
        """Returns the service versions that have had no endpoint and no weight for a while."""
        versions = {digest: each.version for digest, each in installed.items()}
        idle: dict[tuple[str, str], float] = {}
        for version in versions.values():
            for service, name in version.service_versions.items():
                wished = state.wishes.share(service, versions).get(name)
                if not wished and not seen.weights.get(service, {}).get(name):
                    idle[service, name] = self._unrouted.get((service, name), seen.at)
        self._unrouted = idle
        listening = set(seen.weights)
        waiting = {
            name for (service, name), since in idle.items() if service in listening and seen.at - since < DRAINED
        }
        return frozenset(name for _, name in idle if name not in waiting)

    # -- bringing it nearer ------------------------------------------------------------------------------------------

    def _reconcile(self, state: State, installed: Mapping[Digest, Installed], seen: Seen, faults: list[str]) -> bool:
        """Applies what changed and removes what is over; tells whether it did, and adds what was refused to faults."""
        if seen.at - self._since >= AGAIN:
            self._applied, self._since = {}, seen.at
        begun = {name for _, _, name in state.inventory}
        world = World(state.wishes, installed, seen, begun)
        self.waits = waits(world)
        wanted = sorted(desired(world), key=place)
        ours = {_entry(item) for item in wanted}
        if not ours <= set(state.inventory):
            state = self._remember(ours | set(state.inventory))
        before = dict(self._applied)
        faults += self._apply(wanted)
        over = [each for each in state.inventory if each not in ours and each[1] not in KEPT]
        if over and not faults:
            for api, kind, name in over:
                self.cluster.delete(Kind(api, kind), self.namespace, name)
                self._applied.pop((kind, self.namespace, name), None)
            self._remember(set(state.inventory) - set(over))
        return before != self._applied

    def _remember(self, inventory: set[Reference]) -> State:
        return self.store.change(lambda state: replace(state, inventory=tuple(sorted(inventory))))

    def _apply(self, wanted: Sequence[Object]) -> Iterator[str]:
        for item in wanted:
            name, mark = reference(item), content_hash(item)
            if self._applied.get(name) == mark:
                continue
            try:
                self.cluster.apply(item)
                self._applied[name] = mark
            except (ClusterRefused, ApplyConflict) as error:
                yield f"{error.where}: {error.says}"

    def why(self, pod: str) -> str:
        """Returns what the newest warning about a pod says; empty where there is none."""
        with suppress(ClusterUnreachable, ClusterRefused):
            warnings = [each for each in self.cluster.events(self.namespace, pod) if each.get("type") == "Warning"]
            if warnings:
                return f"{warnings[-1].get('reason', '')}: {warnings[-1].get('message', '')}"
        return ""


def _entry(item: Object) -> Reference:
    kind, _, name = reference(item)
    return str(item["apiVersion"]), kind, name


def _has_ended(item: Item) -> bool:
    """Whether a pod has ended for good, as after a node was drained: its owner makes another."""
    return (item.get("status") or {}).get("phase") in ("Succeeded", "Failed")

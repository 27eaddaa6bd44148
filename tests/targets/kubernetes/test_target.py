"""The cluster target on an API server in memory: order, names, what is pruned, and a writer that dies anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from seaway.targets.base import Retarget, Retire, RunJob, Scale, Seen, Shift
from seaway.targets.blueprint import Dependency, Workload
from seaway.targets.kubernetes.cluster import CONFIG_MAPS, DEPLOYMENTS, SERVICES
from seaway.targets.kubernetes.names import VERSION, labels
from seaway.targets.kubernetes.store import STATE, Installed
from seaway.targets.kubernetes.target import KubernetesTarget
from tests.fakes.api import FakeApi
from tests.targets.kubernetes.world import API, DB, MIGRATE, SETTING, WORKER, installed

pytestmark = pytest.mark.rootless

NAMESPACE = "shop-dev"
HERE = replace(SETTING, namespace=NAMESPACE, gateway=None, services={})
OPEN = replace(API, depends_on=(), replicas=2)


class Dies(Exception):
    """The writer was killed."""


class World:
    """A target with a clock, and a way to start it anew."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.now = 1000.0
        self.restart()

    def restart(self) -> None:
        """Begins with nothing in memory, as after a crash."""
        self.target = KubernetesTarget(self.api, NAMESPACE, "shop")

    def install(self, *workloads: Workload) -> Installed:
        """Installs a version of these workloads."""
        made = installed(*workloads, setting=HERE)
        self.target.store.install(made)
        return made

    def until(self, holds: Callable[[Seen], bool], looks: int = 200) -> Seen:
        """Looks until something holds."""
        for _ in range(looks):
            self.now += 0.5
            seen = self.target.observe(self.now)
            if holds(seen):
                return seen
        raise AssertionError(f"it never held: {seen}")

    def live(self, made: Installed) -> Seen:
        """Takes a version live at once."""
        digest = made.version.digest
        counts = {each.service: each.replicas for each in made.version.blueprint.workloads if each.kind != "job"}
        for action in (Scale(digest, counts), Shift({digest: 100}), Retarget(digest)):
            self.target.act(action, 1)
        for workload in made.version.blueprint.workloads:
            if workload.kind == "job":
                self.target.act(RunJob(digest, workload.service), 1)
        return self.until(lambda seen: ready(seen, made) and routed(seen, made))

    def deployments(self) -> set[str]:
        """Returns the names of the Deployments there are."""
        return {each["metadata"]["name"] for each in self.api.find(DEPLOYMENTS, NAMESPACE)}

    def selected(self, service: str) -> str | None:
        """Returns the version that a Service selects, None for all."""
        item = self.api.get(SERVICES, NAMESPACE, service)
        assert item is not None
        found: str | None = item["spec"]["selector"].get(VERSION)
        return found


def ready(seen: Seen, made: Installed) -> bool:
    """Whether every replica of a version is ready."""
    names = made.version.service_versions
    return all(
        sum(pod.ready for pod in seen.pods if (pod.service, pod.service_version) == (each.service, names[each.service]))
        >= each.replicas
        for each in made.version.blueprint.workloads
        if each.kind != "job"
    )


def routed(seen: Seen, made: Installed) -> bool:
    """Whether all requests of a version's services are observed at it."""
    names = made.version.service_versions
    listening = [each.service for each in made.version.blueprint.workloads if each.ports]
    return all(seen.weights.get(name, {}).get(names[name]) == 100.0 for name in listening)


@pytest.fixture
def world() -> World:
    """Returns an empty namespace and a target."""
    return World()


def test_a_service_waits_for_what_it_depends_on(world: World) -> None:
    """The job's end, the store's health: then the api begins, and no crash loop was seen before."""
    made = world.install(API, DB, MIGRATE, WORKER)
    digest = made.version.digest
    world.target.act(Scale(digest, {"api": 3, "db": 1, "worker": 1}), 1)
    seen = world.until(lambda seen: any(pod.service == "db" and pod.ready for pod in seen.pods))
    assert not any(pod.service == "api" for pod in seen.pods)
    assert world.target.waits["api"] == "waits for migrate"
    world.target.act(RunJob(digest, "migrate"), 1)
    world.until(lambda seen: ready(seen, made))


def test_nobody_is_sent_to_a_version_before_its_share(world: World) -> None:
    """Pods are prepared first; until then the Service selects nobody, or stable alone."""
    before = world.install(OPEN)
    world.target.act(Scale(before.version.digest, {"api": 2}), 1)
    seen = world.until(lambda seen: ready(seen, before))
    assert seen.weights["api"] == {} and world.selected("api") == "unrouted"
    world.live(before)
    after = world.install(replace(OPEN, environment={"ANSWER": "no"}))
    world.target.act(Scale(after.version.digest, {"api": 2}), 1)
    seen = world.until(lambda seen: ready(seen, after))
    assert seen.weights["api"] == {before.version.service_versions["api"]: 100.0}


def test_by_replicas_a_share_is_that_of_the_pods(world: World) -> None:
    """Between two versions the Service selects both; at the end one."""
    before = world.install(OPEN)
    world.live(before)
    after = world.install(replace(OPEN, environment={"ANSWER": "no"}))
    world.target.act(Scale(after.version.digest, {"api": 2}), 1)
    world.until(lambda seen: ready(seen, after))
    world.target.act(Shift({before.version.digest: 50, after.version.digest: 50}), 1)
    world.until(lambda seen: seen.weights["api"].get(after.version.service_versions["api"]) == 50.0)
    assert world.selected("api") is None
    world.target.act(Shift({before.version.digest: 0, after.version.digest: 100}), 1)
    world.until(lambda seen: routed(seen, after))
    assert world.selected("api") == after.version.service_versions["api"]


def test_what_keeps_state_is_updated_under_its_own_name(world: World) -> None:
    """One StatefulSet, never two: the newest version that wants it decides."""
    before = world.install(DB)
    world.live(before)
    after = world.install(replace(DB, environment={"SIZE": "2"}))
    world.live(after)
    names = [name for kind, _, name in world.api.items if kind == "statefulsets"]
    assert names == ["db"]


def test_what_no_version_needs_is_pruned_and_claims_stay(world: World) -> None:
    """The old Deployment and the service that is gone are removed; the volume is not."""
    before = world.install(OPEN, WORKER)
    world.live(before)
    after = world.install(replace(OPEN, environment={"ANSWER": "no"}))
    world.live(after)
    world.target.act(Retire(before.version.digest), 1)
    world.until(lambda seen: not any(pod.service == "worker" for pod in seen.pods))
    world.until(lambda seen: len(seen.pods) == 2)
    assert world.deployments() == {f"api-{after.version.service_versions['api']}"}
    assert ("services", NAMESPACE, "worker") not in world.api.items
    assert ("persistentvolumeclaims", NAMESPACE, "index") in world.api.items


def test_a_deployment_deleted_by_hand_comes_back(world: World) -> None:
    """All is applied again after a while."""
    made = world.install(OPEN)
    world.live(made)
    for name in world.deployments():
        world.api.delete(DEPLOYMENTS, NAMESPACE, name)
    world.until(lambda seen: not seen.pods)
    world.until(lambda seen: ready(seen, made))


def test_down_leaves_volumes_and_versions(world: World) -> None:
    """Nothing runs, and nothing is lost."""
    made = world.install(OPEN, WORKER)
    world.live(made)
    world.target.down()
    world.until(lambda seen: not seen.pods)
    kinds = {kind for kind, within, _ in world.api.items if within == NAMESPACE}
    assert {"deployments", "services"} & kinds == set() and "persistentvolumeclaims" in kinds
    assert made.version.digest in world.target.store.installed()


def test_another_agent_goes_on_from_the_cluster_alone(world: World) -> None:
    """Nothing on this machine is needed: versions, wishes and inventory are there."""
    made = world.install(OPEN)
    world.live(made)
    other = KubernetesTarget(world.api, NAMESPACE, "shop")
    seen = other.observe(world.now + 1)
    assert seen.stable == made.version.digest and ready(seen, made) and other.store.installed()


def story(world: World) -> None:
    """One version replaces another."""
    before = installed(OPEN, WORKER, setting=HERE)
    after = installed(replace(OPEN, environment={"ANSWER": "no"}), setting=HERE)
    steps: list[Callable[[], object]] = [
        lambda: world.target.store.install(before),
        lambda: world.target.store.install(after),
        lambda: world.live(before),
        lambda: world.live(after),
        lambda: world.target.act(Retire(before.version.digest), 1),
        lambda: world.until(lambda seen: len(seen.pods) == 2),
    ]
    for step in steps:
        for _ in range(3):
            try:
                step()
                break
            except Dies:
                world.restart()


def end(world: World) -> set[tuple[str, str]]:
    """Returns what is there at the end, pods' own names apart."""
    return {(kind, name) for kind, within, name in world.api.items if within == NAMESPACE and kind != "pods"}


def test_a_writer_that_dies_before_any_write_leaves_the_same_end(world: World) -> None:
    """For every write: killed there and started again, the end is the same and nothing is left behind."""
    story(world)
    writes, wanted = world.api.writes, end(world)
    assert writes > 20
    for number in range(1, writes + 1):
        other = World()

        def dies(at: int, number: int = number) -> None:
            if at == number:
                raise Dies

        other.api.before_write = dies
        story(other)
        assert end(other) == wanted, f"killed before write {number}"


def test_two_writers_lose_nothing(world: World) -> None:
    """A state that moved in between is read again."""
    made = world.install(OPEN)
    world.live(made)
    other = KubernetesTarget(world.api, NAMESPACE, "shop")
    real = world.api.before_write
    once: list[int] = []

    def meddle(number: int) -> None:
        if not once:
            once.append(number)
            other.act(Scale(made.version.digest, {"api": 3}), 1)

    world.api.before_write = meddle
    world.target.act(Scale(made.version.digest, {"api": 4}), 1)
    world.api.before_write = real
    assert world.target.store.state().wishes.pods["api"] == {made.version.service_versions["api"]: 4}


def test_the_state_is_one_object_with_our_labels(world: World) -> None:
    """So that it goes with the app, and nobody wonders whose it is."""
    world.live(world.install(OPEN))
    item = world.api.get(CONFIG_MAPS, NAMESPACE, STATE)
    assert item is not None and labels("shop").items() <= item["metadata"]["labels"].items()


def test_an_unmet_dependency_of_something_that_began_stops_nothing(world: World) -> None:
    """A store that fails later takes no api away."""
    made = world.install(replace(API, depends_on=(Dependency("db", "service_healthy"),), replicas=1), DB)
    world.live(made)
    world.api.broken.add(made.running["db"]["spec"]["template"]["spec"]["containers"][0]["image"])  # type: ignore[index]
    world.restart()
    world.now += 60
    world.until(lambda seen: any(pod.service == "db" and not pod.ready for pod in seen.pods))
    assert any(name.startswith("api-") for name in world.deployments())

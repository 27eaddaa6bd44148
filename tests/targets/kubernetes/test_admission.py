"""The grant policy on a real API server: what is let in, what is not, and what it must never stop."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.errors import ClusterRefused
from seaway.targets.kubernetes import grants
from seaway.targets.kubernetes.admission import (
    AGENT,
    GRANTS,
    anchor_objects,
    grants_object,
    key,
    policy_objects,
    removal,
)
from seaway.targets.kubernetes.cluster import CONFIG_MAPS, NAMESPACES, PODS, Changed, Cluster, Kind
from seaway.targets.kubernetes.kubeconfig import Access
from seaway.targets.kubernetes.names import reference
from seaway.targets.kubernetes.rights import account
from tests.rig.session import Rig
from tests.targets.kubernetes.live import namespace_of, opened, until

pytestmark = [pytest.mark.rig("cluster"), pytest.mark.root]

GOOD, BAD = Digest.of(b"granted"), Digest.of(b"never granted")
TODAY = date(2026, 1, 1)
Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(rig: Rig) -> Cluster:
    """Returns the rig's cluster, with the anchor that keeps policies of this kind alive."""
    found = opened(rig)
    for item in anchor_objects():
        found.apply(item)
    return found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Returns a namespace of this test alone."""
    yield from namespace_of(cluster)


@pytest.fixture
def governed(cluster: Cluster, namespace: str) -> Iterator[str]:
    """Returns a namespace where the policy is enforced and one image is granted."""
    cluster.apply(grants_object(namespace, {GOOD: (7, "2026-12-31")}))
    items = (*account("shop", namespace), *policy_objects(namespace, "enforce"))
    with applied(cluster, items):
        until(lambda: refused(cluster, pod(namespace, "probe", BAD)))
        until(lambda: refused(cluster, workload(namespace, "probe", BAD)))
        until(lambda: refused(cluster, cron(namespace, BAD)))
        yield namespace


@contextmanager
def applied(cluster: Cluster, items: Iterable[Object]) -> Iterator[None]:
    """Applies objects, and takes them away again whatever happens, bindings first."""
    wanted = list(items)
    try:
        for item in wanted:
            cluster.apply(item)
        yield
    finally:
        for item in removal(wanted):
            kind, within, name = reference(item)
            cluster.delete(Kind(str(item["apiVersion"]), kind), within, name)


def container(image: Digest | str, name: str = "main") -> Object:
    """Returns a container that restricted Pod Security admits."""
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    named = f"registry.example/shop@{image}" if isinstance(image, Digest) else image
    return {"name": name, "image": named, "securityContext": secure}


def spec(image: Digest | str, **more: object) -> Object:
    """Returns the spec of a restricted pod."""
    secure = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"containers": [container(image)], "securityContext": secure, **more}


def pod(namespace: str, name: str, image: Digest | str, **more: object) -> Object:
    """Returns a pod."""
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec(image, **more)}


def workload(namespace: str, name: str, image: Digest | str, replicas: int = 0) -> Object:
    """Returns a Deployment."""
    marks = {"app": name}
    template = {"metadata": {"labels": marks}, "spec": spec(image)}
    body = {"replicas": replicas, "selector": {"matchLabels": marks}, "template": template}
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": body}


def cron(namespace: str, image: Digest) -> Object:
    """Returns a CronJob."""
    job = {"spec": {"template": {"spec": spec(image, restartPolicy="Never")}}}
    about = {"name": "nightly", "namespace": namespace}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": about,
        "spec": {"schedule": "0 0 * * *", "jobTemplate": job},
    }


def refused(cluster: Cluster, item: Object) -> str:
    """Returns what the server says of an object it refuses, nothing where it takes it; nothing is stored."""
    try:
        cluster.apply(item, dry=True)
    except ClusterRefused as error:
        return error.says
    return ""


def test_a_granted_digest_is_admitted_and_no_other(cluster: Cluster, governed: str) -> None:
    """In pods, in templates and in schedules; the refusal names the image."""
    assert not refused(cluster, pod(governed, "good", GOOD))
    assert not refused(cluster, workload(governed, "good", GOOD))
    assert not refused(cluster, cron(governed, GOOD))
    assert BAD.hex in refused(cluster, pod(governed, "bad", BAD))


def test_a_tag_is_no_digest(cluster: Cluster, governed: str) -> None:
    """Whatever it points to today."""
    assert refused(cluster, pod(governed, "tag", "registry.example/shop:1"))
    assert refused(cluster, pod(governed, "both", f"registry.example/shop:1@{BAD}"))


def test_init_containers_are_no_side_door(cluster: Cluster, governed: str) -> None:
    """Every list of containers is asked."""
    assert BAD.hex in refused(cluster, pod(governed, "init", GOOD, initContainers=[container(BAD, "first")]))


def debugged(cluster: Cluster, namespace: str) -> bool:
    """Puts a debugger into the running pod; False where the kubelet wrote to the pod meanwhile."""
    found = cluster.get(PODS, namespace, "running")
    assert found
    more = {**found, "spec": {**found["spec"], "ephemeralContainers": [container(BAD, "debug")]}}
    try:
        cluster.replace(more, "ephemeralcontainers")
    except Changed:
        return False
    return True


def test_ephemeral_containers_are_no_side_door(cluster: Cluster, governed: str) -> None:
    """A debugger is an image too."""
    cluster.create(pod(governed, "running", GOOD))
    with pytest.raises(ClusterRefused, match="grant"):
        while not debugged(cluster, governed):
            time.sleep(0.1)


def test_an_image_cannot_be_changed_to_one_without_a_grant(cluster: Cluster, governed: str) -> None:
    """An update that changes an image is asked as a creation is."""
    cluster.apply(workload(governed, "web", GOOD))
    assert refused(cluster, workload(governed, "web", BAD))


def test_what_changes_no_image_goes_on_without_a_grant(cluster: Cluster, governed: str) -> None:
    """Scaling, labels: an expired grant is never an outage."""
    cluster.apply(workload(governed, "web", GOOD))
    as_agent(cluster, governed).apply(grants_object(governed, {}))
    until(lambda: refused(cluster, pod(governed, "probe", GOOD)))
    assert not refused(cluster, workload(governed, "web", GOOD, replicas=3))


def test_grants_are_written_by_the_agent_alone(cluster: Cluster, governed: str) -> None:
    """Not even an administrator grants in passing; the account of the agent does."""
    with pytest.raises(ClusterRefused, match="agent"):
        cluster.apply(grants_object(governed, {BAD: (8, "2026-12-31")}))
    with pytest.raises(ClusterRefused, match="agent"):
        cluster.delete(CONFIG_MAPS, governed, GRANTS)
    added = grants.grant(as_agent(cluster, governed), governed, {key(BAD): grants.grant_of(8, TODAY)}, TODAY)
    assert added[key(BAD)] == "8 2026-04-01"
    until(lambda: not refused(cluster, pod(governed, "now", BAD)))


def test_other_config_maps_are_nobodys_business(cluster: Cluster, governed: str) -> None:
    """The guard asks for one name."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": governed}, "data": {}}
    cluster.apply(item)
    assert cluster.delete(CONFIG_MAPS, governed, "mine")


def test_audit_warns_and_refuses_nothing(cluster: Cluster, namespace: str) -> None:
    """The same policy before it is enforced."""
    cluster.apply(grants_object(namespace, {}))
    with applied(cluster, policy_objects(namespace, "audit")):
        until(lambda: "no grant" in warning(cluster, namespace))
        assert not refused(cluster, pod(namespace, "bad", BAD))


def test_a_governed_namespace_can_be_deleted(cluster: Cluster, governed: str) -> None:
    """Grants first or pods first: nothing hangs on the policy."""
    cluster.apply(pod(governed, "left", GOOD))
    cluster.delete(NAMESPACES, "", governed)
    until(lambda: cluster.get(NAMESPACES, "", governed) is None, seconds=90)


def warning(cluster: Cluster, namespace: str) -> str:
    """Returns the warning that comes with a dry creation."""
    path = Kind("v1", "Pod").path(namespace)
    answer = cluster.ask("POST", path, query={"dryRun": "All"}, body=pod(namespace, "bad", BAD))
    assert answer.status == 201, answer.body
    return answer.headers.get("warning", "")


def as_agent(cluster: Cluster, namespace: str) -> Cluster:
    """Returns the cluster, asked by the agent's own account."""
    body = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 3600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{AGENT}/token"
    token = json.loads(cluster.ask("POST", path, body=body).body)["status"]["token"]
    trusted = b"".join(cluster.access.tls.get_ca_certs(binary_form=True))
    tls = ssl.create_default_context(cadata=trusted)  # without the administrator's client certificate
    return Cluster(Access(cluster.access.server, "agent", tls, {"token": token}))

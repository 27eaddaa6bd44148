"""The agent of an environment on a cluster: what an administrator applies for it, and how it is taken away again.

The agent itself is the program that runs on the machine that released; what is installed is its account with its
rights, the `Release` resource, and the policies of admission. It works with that account alone: its token lasts a day
and is asked for anew by every `install`. Taking it away leaves the app running and, where images were governed, the one
policy that matches nothing and that later ones need to work (`admission.py` says why).
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import yaml

from seaway.errors import ClusterRefused, ClusterUnfit, NameUnknown, UsageError
from seaway.stages import cluster
from seaway.targets.blueprint import Blueprint
from seaway.targets.kubernetes import grants
from seaway.targets.kubernetes.admission import AGENT, GRANTS, Mode, policy_objects, probe_object, removal
from seaway.targets.kubernetes.cluster import CONFIG_MAPS, Kind
from seaway.targets.kubernetes.clusters import Clusters
from seaway.targets.kubernetes.names import Object, label, reference
from seaway.targets.kubernetes.render import frame_of, namespace_object
from seaway.targets.kubernetes.resource import API, definition
from seaway.targets.kubernetes.rights import account, install_set
from seaway.targets.kubernetes.setting import Setting
from seaway.targets.kubernetes.target import KubernetesTarget
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
DAY = 24 * 3600
MOMENTS = 30
RELEASES = Kind(API, "Release")


def objects(space: Workspace, environment: str) -> tuple[Object, ...]:
    """Returns what is installed, in order; raises UsageError for an environment on this machine."""
    app = space.load(environment, governed=True)
    if app.environment.target != "kubernetes":
        raise UsageError(
            f"{environment} is on this machine, where every command starts the agent", hint="seaway agent start"
        )
    frame = frame_of(Blueprint(app.name, environment, ()), Setting.of(app), {})
    return install_set(app.name, namespace_object(frame), admission_of(space, environment))


def admission_of(space: Workspace, environment: str) -> Mode | None:
    """Returns how images are admitted, None for an environment without gates."""
    gates = space.load(environment, governed=True).environment.gates
    return gates.admission if gates else None


def install(space: Workspace, environment: str, say: Say) -> KubernetesTarget:
    """Applies the install set, grants what runs already, and gives the agent its own way in."""
    wanted = objects(space, environment)
    place = cluster.target(space, environment)
    policies = [item for item in wanted if str(item["kind"]).startswith("ValidatingAdmission")]
    for item in wanted:
        if item not in policies:
            place.cluster.apply(item)
    say("account", f"{AGENT} in {place.namespace}")
    if policies and place.cluster.get(CONFIG_MAPS, place.namespace, GRANTS) is None:
        today = datetime.now(UTC).date()
        adopted = grants.grant(place.cluster, place.namespace, _running(place), today)
        say("grants", f"{len(adopted)} images that run already")
    for item in policies:
        place.cluster.apply(item)
    if admission_of(space, environment) == "enforce":
        _require_enforced(place)
    write_access(space, environment, place)
    cluster.remember(space, environment, place)
    say("admission", admission_of(space, environment) or "none: the environment has no gates")
    return place


def _require_enforced(place: KubernetesTarget) -> None:
    """Raises ClusterUnfit unless an image that nobody granted is refused: a policy that is there may yet do nothing."""
    for _ in range(2 * MOMENTS):
        try:
            place.cluster.apply(probe_object(place.namespace), dry=True)
        except ClusterRefused as error:
            if "no grant" in error.says:
                return
        time.sleep(0.5)
    raise ClusterUnfit(
        "the API server lets images in that nobody granted, although the policies are there",
        where=place.namespace,
        hint="restart the API server: it no longer watches what policies are about, then seaway agent install again",
    )


def _running(place: KubernetesTarget) -> dict[str, str]:
    """Returns grants for what runs before anybody asked: leaf 0 is nobody's promotion, and ends as others do."""
    today = datetime.now(UTC).date()
    return dict.fromkeys(grants.used_in(place.cluster, place.namespace), grants.grant_of(0, today))


def write_access(space: Workspace, environment: str, place: KubernetesTarget) -> None:
    """Writes the kubeconfig of the agent's own account, with a token of a day, readable by its owner alone."""
    about = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": DAY}}
    path = f"/api/v1/namespaces/{place.namespace}/serviceaccounts/{AGENT}/token"
    answer = place.cluster.ask("POST", path, body=about)
    if answer.status not in (200, 201):
        raise ClusterRefused(f"the API server gave no token: status {answer.status}", where=f"ServiceAccount/{AGENT}")
    token: dict[str, Any] = json.loads(answer.body)
    file = Clusters(space.paths.folder).own_kubeconfig(environment)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(kubeconfig(place, str(token["status"]["token"]))))


def kubeconfig(place: KubernetesTarget, token: str) -> dict[str, object]:
    """Returns a kubeconfig of the agent's account."""
    authorities = place.cluster.access.tls.get_ca_certs(binary_form=True)
    pem = "".join(ssl.DER_cert_to_PEM_cert(each) for each in authorities)
    trusted = base64.b64encode(pem.encode()).decode()
    server = {"server": place.cluster.access.server, "certificate-authority-data": trusted}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": AGENT,
        "clusters": [{"name": AGENT, "cluster": server}],
        "users": [{"name": AGENT, "user": {"token": token}}],
        "contexts": [{"name": AGENT, "context": {"cluster": AGENT, "user": AGENT, "namespace": place.namespace}}],
    }


def uninstall(space: Workspace, environment: str, say: Say) -> list[str]:
    """Takes the agent's account, policies and record of releases away, bindings first; the app runs on.

    The definition of `Release` goes with the last environment that uses it. Returns what was removed.
    """
    place = cluster.target(space, environment)
    if cluster.releasing(space, environment):
        raise UsageError(f"a release is under way in {environment}", hint=f"seaway abort {environment}")
    removed = []
    for item in (*removal(policy_objects(place.namespace, "enforce")), *reversed(account(place.app, place.namespace))):
        kind, namespace, name = reference(item)
        if place.cluster.delete(Kind(str(item["apiVersion"]), kind), namespace, name):
            removed.append(f"{kind}/{name}")
    for record, name in ((RELEASES, label(place.app)), (CONFIG_MAPS, GRANTS)):
        if _deleted(place, record, name):
            removed.append(f"{record.name}/{name}")
    if not place.cluster.find(RELEASES, ""):
        item = definition()
        place.cluster.delete(Kind(str(item["apiVersion"]), str(item["kind"])), "", reference(item)[2])
    Clusters(space.paths.folder).own_kubeconfig(environment).unlink(missing_ok=True)
    cluster.remember(space, environment, place)
    if not removed:
        raise NameUnknown(f"no agent is installed in {environment}", hint=f"seaway agent install {environment}")
    say("uninstall", f"{len(removed)} objects; what runs goes on")
    return removed


def _deleted(place: KubernetesTarget, kind: Kind, name: str) -> bool:
    """Deletes what a policy has guarded until now: the API server needs a moment to forget a binding."""
    for moment in range(MOMENTS):
        try:
            return place.cluster.delete(kind, place.namespace, name)
        except ClusterRefused:
            if moment + 1 == MOMENTS:
                raise
            time.sleep(0.5)
    return False

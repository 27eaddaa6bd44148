"""Workloads as Deployments, StatefulSets, DaemonSets and Jobs.

Which kind: what the service says; a job is a Job; one replica with a volume nobody else mounts for writing is a
StatefulSet, updated in place; all else is a Deployment. A Job's name carries the hash of its spec, since its template
cannot be changed.
"""

from __future__ import annotations

from seaway.errors import NotYet
from seaway.targets.blueprint import Blueprint, Workload
from seaway.targets.kubernetes.names import (
    STATEFUL,
    STATIC,
    VERSION,
    Object,
    content_hash,
    hashed,
    label,
    labels,
    metadata,
    selector,
)
from seaway.targets.kubernetes.pods import Frame, pod_labels, pod_spec
from seaway.targets.kubernetes.setting import Setting, quantity

KEPT = 3
IN_PLACE = frozenset({"StatefulSet", "DaemonSet"})
_RETRIES = 6  # what Kubernetes does where a job may fail and nobody says how often


def kind_of(workload: Workload, blueprint: Blueprint, setting: Setting) -> str:
    """Returns the kind of object a workload becomes."""
    said = setting.place(workload.service).kind
    if workload.kind == "job":
        return "Job"
    if said == "daemon":
        return "DaemonSet"
    if said == "stateful" or (said == "auto" and workload.replicas == 1 and _own_volumes(workload, blueprint)):
        return "StatefulSet"
    return "Deployment"


def _own_volumes(workload: Workload, blueprint: Blueprint) -> frozenset[str]:
    """Returns the volumes that a workload writes and no other mounts."""
    mine = {mount.source for mount in workload.mounts if mount.kind == "volume" and not mount.read_only}
    others = {
        mount.source for other in blueprint.workloads if other.service != workload.service for mount in other.mounts
    }
    return frozenset(mine - others)


def shared_volumes(blueprint: Blueprint, setting: Setting) -> frozenset[str]:
    """Returns the volumes that several pods mount and only one node can attach."""
    users: dict[str, int] = {}
    for workload in blueprint.workloads:
        for name in {mount.source for mount in workload.mounts if mount.kind == "volume"}:
            users[name] = users.get(name, 0) + max(1, workload.replicas)
    many = {name for name, count in users.items() if count > 1}
    return frozenset(name for name in many if access_of(name, setting) == "ReadWriteOnce")


def access_of(volume: str, setting: Setting) -> str:
    """Returns the access mode of a volume; ReadWriteMany is never guessed."""
    claim = setting.volumes.get(volume)
    return (claim.access if claim else "") or "ReadWriteOnce"


def workload_object(workload: Workload, blueprint: Blueprint, frame: Frame) -> Object:
    """Returns the object that runs a workload, named as its service."""
    kind = kind_of(workload, blueprint, frame.setting)
    if kind == "Job":
        return _job(workload, frame)
    marks = labels(frame.app, workload.service, frame.environment)
    chosen = selector(frame.app, workload.service, STATIC)
    template = {
        "metadata": {"labels": {**marks, **pod_labels(workload, frame), VERSION: STATIC}},
        "spec": pod_spec(workload, frame),
    }
    spec: Object = {"selector": {"matchLabels": chosen}, "template": template}
    about = metadata(label(workload.service, STATEFUL), frame.setting.namespace, marks)
    if kind != "DaemonSet":
        spec["replicas"] = workload.replicas
    if kind == "StatefulSet":
        spec |= {"serviceName": label(workload.service), "podManagementPolicy": "OrderedReady"}
    if kind == "Deployment":
        spec |= _surging(workload)
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": about, "spec": spec}


def _surging(workload: Workload) -> Object:
    template: Object = {"revisionHistoryLimit": KEPT}
    writes = any(mount.kind == "volume" and not mount.read_only for mount in workload.mounts)
    if writes and workload.replicas == 1:
        return template | {"strategy": {"type": "Recreate"}}
    return template | {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def _job(workload: Workload, frame: Frame) -> Object:
    spec: Object = {
        "backoffLimit": _retries(workload.restart),
        "completions": max(1, workload.replicas),
        "parallelism": max(1, workload.replicas),
        "template": {
            "metadata": {
                "labels": {**labels(frame.app, workload.service, frame.environment), **pod_labels(workload, frame)}
            },
            "spec": {**pod_spec(workload, frame), "restartPolicy": "Never"},
        },
    }
    name = hashed(workload.service, spec)
    marks = labels(frame.app, workload.service, frame.environment)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, frame.setting.namespace, marks),
        "spec": spec,
    }


def _retries(restart: str) -> int:
    policy, _, count = restart.partition(":")
    if policy == "on-failure":
        return int(count) if count else _RETRIES
    return 0


def claim_object(volume: str, frame: Frame) -> Object:
    """Returns the claim of a named volume; raises NotYet for one without a size, which nobody can guess."""
    claim = frame.setting.volumes.get(volume)
    if claim is None or claim.size is None:
        raise NotYet(
            f"a claim for {volume} without a size", hint=f"volumes: {{{volume}: {{x-seaway: {{size: 10Gi}}}}}}"
        )
    spec: Object = {
        "accessModes": [access_of(volume, frame.setting)],
        "resources": {"requests": {"storage": quantity(claim.size)}},
    }
    if claim.storage_class:
        spec["storageClassName"] = claim.storage_class
    about = metadata(label(volume), frame.setting.namespace, labels(frame.app, environment=frame.environment))
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": spec}


def account_object(workload: Workload, frame: Frame) -> Object | None:
    """Returns a workload's own account, without a token; None where it names one that is there."""
    place = frame.place(workload)
    if place.account:
        return None
    about = metadata(
        label(workload.service), frame.setting.namespace, labels(frame.app, workload.service, frame.environment)
    )
    if place.marks:
        about["annotations"] = dict(place.marks)
    found: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about}
    return found | {"automountServiceAccountToken": False}


def version_hash(item: Object) -> str:
    """Returns what names a version of a workload: the hash of its object's spec, how many run left out."""
    spec = item["spec"]
    assert isinstance(spec, dict)
    return content_hash({key: value for key, value in spec.items() if key != "replicas"})

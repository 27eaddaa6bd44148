"""An app as Kubernetes objects: an install set for an administrator, an app set, in the order they are applied.

A pure function of blueprint, setting and configuration. Objects are named as their services, so `kubectl apply` and
GitOps update in place; only ConfigMaps and Jobs carry the hash of their content. The version of the app is the hash of
the app set: what is equal there runs equally.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seaway.digest import Digest
from seaway.errors import TargetUnsupported
from seaway.targets.base import Version
from seaway.targets.blueprint import Blueprint, Workload
from seaway.targets.kubernetes.names import ENVIRONMENT, Object, hashed, label, labels, metadata, reference
from seaway.targets.kubernetes.pods import CONTENT, Frame
from seaway.targets.kubernetes.setting import Setting
from seaway.targets.kubernetes.traffic import policy_objects, route_object, service_objects
from seaway.targets.kubernetes.workloads import (
    account_object,
    claim_object,
    shared_volumes,
    version_hash,
    workload_object,
)

LARGEST = 1 << 20
ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "NetworkPolicy",
    "Service",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Deployment",
    "PodDisruptionBudget",
    "HTTPRoute",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
"""Kinds in the order they are applied: what others name comes first."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An app's objects, and for each service the one that runs it."""

    install: tuple[Object, ...]
    app: tuple[Object, ...]
    running: Mapping[str, Object]


def render(blueprint: Blueprint, setting: Setting, configs: Mapping[str, bytes]) -> Rendered:
    """Returns the objects of an app; raises TargetUnsupported or NotYet for what a cluster cannot carry."""
    frame = frame_of(blueprint, setting, configs)
    running = {each.service: workload_object(each, blueprint, frame) for each in blueprint.workloads}
    app = [*_configs(frame, configs), *_claims(blueprint, frame), *policy_objects(blueprint, frame), *running.values()]
    for workload in blueprint.workloads:
        app += _around(workload, frame)
    _require_one_each(app)
    return Rendered((namespace_object(frame),), tuple(sorted(app, key=place)), running)


def frame_of(blueprint: Blueprint, setting: Setting, configs: Mapping[str, bytes]) -> Frame:
    """Returns what all objects of an app share."""
    names = {name: hashed(name, _content(data)) for name, data in configs.items()}
    return Frame(setting, blueprint.app, blueprint.environment, names, shared_volumes(blueprint, setting))


def version_of(version: Version, rendered: Rendered) -> Version:
    """Returns a version named by what runs on a cluster: limits, exposure and names are part of it there."""
    names = {service: version_hash(item) for service, item in rendered.running.items()}
    return replace(version, digest=Digest.of_json(list(rendered.app)), service_versions=names)


def place(item: Object) -> tuple[int, str, str]:
    """Returns an object's place in the order of applying: kind, namespace, name."""
    kind, namespace, name = reference(item)
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), namespace, name)


def namespace_object(frame: Frame) -> Object:
    """Returns the app's namespace, which admits restricted pods alone."""
    marks = {
        **labels(frame.app),
        ENVIRONMENT: label(frame.environment),
        **{f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")},
        **{
            f"pod-security.kubernetes.io/{mode}-version": f"v{frame.setting.version}"
            for mode in ("audit", "enforce", "warn")
        },
    }
    about: Object = {"name": frame.setting.namespace, "labels": dict(sorted(marks.items()))}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}


def _around(workload: Workload, frame: Frame) -> Iterator[Object]:
    """Yields what stands around a workload: its account, its names, its budget, its route."""
    account = account_object(workload, frame)
    if account is not None:
        yield account
    yield from service_objects(workload, frame)
    if workload.replicas > 1 and workload.kind != "job":
        yield _budget(workload, frame)
    expose = frame.place(workload).expose
    if expose is not None:
        yield route_object(workload, frame, expose)


def _budget(workload: Workload, frame: Frame) -> Object:
    marks = labels(frame.app, workload.service, frame.environment)
    spec: Object = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": labels(frame.app, workload.service)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    about = metadata(label(workload.service), frame.setting.namespace, marks)
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": about, "spec": spec}


def _claims(blueprint: Blueprint, frame: Frame) -> Iterator[Object]:
    used = {mount.source for each in blueprint.workloads for mount in each.mounts if mount.kind == "volume"}
    for name in sorted(used):
        claim = frame.setting.volumes.get(name)
        if claim is None or not claim.external:
            yield claim_object(name, frame)


def _configs(frame: Frame, configs: Mapping[str, bytes]) -> Iterator[Object]:
    for name, data in sorted(configs.items()):
        if len(data) > LARGEST:
            raise TargetUnsupported(f'the config "{name}" is larger than 1 MiB', hint="put it into the image")
        marks = labels(frame.app, environment=frame.environment)
        about = metadata(frame.configs[name], frame.setting.namespace, marks)
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "immutable": True} | _content(data)


def _content(data: bytes) -> Object:
    try:
        return {"data": {CONTENT: data.decode()}}
    except UnicodeDecodeError:
        return {"binaryData": {CONTENT: base64.b64encode(data).decode()}}


def _require_one_each(items: list[Object]) -> None:
    """Raises TargetUnsupported where two names of Compose become one on a cluster (SW-201, SW-405)."""
    seen: set[tuple[str, str, str]] = set()
    for item in items:
        name = reference(item)
        if name in seen:
            kind, _, called = name
            raise TargetUnsupported(
                f'two services would have one {kind} "{called}"', hint="rename a service, or remove its alias"
            )
        seen.add(name)

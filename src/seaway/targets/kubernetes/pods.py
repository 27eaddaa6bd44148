"""A workload as a pod: its container, what it mounts, when it is ready, what it may do.

Rules: `restricted` Pod Security always (no root, no rights, no writable root file system); a health check is
readiness, never liveness unless asked for; `$(` is escaped, so Kubernetes expands nothing that Compose would not.
Volumes belong to the program's group (`fsGroup`), so what it may write on a laptop it may write here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seaway.errors import TargetUnsupported
from seaway.targets.blueprint import Mount, Probe, Workload
from seaway.targets.kubernetes.names import NETWORK, VOLUME, Object, label
from seaway.targets.kubernetes.setting import Place, Setting, quantity
from seaway_sdk.conventions import TELEMETRY_PORT

SHELL = "/bin/sh"
CONTENT = "content"  # the one key of a configuration's ConfigMap
LAG = 5  # seconds that endpoints may lag behind a pod that ends
SCRATCH = 1 << 30
TMPFS = 64 << 20
PATIENT = 1 << 20  # failures: Compose calls a slow starter unhealthy and lets it start; a release has its own deadline


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pods of a version share: setting, app, environment, and the object that holds each configuration."""

    setting: Setting
    app: str
    environment: str
    configs: Mapping[str, str]
    shared: frozenset[str] = frozenset()

    def place(self, workload: Workload) -> Place:
        """Returns a workload's place."""
        return self.setting.place(workload.service)


def pod_spec(workload: Workload, frame: Frame) -> Object:
    """Returns the pod spec of a workload; raises TargetUnsupported for root, users by name, and folders of a host."""
    place = frame.place(workload)
    spec: Object = {
        "serviceAccountName": place.account or label(workload.service),
        "automountServiceAccountToken": bool(place.account),
        "enableServiceLinks": False,
        "securityContext": _pod_security(workload, place),
        "terminationGracePeriodSeconds": math.ceil(workload.stop_grace) + (LAG if workload.ports else 0),
        "containers": [_container(workload, frame)],
    }
    if workload.hostname:
        spec["hostname"] = label(workload.hostname)
    if place.node_selector:
        spec["nodeSelector"] = dict(place.node_selector)
    if frame.setting.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in frame.setting.pull_secrets]
    if together := sorted(_volumes_of(workload) & frame.shared):
        spec["affinity"] = _beside(together)
    if volumes := list(_volumes(workload, frame)):
        spec["volumes"] = volumes
    return spec


def pod_labels(workload: Workload, frame: Frame) -> dict[str, object]:
    """Returns the labels of a pod that say whom it meets: networks, volumes it shares on one node, identity."""
    place = frame.place(workload)
    networks = {f"{NETWORK}{label(name)}": "" for name in place.networks}
    volumes = {f"{VOLUME}{label(name)}": "" for name in _volumes_of(workload) & frame.shared}
    return dict(sorted({**networks, **volumes, **place.pod_marks}.items()))


def user_of(workload: Workload) -> tuple[int, int]:
    """Returns uid and gid; raises TargetUnsupported for names and for root, which `restricted` admits nowhere."""
    user, _, group = workload.user.partition(":")
    if not user.isdecimal() or not (group or user).isdecimal() or int(user) == 0:
        raise TargetUnsupported(
            f'{workload.service} runs as "{workload.user}", which a restricted namespace does not admit',
            hint="x-seaway.security.uid: the number of its user",
        )
    return int(user), int(group or user)


def image_of(workload: Workload, setting: Setting) -> str:
    """Returns the image by digest, in the app's registry or in the repository it came from."""
    repository = setting.repositories.get(workload.service) or setting.registry
    return f"{repository.removeprefix('https://').removeprefix('http://').rstrip('/')}@{workload.image}"


def _pod_security(workload: Workload, place: Place) -> Object:
    user, group = user_of(workload)
    found: Object = {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return found | ({"supplementalGroups": list(place.groups)} if place.groups else {})


def _container(workload: Workload, frame: Frame) -> Object:
    place = frame.place(workload)
    limits = dict(place.limits.quantities())
    if workload.memory_limit:
        limits["memory"] = quantity(workload.memory_limit)
    found: Object = {
        "name": label(workload.service),
        "image": image_of(workload, frame.setting),
        "imagePullPolicy": "IfNotPresent",
        "command": [_escaped(word) for word in workload.command],
        "workingDir": workload.working_directory,
        "env": list(_environment(workload, frame)),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": place.read_only,
        },
    }
    if workload.ports:
        found["ports"] = [
            {
                "name": port_name(port.target, port.protocol),
                "containerPort": port.target,
                "protocol": port.protocol.upper(),
            }
            for port in workload.ports
        ]
        found["lifecycle"] = {"preStop": {"sleep": {"seconds": LAG}}}
    resources: Object = {}
    if requests := place.requests.quantities():
        resources["requests"] = requests
    if limits:
        resources["limits"] = limits
    if resources:
        found["resources"] = resources
    found |= _probes(workload, place)
    if mounts := list(_volume_mounts(workload, frame)):
        found["volumeMounts"] = mounts
    return found


def port_name(port: int, protocol: str) -> str:
    """Returns a port's name: `p8080`, `p53-udp`."""
    return f"p{port}" if protocol == "tcp" else f"p{port}-{protocol.lower()}"


def _escaped(text: str) -> str:
    return text.replace("$(", "$$(")


def _environment(workload: Workload, frame: Frame) -> Iterator[Object]:
    own = {
        "SEAWAY_APP": frame.app,
        "SEAWAY_ENVIRONMENT": frame.environment,
        "SEAWAY_SERVICE": workload.service,
        "SEAWAY_IMAGE": str(workload.image),
        "SEAWAY_REFERENCES": json.dumps(
            {name: dict(each) for name, each in sorted(workload.references.items())}, sort_keys=True
        ),
        "SEAWAY_TELEMETRY_PORT": str(TELEMETRY_PORT),
    }
    fields = {"SEAWAY_REPLICA": "metadata.name", "SEAWAY_ADDRESS": "status.podIP"}
    plain = {**workload.environment, **own}
    for name in sorted({*plain, *fields, *workload.secret_environment}):
        if name in fields:
            yield {"name": name, "valueFrom": {"fieldRef": {"fieldPath": fields[name]}}}
        elif name in workload.secret_environment:
            source = frame.setting.secrets[workload.secret_environment[name]]
            yield {"name": name, "valueFrom": {"secretKeyRef": {"name": source.name, "key": source.key}}}
        else:
            yield {"name": name, "value": _escaped(plain[name])}


# -- health --------------------------------------------------------------------------------------------------------


def _probes(workload: Workload, place: Place) -> Object:
    probe = workload.probe
    if probe is None:
        return {}
    action = {"exec": {"command": _test(probe)}}
    ready = action | _times(probe.interval, probe.timeout, probe.retries)
    period = max(1, math.ceil(probe.start_interval))
    failures = math.ceil(probe.start_period / period) + probe.retries if place.liveness else PATIENT
    found: Object = {"readinessProbe": ready, "startupProbe": action | _times(period, probe.timeout, failures)}
    if place.liveness is True:
        found["livenessProbe"] = action | _times(probe.interval, probe.timeout, 3 * probe.retries)
    elif place.liveness and workload.ports:
        port = workload.ports[0].target
        get = {"httpGet": {"path": place.liveness, "port": port}}
        found["livenessProbe"] = get | _times(probe.interval, probe.timeout, 3 * probe.retries)
    return found


def _test(probe: Probe) -> list[str]:
    if probe.test[0] == "CMD-SHELL":
        return [SHELL, "-c", probe.test[1]]
    return list(probe.test[1:])


def _times(period: float, timeout: float, failures: int) -> Object:
    return {
        "periodSeconds": max(1, math.ceil(period)),
        "timeoutSeconds": max(1, math.ceil(timeout)),
        "failureThreshold": max(1, failures),
    }


# -- what is mounted -----------------------------------------------------------------------------------------------


def _volumes_of(workload: Workload) -> frozenset[str]:
    return frozenset(mount.source for mount in workload.mounts if mount.kind == "volume")


def _beside(volumes: list[str]) -> Object:
    """Keeps pods that share a volume of one node on that node: it can be attached to no other."""
    terms = [
        {
            "labelSelector": {"matchExpressions": [{"key": f"{VOLUME}{label(name)}", "operator": "Exists"}]},
            "topologyKey": "kubernetes.io/hostname",
        }
        for name in volumes
    ]
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _scratch(workload: Workload, place: Place) -> tuple[str, ...]:
    """Returns the paths that a program may write although its root is read-only."""
    wanted = ["/tmp", *place.writable] if place.read_only else []
    taken = {mount.path.rstrip("/") for mount in workload.mounts}
    return tuple(path for path in dict.fromkeys(wanted) if path.rstrip("/") not in taken)


def _volume_mounts(workload: Workload, frame: Frame) -> Iterator[Object]:
    for path in _scratch(workload, frame.place(workload)):
        yield {"name": _scratch_name(path), "mountPath": path}
    for mount in workload.mounts:
        found: Object = {"name": volume_name(mount), "mountPath": mount.path}
        if mount.kind in ("config", "secret"):
            found["subPath"] = CONTENT if mount.kind == "config" else frame.setting.secrets[mount.source].key
        if mount.read_only or mount.kind in ("config", "secret"):
            found["readOnly"] = True
        yield found


def _scratch_name(path: str) -> str:
    return label(f"scratch-{path.strip('/')}")


def volume_name(mount: Mount) -> str:
    """Returns the name of a mount's volume within its pod."""
    return label(f"{mount.kind}-{mount.source or mount.path}")


def _volumes(workload: Workload, frame: Frame) -> Iterator[Object]:
    for path in _scratch(workload, frame.place(workload)):
        yield {"name": _scratch_name(path), "emptyDir": {"sizeLimit": quantity(SCRATCH)}}
    seen: set[str] = set()
    for mount in workload.mounts:
        name = volume_name(mount)
        if name not in seen:
            seen.add(name)
            yield {"name": name} | _source(workload, mount, frame)


def _source(workload: Workload, mount: Mount, frame: Frame) -> Object:
    match mount.kind:
        case "volume":
            external = frame.setting.volumes[mount.source].external if mount.source in frame.setting.volumes else ""
            return {"persistentVolumeClaim": {"claimName": external or label(mount.source)}}
        case "tmpfs":
            return {"emptyDir": {"medium": "Memory", "sizeLimit": quantity(mount.size or TMPFS)}}
        case "config":
            mode = 0o444 if mount.mode is None else mount.mode
            return {"configMap": {"name": frame.configs[mount.source], "defaultMode": mode}}
        case "secret":
            return {"secret": {"secretName": frame.setting.secrets[mount.source].name, "defaultMode": 0o440}}
    raise TargetUnsupported(
        f"{workload.service} mounts {mount.source}, a folder of this machine, which no cluster has",
        hint="a named volume, or a config for a file of the project",
    )

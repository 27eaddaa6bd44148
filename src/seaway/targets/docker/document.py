"""A workload becomes the body of `POST /containers/create`: pure.

Compose's meaning is Docker's, so a field of the one is a field of the other. On top: no new privileges, no
capabilities for a program that is not root, logs of 3 x 10 MB, an address of its own. Secrets and configuration are
files that are put in before the start; they are in no environment and in no inspect output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.digest import Digest
from seaway.errors import TargetUnsupported
from seaway.targets.base import Version
from seaway.targets.blueprint import Mount, Workload
from seaway.targets.docker.knobs import DOMAIN, LABELS, host_fields
from seaway.targets.docker.names import IMAGE, REPLICA, Names, replica_labels
from seaway.targets.process.cells import Replica
from seaway.targets.process.spec import own_names

SHM = "/dev/shm"
_LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Placing:
    """What a document needs besides the workload: whose version it is, the engine's ids of images, and names."""

    version: Version
    images: Mapping[Digest, str]
    names: Names


def container_document(workload: Workload, replica: Replica, placing: Placing, role: str = REPLICA) -> dict[str, Any]:
    """Returns the body that creates a replica; raises TargetUnsupported without an image on the engine."""
    image = placing.images.get(workload.image)
    if image is None:
        says = f"the engine was never given image {workload.image.short} of {workload.service}"
        raise TargetUnsupported(says, hint="run seaway up again")
    document: dict[str, Any] = {
        "Image": image,
        "Hostname": (workload.hostname or replica.id)[:63],
        "User": workload.user,
        "Env": [f"{name}={value}" for name, value in _environment(workload, replica, placing).items()],
        "WorkingDir": workload.working_directory,
        "StopSignal": workload.stop_signal,
        "StopTimeout": max(1, round(workload.stop_grace)),
        "Labels": {
            **_labels(workload),
            **placing.names.labels(role),
            **replica_labels(replica),
            IMAGE: str(workload.image),
        },
        "HostConfig": _host(workload, placing.names),
        "NetworkingConfig": {"EndpointsConfig": {placing.names.network: _endpoint(workload, replica)}},
    }
    if domain := workload.knobs.get(DOMAIN):
        document["Domainname"] = str(domain)
    if workload.command:
        document |= {"Entrypoint": [workload.command[0]], "Cmd": list(workload.command[1:])}
    if workload.probe:
        document["Healthcheck"] = {"Test": ["NONE"]}  # asked from outside, sooner and as a gate for its weight
    return document


def is_root(workload: Workload) -> bool:
    """Tells whether a workload's user is root, or a name that only the image knows."""
    user = workload.user.partition(":")[0]
    return not user.isdecimal() or int(user) == 0


def owner_of(workload: Workload) -> tuple[int, int]:
    """Returns the uid and gid that own a workload's files; root for a name that only the image knows."""
    user, _, group = workload.user.partition(":")
    if not user.isdecimal():
        return 0, 0
    return int(user), int(group) if group.isdecimal() else int(user)


def _environment(workload: Workload, replica: Replica, placing: Placing) -> dict[str, str]:
    return {**workload.environment, **own_names(workload, replica, placing.version.blueprint)}


def _host(workload: Workload, names: Names) -> dict[str, Any]:
    host: dict[str, Any] = {
        "NetworkMode": names.network,
        "RestartPolicy": _restart(workload),
        "SecurityOpt": ["no-new-privileges"],
        "LogConfig": _LOGS,
        "Init": workload.init,
        "Mounts": [_mount(each, names) for each in workload.mounts if each.kind in ("volume", "bind")],
        "Tmpfs": {each.path: _tmpfs(each) for each in workload.mounts if each.kind == "tmpfs" and each.path != SHM},
    }
    if not is_root(workload):
        host["CapDrop"] = ["ALL"]
    if workload.memory_limit:
        host |= {"Memory": workload.memory_limit, "MemorySwap": workload.memory_limit}
    return _turned(host, host_fields(workload.knobs), workload)


def _turned(host: dict[str, Any], own: dict[str, Any], workload: Workload) -> dict[str, Any]:
    """Returns the host's part with the service's own settings over ours, except that no new privileges stays."""
    dropped = {*host.get("CapDrop", ()), *own.get("CapDrop", ())}
    host |= own
    if dropped:
        host["CapDrop"] = sorted(dropped)
    if own.get("Privileged"):
        host["SecurityOpt"] = own.get("SecurityOpt", [])
        host.pop("CapDrop", None)
    elif "SecurityOpt" in own:
        host["SecurityOpt"] = sorted({"no-new-privileges", *own["SecurityOpt"]} - {"no-new-privileges:true"})
    if shared := next((each.size for each in workload.mounts if each.path == SHM and each.size), None):
        host["ShmSize"] = shared
    return host


def _labels(workload: Workload) -> dict[str, str]:
    return {str(key): str(value) for key, value in (workload.knobs.get(LABELS) or {}).items()}


def _endpoint(workload: Workload, replica: Replica) -> dict[str, Any]:
    """Returns a replica's place on the network; behind a front the service's names are the front's."""
    fronted = any(port.protocol == "tcp" for port in workload.ports) or replica.job
    aliases = [] if fronted else [workload.service, *workload.aliases]
    chosen = {"IPAMConfig": {"IPv4Address": replica.address}} if replica.address else {}
    return {**chosen, "Aliases": aliases}


def _restart(workload: Workload) -> dict[str, Any]:
    policy, _, most = workload.restart.partition(":")
    if policy == "on-failure":
        return {"Name": "on-failure", "MaximumRetryCount": int(most or 0)}
    return {"Name": policy if policy in ("always", "unless-stopped") and workload.kind != "job" else "no"}


def _mount(mount: Mount, names: Names) -> dict[str, Any]:
    source = names.volume(mount.source) if mount.kind == "volume" else mount.source
    return {"Type": mount.kind, "Source": source, "Target": mount.path, "ReadOnly": mount.read_only}


def _tmpfs(mount: Mount) -> str:
    mode = f"mode={mount.mode or 0o1777:o}"
    return f"{mode},size={mount.size}" if mount.size else mode

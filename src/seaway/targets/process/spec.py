"""A workload and a replica's place become the spec of its cell: command, environment, binds, limits.

The environment is exactly the image's and the service's, and Seaway's own names (`SEAWAY_…`), by which a program
knows itself; Python finds `/run/seaway/sitecustomize.py` through PYTHONPATH. Secret values enter here and only here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.digest import Digest
from seaway.errors import TargetUnsupported
from seaway.targets.blueprint import Blueprint, Mount, Workload
from seaway.targets.process.addresses import Places
from seaway.targets.process.cells import Replica
from seaway.targets.process.ladder import NAMESPACES, PROOT, Way, base_spec
from seaway.targets.process.names import hosts_file
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.proot import under_proot
from seaway.targets.process.record import make_folder, write_bytes
from seaway.targets.process.request_key import INSIDE_CELL, lend
from seaway.targets.process.wildcard import bind_own

INSIDE = Path(__file__).parent / "inside"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TELEMETRY_PORT = 9464


@dataclass(frozen=True, slots=True)
class Placing:
    """What a spec needs besides the workload: whose version it is, the roots by image, and how cells are made."""

    version: Digest
    blueprint: Blueprint
    roots: Mapping[Digest, Path]
    paths: EnvironmentPaths
    addresses: Places
    way: Way


def cell_spec(workload: Workload, replica: Replica, placing: Placing) -> dict[str, Any]:
    """Returns the spec of a replica's cell; writes its hosts file; raises TargetUnsupported without an image root."""
    folder = placing.paths.cells / replica.id
    make_folder(folder)
    root = placing.roots.get(workload.image)
    if root is None or not root.is_dir():
        raise TargetUnsupported(
            f"the root of image {workload.image.short} of {workload.service} is gone", hint="run seaway up again"
        )
    uid, gid = numeric_user(workload)
    spec = {
        **base_spec(placing.way.mode, root, folder),
        "directory": str(folder),
        "uid": uid,
        "gid": gid,
        "hostname": (workload.hostname or replica.id)[:64],
        "argv": list(bind_own(workload.command, replica.address)),
        "environment": environment_of(workload, replica, placing),
        "workdir": workload.working_directory,
        "binds": _binds(workload, replica, placing),
        "init": workload.init,
        "stop_signal": workload.stop_signal,
        "grace": workload.stop_grace,
        "memory_limit": workload.memory_limit or 0,
    }
    spec["tmpfs"] = [*spec["tmpfs"], *(_tmpfs(mount) for mount in workload.mounts if mount.kind == "tmpfs")]
    if placing.way.mode == PROOT:
        spec["argv"] = under_proot(spec, placing.way.proot)
    return spec


def numeric_user(workload: Workload) -> tuple[int, int]:
    """Returns uid and gid; raises TargetUnsupported for names and for root."""
    user, _, group = workload.user.partition(":")
    if not user.isdecimal() or not (group or user).isdecimal() or int(user) == 0:
        raise TargetUnsupported(
            f'{workload.service} runs as "{workload.user}", which the target process cannot give it',
            hint="set x-seaway.security.uid, or target: docker",
        )
    return int(user), int(group or user)


def environment_of(workload: Workload, replica: Replica, placing: Placing) -> dict[str, str]:
    """Returns the environment of a replica's program, secrets included."""
    own = own_names(workload, replica, placing.blueprint)
    secret = {
        name: secret_path(placing.paths, placing.version, source).read_text().rstrip("\n")
        for name, source in workload.secret_environment.items()
    }
    environment = {"PATH": DEFAULT_PATH, "HOSTNAME": workload.hostname or replica.id, **workload.environment}
    python = ":".join(each for each in ("/run/seaway", environment.get("PYTHONPATH", "")) if each)
    return {**environment, **secret, **own, "PYTHONPATH": python}


def own_names(workload: Workload, replica: Replica, blueprint: Blueprint) -> dict[str, str]:
    """Returns the variables by which a program knows itself."""
    return {
        "SEAWAY_APP": blueprint.app,
        "SEAWAY_ENVIRONMENT": blueprint.environment,
        "SEAWAY_SERVICE": workload.service,
        "SEAWAY_VERSION": replica.service_version,
        "SEAWAY_REPLICA": replica.id,
        "SEAWAY_IMAGE": str(workload.image),
        "SEAWAY_REFERENCES": json.dumps({name: dict(each) for name, each in sorted(workload.references.items())}),
        "SEAWAY_TELEMETRY_PORT": str(TELEMETRY_PORT),
        "SEAWAY_ADDRESS": replica.address,
        "SEAWAY_REQUEST_KEY_FILE": INSIDE_CELL,
        "SEAWAY_PORTS": ",".join(str(port.target) for port in workload.ports),
    }


def secret_path(paths: EnvironmentPaths, version: Digest, name: str) -> Path:
    """Returns where the value of a secret lies for one version, so that a rollback brings the old value back."""
    return paths.secrets / version.hex / name


def _tmpfs(mount: Mount) -> dict[str, str]:
    return {"path": mount.path, "mode": f"{mount.mode or 0o1777:o}", "size": str(mount.size or "64m")}


def _binds(workload: Workload, replica: Replica, placing: Placing) -> list[dict[str, Any]]:
    hosts = placing.paths.cells / replica.id / "hosts"
    text = hosts_file(
        placing.blueprint.workloads,
        placing.addresses,
        hostname=workload.hostname or replica.id,
        own=replica.address,
    )
    write_bytes(hosts, text.encode(), mode=0o644)
    key = placing.paths.cells / replica.id / "request.key"
    lend(placing.paths, key, numeric_user(workload) if placing.way.mode == NAMESPACES else None)
    binds = [_bind(hosts, "/etc/hosts"), _bind(INSIDE, "/run/seaway"), _bind(key, INSIDE_CELL)]
    if Path("/etc/resolv.conf").exists():
        binds.append(_bind(Path("/etc/resolv.conf").resolve(), "/etc/resolv.conf"))
    return binds + [
        _bind(_source(mount, placing), mount.path, read_only=mount.read_only or mount.kind in ("config", "secret"))
        for mount in workload.mounts
        if mount.kind != "tmpfs"
    ]


def _bind(source: Path, path: str, *, read_only: bool = True) -> dict[str, Any]:
    return {"source": str(source), "path": path, "read_only": read_only}


def _source(mount: Mount, placing: Placing) -> Path:
    match mount.kind:
        case "volume":
            return placing.paths.volumes / mount.source
        case "bind":
            return Path(mount.source)
        case "config":
            return placing.paths.configs / placing.blueprint.configs[mount.source].hex
        case "secret":
            return secret_path(placing.paths, placing.version, mount.source)
    raise TargetUnsupported(f'a mount of kind "{mount.kind}" at {mount.path} cannot be made', hint="set target: docker")

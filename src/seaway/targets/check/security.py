"""Security: users, capabilities, namespaces of the host, profiles, runtimes, the engine's socket."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.findings import Fix
from seaway.targets.check.remark import Remark, Row, entries, keys, rows, text
from seaway.targets.check.repair import drop, put

# Users that well-known images run their program as, where they start as root by themselves; by repository.
KNOWN_USERS = {
    "postgres": 999,
    "pgvector/pgvector": 999,
    "redis": 999,
    "redis/redis-stack": 999,
    "valkey/valkey": 999,
    "mysql": 999,
    "mariadb": 999,
    "mongo": 999,
    "rabbitmq": 999,
    "nginx": 101,
    "qdrant/qdrant": 1000,
    "elasticsearch": 1000,
    "grafana/grafana": 472,
    "prom/prometheus": 65534,
}
SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)
_NAMESPACES = {"pid": "processes", "ipc": "memory", "uts": "host name", "network_mode": "network", "cgroup": "cgroups"}
_WINDOWS = (
    Row("isolation", "SW-705", "{service} asks for the Windows isolation {value}", "delete isolation"),
    Row("credential_spec", "SW-705", "{service} has a Windows credential_spec", "delete credential_spec"),
)


def users(service: Service, _: App) -> Iterator[Remark]:
    """Who the program runs as: SW-703 as root or as nobody knows, SW-702 as a name."""
    user = text(service, "user").partition(":")[0]
    if service.extension.security.uid is not None or (not user and service.extension.image.base is not None):
        return
    if user in ("0", "root"):
        yield Remark("SW-703", f"{service.name} runs as root", ("user",), *_uid(service))
    elif not user:
        yield Remark(
            "SW-703", f"{service.name} names no user, so its image may run as root", ("image",), *_uid(service)
        )
    elif not user.isdigit():
        fix = put("x-seaway", "security", "uid", to=1000, decide=f'the number of "{user}" in its image')
        yield Remark("SW-702", f'{service.name} runs as "{user}", a name', ("user",), 'user: "1000:1000"', fix)


def _uid(service: Service) -> tuple[str, Fix]:
    """Returns the hint and the fix that name a user; a well-known image's own is known, another is an example."""
    path = ("x-seaway", "security", "uid")
    known = known_user(text(service, "image"))
    if known is None or text(service, "user"):
        hint = "x-seaway: {security: {uid: 65532}}, or build it with x-seaway.image"
        return hint, put(*path, to=65532, decide="which user its files belong to")
    name, uid = known
    return f"x-seaway: {{security: {{uid: {uid}}}}}, the user of {name}", put(*path, to=uid, safe=True)


def known_user(image: str) -> tuple[str, int] | None:
    """Returns the name and user of a well-known image, by its repository; others of that name are not meant."""
    repository, _, tag = re.sub(r"^(docker\.io/)?(library/)?", "", image.partition("@")[0]).partition(":")
    uid = KNOWN_USERS.get(repository)
    if uid is not None and repository == "postgres" and "alpine" in tag:
        uid = 70
    return None if uid is None else (repository.rpartition("/")[2], uid)


def rights(service: Service, _: App) -> Iterator[Remark]:
    """SW-701 for what the level restricted does not admit and no exception allows."""
    allowed = service.extension.security.exceptions
    for name, says, path in _asked(service):
        if name not in allowed:
            hint = f"delete it, or x-seaway.security.exceptions: {{{name}: {{reason: …, owner: …, until: …}}}}"
            yield Remark("SW-701", f"{service.name} {says}", path, hint, drop(*path))


def _asked(service: Service) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
    if service.compose.get("privileged"):
        yield "privileged", "is privileged: root on the host", ("privileged",)
    for index, capability in enumerate(entries(service, "cap_add")):
        name = str(capability).removeprefix("CAP_").upper()
        if name != "NET_BIND_SERVICE":
            yield name, f"adds the capability {name}", ("cap_add", index)
    for key, what in _NAMESPACES.items():
        if text(service, key) == "host":
            yield f"host-{key.removesuffix('_mode')}", f"shares the host's {what}", (key,)
    for index, option in enumerate(entries(service, "security_opt")):
        if "unconfined" in str(option) or str(option).startswith(("label", "systempaths")):
            yield str(option), f"weakens its profile: {option}", ("security_opt", index)
    for name in keys(service, "sysctls"):
        if name not in SAFE_SYSCTLS:
            yield name, f"sets the kernel parameter {name}", ("sysctls", name)


def runtimes(service: Service, app: App) -> Iterator[Remark]:
    """SW-704 for a runtime or sandbox without a class, SW-705 for keys of Windows."""
    classes = app.extension.kubernetes.runtime_classes
    runtime = text(service, "runtime")
    if runtime and runtime not in ("runc", *classes):
        hint = f"x-seaway: {{kubernetes: {{runtime_classes: {{{runtime}: <class>}}}}}} at the top"
        yield Remark(
            "SW-704",
            f'{service.name} needs the runtime "{runtime}", which has no class',
            ("runtime",),
            hint,
            _class(runtime),
        )
    if service.extension.sandbox and "sandbox" not in classes:
        hint = "x-seaway: {kubernetes: {runtime_classes: {sandbox: gvisor}}} at the top"
        yield Remark(
            "SW-704",
            f"{service.name} asks for a sandbox, and there is none",
            ("x-seaway", "sandbox"),
            hint,
            _class("sandbox"),
        )
    yield from rows(service, _WINDOWS)


def _class(name: str) -> Fix:
    path = ("", "x-seaway", "kubernetes", "runtime_classes", name)
    return put(*path, to="gvisor", decide="what the cluster calls it")


def sockets(service: Service, _: App) -> Iterator[Remark]:
    """SW-505 for whoever reaches the engine's socket."""
    says = f"{service.name} reaches the engine's socket: root on the host"
    if service.compose.get("use_api_socket"):
        yield Remark("SW-505", says, ("use_api_socket",), "delete use_api_socket")
    for index, volume in enumerate(entries(service, "volumes")):
        if is_socket(str(volume.get("source", ""))):
            yield Remark("SW-505", says, ("volumes", index), "delete the mount")


def is_socket(path: str) -> bool:
    """Returns whether a path is that of a container engine's socket."""
    return path.endswith(("/docker.sock", "/podman.sock", "/containerd.sock")) or path.startswith("\\\\.\\pipe\\docker")

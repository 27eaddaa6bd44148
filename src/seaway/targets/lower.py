"""`App` + images by digest -> `Version`: the one lowering that every target runs or renders from.

Compose's meaning is kept: an entrypoint clears the image's command, `environment` lies over the image's, a service
without `restart` is kept running (as a cluster would), what another waits for to complete is a job. A service's
version is the hash of its own workload, replica count left out, and of the configuration it mounts; so what does not
differ between two versions of the app is not forked.

Not here: what a target refuses (`process/refusals.py`), where values of secrets come from at install.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from seaway.app.model import App, Service
from seaway.app.units import seconds, size
from seaway.digest import Digest, canonical
from seaway.errors import EvidenceMissing, NotYet, SourceMissing
from seaway.image.model import Image
from seaway.targets.base import Version
from seaway.targets.blueprint import Blueprint, Dependency, Mount, Port, Probe, Workload
from seaway.targets.docker.knobs import knobs_of
from seaway.targets.document import encode
from seaway.targets.keys import require_carried

Compose = Mapping[str, Any]
Images = Mapping[str, Image]

_HTTP = ("http", "https", "http2", "h2", "grpc", "ws")
_COMPLETED = "service_completed_successfully"


def lower(app: App, images: Images, bundle: Digest) -> Version:
    """Returns the version of an app with these images, by service.

    Raises EvidenceMissing for a service without an image, NotYet or TargetUnsupported for a key that the environment's
    target refuses (`keys.toml`).
    """
    require_carried(app)
    configs = {name: Digest.of(data) for name, data in read_configs(app).items()}
    ours = (service for _, service in sorted(app.services.items()) if service.extension.kind != "external")
    workloads = tuple(_workload(app, service, images) for service in ours)
    blueprint = Blueprint(
        app=app.name,
        environment=app.environment.name,
        workloads=workloads,
        volumes=tuple(sorted(app.volumes)),
        configs=configs,
        secrets={name: _secret(secret) for name, secret in sorted(app.secrets.items())},
    )
    names = {each.service: service_version(each, configs) for each in workloads}
    return Version(Digest.of_json(encode(blueprint)), bundle, app.environment.name, blueprint, names)


def service_version(workload: Workload, configs: Mapping[str, Digest]) -> str:
    """Returns the 10 hex digits of a workload's own content: not of its neighbours, nor of how many run."""
    mounted = {mount.source: str(configs[mount.source]) for mount in workload.mounts if mount.kind == "config"}
    return Digest.of(canonical([encode(replace(workload, replicas=0)), mounted])).hex[:10]


def read_configs(app: App) -> dict[str, bytes]:
    """Returns the bytes of each config; raises SourceMissing for a file or variable that is not there."""
    found: dict[str, bytes] = {}
    for name, config in sorted(app.configs.items()):
        if "content" in config:
            found[name] = str(config["content"]).encode()
        elif "environment" in config:
            variable = str(config["environment"])
            value = app.variables.get(variable, os.environ.get(variable))
            if value is None:
                raise SourceMissing(f'config "{name}" has no value: {variable} is not set', hint=f"export {variable}=…")
            found[name] = value.encode()
        else:
            try:
                found[name] = Path(str(config["file"])).read_bytes()
            except OSError as error:
                where = str(config["file"])
                raise SourceMissing(f'config "{name}" cannot be read: {error.strerror}', where=where) from error
    return found


def _workload(app: App, service: Service, images: Images) -> Workload:
    image = images.get(service.name)
    if image is None:
        raise EvidenceMissing(f"no image of {service.name} is known by digest", hint="run seaway build")
    compose, config = cast(Compose, service.compose), cast(Compose, image.config.get("config") or {})
    kind = _kind(app, service)
    return Workload(
        service=service.name,
        image=image.digest,
        kind=kind,
        command=_command(compose, config),
        environment=_environment(service, config),
        secret_environment=dict(sorted(service.extension.secret_env.items())),
        working_directory=str(compose.get("working_dir") or config.get("WorkingDir") or "/"),
        user=_user(service, config),
        replicas=_replicas(compose),
        ports=_ports(service, config),
        mounts=_mounts(compose),
        probe=_probe(compose.get("healthcheck")),
        depends_on=_dependencies(compose),
        restart=_restart(service, kind),
        stop_signal=_signal(str(compose.get("stop_signal") or config.get("StopSignal") or "SIGTERM")),
        stop_grace=seconds(compose.get("stop_grace_period", 10)),
        init=bool(compose.get("init")),
        memory_limit=_memory(compose),
        hostname=str(compose.get("hostname") or ""),
        aliases=_aliases(app, service.name),
        references=_references(app, service),
        knobs=knobs_of(compose) if app.environment.target == "docker" else {},
    )


def _kind(app: App, service: Service) -> str:
    if service.extension.kind != "auto":
        return service.extension.kind
    compose = cast(Compose, service.compose)
    awaited = any(
        each.service == service.name and each.condition == _COMPLETED
        for other in app.services.values()
        for each in _dependencies(cast(Compose, other.compose))
    )
    policy = str(compose.get("restart") or "").partition(":")[0]
    lonely = not any(compose.get(key) for key in ("ports", "expose", "healthcheck"))
    return "job" if awaited or (policy in ("no", "on-failure") and lonely) else "service"


def _command(compose: Compose, config: Compose) -> tuple[str, ...]:
    """Returns the whole argument vector; an entrypoint of the service clears the image's command (Compose)."""
    entrypoint, command = compose.get("entrypoint"), compose.get("command")
    if entrypoint is not None:
        return (*_words(entrypoint), *_words(command))
    return (*_words(config.get("Entrypoint")), *_words(config.get("Cmd") if command is None else command))


def _words(value: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(str(word) for word in value or ())


def _environment(service: Service, config: Compose) -> dict[str, str]:
    image = dict(str(entry).partition("=")[::2] for entry in config.get("Env") or ())
    own = cast(Compose, service.compose).get("environment") or {}
    merged = {**image, **{name: str(value) for name, value in own.items() if value is not None}}
    return {name: merged[name] for name in sorted(merged) if name not in service.extension.secret_env}


def _user(service: Service, config: Compose) -> str:
    if (uid := service.extension.security.uid) is not None:
        return f"{uid}:{uid}"
    return str(cast(Compose, service.compose).get("user") or config.get("User") or "0:0")


def _replicas(compose: Compose) -> int:
    deploy = compose.get("deploy") or {}
    return int(compose.get("scale", deploy.get("replicas", 1)))


def _ports(service: Service, config: Compose) -> tuple[Port, ...]:
    """Returns the ports in order of number; HTTP where the port says so or the image is natively built."""
    compose, native = cast(Compose, service.compose), service.extension.image.base is not None
    found: dict[tuple[int, str], Port] = {}
    for text in (*(config.get("ExposedPorts") or {}), *(compose.get("expose") or ())):
        number, _, protocol = str(text).partition("/")
        for target in _range(number):
            found[(target, protocol or "tcp")] = Port(target, protocol or "tcp", http=native)
    for entry in compose.get("ports") or ():
        protocol = str(entry.get("protocol", "tcp"))
        spoken = entry.get("app_protocol")
        found[(int(entry["target"]), protocol)] = Port(
            target=int(entry["target"]),
            protocol=protocol,
            published=_published(service, entry.get("published")),
            host=str(entry.get("host_ip") or "127.0.0.1"),
            http=str(spoken).lower() in _HTTP if spoken else native,
        )
    return tuple(found[key] for key in sorted(found))


def _published(service: Service, value: object) -> int | None:
    if not value:
        return None
    if not str(value).isdecimal():
        raise NotYet(
            f"{service.name} may be published on any port of {value}", hint="name one port, or one for each target"
        )
    return int(str(value))


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _mounts(compose: Compose) -> tuple[Mount, ...]:
    found = [_volume(entry) for entry in compose.get("volumes") or ()]
    for text in compose.get("tmpfs") or ():
        path, _, options = str(text).partition(":")
        limits = dict(option.partition("=")[::2] for option in options.split(","))
        mode = int(limits["mode"], 8) if limits.get("mode") else None
        found.append(Mount("tmpfs", "", path, size=size(limits["size"]) if limits.get("size") else None, mode=mode))
    if compose.get("shm_size"):
        found.append(Mount("tmpfs", "", "/dev/shm", size=size(compose["shm_size"])))
    for kind, folder in (("secret", "/run/secrets"), ("config", "")):
        for entry in compose.get(f"{kind}s") or ():
            target = str(entry.get("target") or entry["source"])
            path = target if target.startswith("/") else f"{folder}/{target}"
            found.append(Mount(kind, str(entry["source"]), path, read_only=True, mode=_mode(entry.get("mode"))))
    return tuple(sorted(found, key=lambda mount: mount.path))


def _volume(entry: Compose) -> Mount:
    kind, source = str(entry["type"]), str(entry.get("source") or "")
    limit = (entry.get("tmpfs") or {}).get("size")
    return Mount(
        kind=kind,
        source=source or (f"anonymous{str(entry['target']).replace('/', '-')}" if kind == "volume" else ""),
        path=str(entry["target"]),
        read_only=bool(entry.get("read_only")),
        size=size(limit) if limit else None,
    )


def _mode(value: object) -> int | None:
    return int(str(value), 8) if value is not None else None


def _probe(check: Compose | None) -> Probe | None:
    if not check or check.get("disable") or list(check.get("test") or ())[:1] == ["NONE"]:
        return None
    if not check.get("test"):
        return None
    times = ("interval", "timeout", "start_period", "start_interval")
    given: dict[str, Any] = {name: seconds(check[name]) for name in times if check.get(name)}
    if check.get("retries"):
        given["retries"] = int(check["retries"])
    return Probe(test=_words(check["test"]), **given)


def _dependencies(compose: Compose) -> tuple[Dependency, ...]:
    return tuple(
        Dependency(name, str(entry.get("condition", "service_started")), bool(entry.get("required", True)))
        for name, entry in sorted((compose.get("depends_on") or {}).items())
    )


def _restart(service: Service, kind: str) -> str:
    compose = cast(Compose, service.compose)
    if written := compose.get("restart"):
        return str(written)
    policy = (compose.get("deploy") or {}).get("restart_policy") or {}
    condition = {"none": "no", "any": "always", "on-failure": "on-failure"}.get(str(policy.get("condition", "")), "")
    if condition == "on-failure" and policy.get("max_attempts"):
        return f"on-failure:{policy['max_attempts']}"
    if kind == "job":
        retries = service.extension.job.retries
        return condition or (f"on-failure:{retries}" if retries else "no")
    return condition or "always"


def _signal(text: str) -> str:
    if text.isdecimal():
        return signal.Signals(int(text)).name
    return text if text.startswith("SIG") else f"SIG{text}"


def _memory(compose: Compose) -> int | None:
    limits = ((compose.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    written = compose.get("mem_limit") or limits.get("memory")
    return size(written) if written else None


def _aliases(app: App, name: str) -> tuple[str, ...]:
    """Returns the other names of a service: its container's, on its networks, and in its neighbours' links."""
    compose = cast(Compose, app.services[name].compose)
    found = [str(compose["container_name"])] if compose.get("container_name") else []
    for network in (compose.get("networks") or {}).values():
        found += [str(alias) for alias in (network or {}).get("aliases") or ()]
    for other in app.services.values():
        links = [str(link).partition(":") for link in cast(Compose, other.compose).get("links") or ()]
        found += [alias for target, _, alias in links if target == name and alias]
    return tuple(sorted(set(found)))


def _references(app: App, service: Service) -> dict[str, dict[str, str]]:
    """Returns what a service uses or holds, by name: kind and, where it is pinned, digest."""
    known, image = app.extension.references, service.extension.image
    sources = [each.source for each in image.models.values()] + [each.source for each in image.data.values()]
    names = {*service.extension.uses, *(source for source in sources if source in known)}
    return {
        name: {"kind": known[name].kind, **({"digest": str(known[name].digest)} if known[name].digest else {})}
        for name in sorted(names)
        if name in known
    }


def _secret(secret: Mapping[str, object]) -> dict[str, str]:
    return {key: str(secret[key]) for key in ("file", "environment") if key in secret}

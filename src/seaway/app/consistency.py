"""Consistency of a bound model: references exist, exclusive attributes are not mixed, nothing depends on itself.

Each check is a generator of faults; the list below is their order. Off under `--no-consistency`. Pure.
Source: compose-go `loader/validate.go`, `graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.app.faults import AtPath
from seaway.app.tree import Map, Path
from seaway.errors import ConsistencyError


class Inconsistent(AtPath, ConsistencyError):
    """The model contradicts itself."""


@dataclass(frozen=True, slots=True)
class Project:
    """A bound model: the active services, the names of the inactive ones, the sections."""

    services: Map
    inactive: frozenset[str]
    sections: Mapping[str, Map]

    def lacks(self, section: str, name: str) -> bool:
        """Returns whether a section has no such entry."""
        return name not in (self.sections.get(section) or {})


Fault = tuple[str, Path]
Check = Callable[[str, Map, Project], Iterator[Fault]]


def check_consistency(project: Project) -> None:
    """Raises Inconsistent at the first contradiction."""
    for name, service in project.services.items():
        for check in CHECKS:
            for says, path in check(name, service, project):
                raise Inconsistent(says, ("services", name, *path))
    for name, secret in (project.sections.get("secrets") or {}).items():
        if not secret.get("external") and not secret.get("file") and not secret.get("environment"):
            raise Inconsistent("must declare either `file` or `environment`", ("secrets", name))
    _circles(project)


def _image(name: str, service: Map, _: Project) -> Iterator[Fault]:
    if "build" not in service and not service.get("image") and "provider" not in service:
        yield f'service "{name}" has neither an image nor a build context specified', ()


def _build(_: str, service: Map, project: Project) -> Iterator[Fault]:
    build = service.get("build")
    if build is None:
        return
    if build.get("dockerfile_inline") and build.get("dockerfile"):
        yield "dockerfile and dockerfile_inline exclude each other", ("build", "dockerfile_inline")
    for context, target in (build.get("additional_contexts") or {}).items():
        if target.startswith("service:"):
            other = project.services.get(target.removeprefix("service:"))
            if other is None or "build" not in other:
                yield f'"{target}" is not a service with a build', ("build", "additional_contexts", context)
    platforms = build.get("platforms")
    if platforms and service.get("platform") and service["platform"] not in platforms:
        yield f"platforms must include the service's platform {service['platform']}", ("build", "platforms")
    for index, secret in enumerate(build.get("secrets") or ()):
        if project.lacks("secrets", secret.get("source", "")):
            yield f'undefined build secret "{secret.get("source")}"', ("build", "secrets", index)


def _networks(name: str, service: Map, project: Project) -> Iterator[Fault]:
    if service.get("network_mode") and service.get("networks"):
        yield f"service {name} declares mutually exclusive `network_mode` and `networks`", ("network_mode",)
    for network in service.get("networks") or ():
        if project.lacks("networks", network):
            yield f'undefined network "{network}"', ("networks", network)


def _healthcheck(_: str, service: Map, __: Project) -> Iterator[Fault]:
    test = (service.get("healthcheck") or {}).get("test")
    if test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        yield 'must start either by "CMD", "CMD-SHELL" or "NONE"', ("healthcheck", "test")


def _depends_on(_: str, service: Map, project: Project) -> Iterator[Fault]:
    for other, dependency in (service.get("depends_on") or {}).items():
        known = other in project.services
        if not known and not (other in project.inactive and dependency.get("required") is False):
            yield f'depends on undefined service "{other}"', ("depends_on", other)
    mode = service.get("network_mode") or ""
    if mode.startswith("service:") and mode.removeprefix("service:") not in project.services:
        yield f'"{mode}" is not a service', ("network_mode",)


def _references(_: str, service: Map, project: Project) -> Iterator[Fault]:
    for index, volume in enumerate(service.get("volumes") or ()):
        source = volume.get("source")
        if volume.get("type") == "volume" and source and project.lacks("volumes", source):
            yield f'undefined volume "{source}"', ("volumes", index)
    for section in ("configs", "secrets"):
        for index, mount in enumerate(service.get(section) or ()):
            if project.lacks(section, mount.get("source", "")):
                yield f'undefined {section[:-1]} "{mount.get("source")}"', (section, index)
    for model in service.get("models") or ():
        if project.lacks("models", model):
            yield f'undefined model "{model}"', ("models", model)


def _scale(_: str, service: Map, __: Project) -> Iterator[Fault]:
    scale = service.get("scale")
    replicas = (service.get("deploy") or {}).get("replicas")
    if scale is not None and replicas is not None and scale != replicas:
        yield "can't set distinct values on 'scale' and 'deploy.replicas'", ("scale",)
    for value, path in ((scale, ("scale",)), (replicas, ("deploy", "replicas"))):
        if value is not None and value < 0:
            yield "must be greater than or equal to 0", path
    count = scale if scale is not None else replicas if replicas is not None else 1
    if count > 1 and service.get("container_name"):
        yield f"a container name must be unique, and there are {count} replicas", ("container_name",)


_TWICE = (
    ("cpus", "limits", "cpus"),
    ("mem_limit", "limits", "memory"),
    ("mem_reservation", "reservations", "memory"),
    ("pids_limit", "limits", "pids"),
)


def _resources(_: str, service: Map, __: Project) -> Iterator[Fault]:
    resources = (service.get("deploy") or {}).get("resources") or {}
    for key, kind, name in _TWICE:
        if service.get(key) and kind in resources and resources[kind].get(name) != service[key]:
            yield f"can't set distinct values on '{key}' and 'deploy.resources.{kind}.{name}'", (key,)


def _watch(_: str, service: Map, __: Project) -> Iterator[Fault]:
    for index, trigger in enumerate((service.get("develop") or {}).get("watch") or ()):
        if not trigger.get("target") and trigger.get("action") not in ("rebuild", "restart"):
            yield "target is required for non-rebuild actions", ("develop", "watch", index)


def _mounts(_: str, service: Map, __: Project) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    places: list[tuple[str, Path]] = []
    for index, entry in enumerate(service.get("tmpfs") or ()):
        places.append((entry.partition(":")[0], ("tmpfs", index)))
    for index, volume in enumerate(service.get("volumes") or ()):
        places.append((volume.get("target", ""), ("volumes", index)))
    for target, path in places:
        if target in seen:
            yield f"target {target} already mounted as {seen[target]}", path
        seen[target] = f"{path[0]}[{path[1]}]"


CHECKS: tuple[Check, ...] = (
    _image,
    _build,
    _networks,
    _healthcheck,
    _depends_on,
    _references,
    _scale,
    _resources,
    _watch,
    _mounts,
)


def _circles(project: Project) -> None:
    done: set[str] = set()
    for start in sorted(project.services):
        stack: list[tuple[str, Iterator[str]]] = [(start, _next(project, start))]
        trail = {start: None}
        while stack and start not in done:
            name, others = stack[-1]
            other = next((each for each in others if each not in done), None)
            if other is None:
                done.add(name)
                trail.pop(name, None)
                stack.pop()
            elif other in trail:
                raise Inconsistent(_circle([*trail], other), ("services", name, "depends_on", other))
            else:
                trail[other] = None
                stack.append((other, _next(project, other)))


def _next(project: Project, name: str) -> Iterator[str]:
    depends: Any = project.services[name].get("depends_on") or {}
    return iter([other for other in depends if other in project.services])


def _circle(trail: list[str], again: str) -> str:
    return f"dependency cycle detected: {' -> '.join([*trail[trail.index(again) :], again])}"

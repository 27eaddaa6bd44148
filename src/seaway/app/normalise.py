"""Normalisation of the merged model: what Compose makes explicit before it binds.

Pass-through variables are filled, the implicit network appears, dependencies follow from links, namespaces and
`volumes_from`, names from keys. Pure. Source: compose-go `loader/normalize.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.app.canonical import Malformed, is_true
from seaway.app.hooks import inherit
from seaway.app.mounts import clean
from seaway.app.tree import Map, Seq

_NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")


def normalise(model: Map, environment: Mapping[str, str]) -> None:
    """Makes implicit things explicit, in place; `model["name"]` is the project's name."""
    _networks(model)
    for section in ("services", "jobs"):
        for name, service in (model.get(section) or {}).items():
            if isinstance(service, Map):
                try:
                    _service(service, environment)
                except ValueError as problem:
                    raise Malformed(str(problem), (section, name)) from problem
            else:
                model[section][name] = Map()
    for section in ("networks", "volumes", "configs", "secrets"):
        _names(model, section)


def _networks(model: Map) -> None:
    attached = [each for each in map(_attached, (model.get("services") or {}).values()) if each is not None]
    for job in (model.get("jobs") or {}).values():
        _attached(job)
    # A job alone does not make the network appear.
    if any("default" in networks for networks in attached):
        networks = model.get("networks") or Map()
        networks.setdefault("default", None)
        model["networks"] = networks


def _attached(service: Any) -> Map | None:
    """Returns the networks of a service or job, the default one where it names none; None where it has no network."""
    if not isinstance(service, Map) or "provider" in service or "network_mode" in service:
        return None
    if not service.get("networks"):
        service["networks"] = Map(default=None)
    networks: Map = service["networks"]
    return networks


def _service(service: Map, environment: Mapping[str, str]) -> None:
    if service.get("pull_policy") == "if_not_present":
        service["pull_policy"] = "missing"
    build = service.get("build")
    if isinstance(build, Map):
        _build(build, environment)
    if service.get("environment") is not None:
        service["environment"] = _passed(service["environment"], environment, keep=True)
    for volume in service.get("volumes") or ():
        if not isinstance(volume, Map) or not isinstance(volume.get("target"), str):
            raise ValueError("a mount needs a target")
        volume["target"] = clean(volume["target"])
    _dependencies(service)
    inherit(service)


def _build(build: Map, environment: Mapping[str, str]) -> None:
    if build.get("context") is None:
        build["context"] = "."
    if build.get("dockerfile") is None and build.get("dockerfile_inline") is None:
        build["dockerfile"] = "Dockerfile"
    if build.get("args") is not None:
        build["args"] = _passed(build["args"], environment, keep=False)


def _passed(value: Any, environment: Mapping[str, str], *, keep: bool) -> Any:
    """Fills variables without a value from outside; `keep` keeps those that are not there either."""
    if isinstance(value, Map):
        filled = Map()
        for key, item in value.items():
            item = environment.get(key) if item is None else item
            if item is not None or keep:
                filled.put(key, item, value.at.get(key))
        return filled
    entries = Seq()
    for index, entry in enumerate(value if isinstance(value, Seq) else ()):
        if "=" not in entry and entry in environment:
            entry = f"{entry}={environment[entry]}"
        if "=" in entry or keep:
            entries.add(entry, value.mark(index))
    return entries


def _dependencies(service: Map) -> None:
    depends = service.get("depends_on") or Map()
    for link in service.get("links") or ():
        parts = link.split(":")
        _depend(depends, parts[0] if len(parts) == 2 else link, restart=True)
    for namespace in _NAMESPACES:
        reference = service.get(namespace, "")
        if reference is None:
            raise ValueError(f"{namespace} must be a string")
        if isinstance(reference, str) and reference.startswith("service:"):
            _depend(depends, reference.removeprefix("service:"), restart=True)
    for source in service.get("volumes_from") or ():
        if not source.startswith("container:"):
            _depend(depends, source.split(":")[0], restart=False)
    if depends:
        service["depends_on"] = depends


def _depend(depends: Map, name: str, *, restart: bool) -> None:
    depends.setdefault(name, Map(condition="service_started", restart=restart, required=True))


def _names(model: Map, section: str) -> None:
    for key, resource in (model.get(section) or {}).items():
        if resource is None:
            resource = model[section][key] = Map()
        if isinstance(resource, Map) and resource.get("name") is None:
            external = is_true(resource.get("external"))
            resource["name"] = key if external else f"{model['name']}_{key}"

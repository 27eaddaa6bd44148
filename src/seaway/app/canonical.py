"""Long forms: short spellings become what they stand for, by a table from path to transformation.

Run after each merge, so a later file's short form meets an earlier file's long form only in the merge. Then, once
all files are in: the defaults table. Pure. Source: compose-go `transform`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from seaway.app.containers import with_hooks, with_jobs
from seaway.app.faults import AtPath
from seaway.app.interpolate import boolean
from seaway.app.mounts import clean, parse_device, parse_mount, parse_ports
from seaway.app.patterns import Node, table
from seaway.app.scalars import printed
from seaway.app.tree import Map, Path, Seq
from seaway.errors import SchemaError

PORTS = 100_000
_RANGE = re.compile(r"([0-9]{1,6})-([0-9]{1,6})(?:/|$)")

Form = Callable[[Any], Any]


class Malformed(AtPath, SchemaError):
    """A value that has no long form."""


class Item(ValueError):
    """A value of a list has no long form."""

    def __init__(self, says: str, index: int) -> None:
        super().__init__(says)
        self.index = index


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else printed(value)


def _listed(value: Any) -> Any:
    return Seq([value]) if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, Seq):
        return value
    found = Map()
    for index, entry in enumerate(value):
        key, equals, item = str(entry).partition("=")
        if not equals:
            raise ValueError(f"invalid value {entry}, expected key=value")
        found.put(key, item, value.mark(index))
    return found


def _keys(default: dict[str, Any] | None) -> Form:
    def form(value: Any) -> Any:
        if not isinstance(value, Seq):
            return value
        found = Map()
        for index, entry in enumerate(value):
            found.put(str(entry), None if default is None else Map(default), value.mark(index))
        return found

    return form


def _depends_on(value: Any) -> Any:
    started = {"condition": "service_started", "required": True}
    if isinstance(value, Map):
        for name, entry in value.items():
            if not isinstance(entry, Map):
                raise ValueError(f"{name} must be a mapping")
            for key, default in started.items():
                entry.setdefault(key, default)
        return value
    if not isinstance(value, Seq):
        raise ValueError("must be a list or a mapping")
    return _keys(started)(value)


def _env_file(value: Any) -> Any:
    if not isinstance(value, (str, Seq)):
        raise ValueError("must be a string or a list")
    entries = _listed(value)
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            entries[index] = Map(path=entry, required=True)
        elif isinstance(entry, Map):
            entry.setdefault("required", True)
    return entries


def _gpus(value: Any) -> Any:
    return Seq([Map(count="all")]) if isinstance(value, str) else value


def _volume(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    mount = parse_mount(value)
    if mount["target"]:
        mount["target"] = clean(mount["target"])
    return Map({key: Map(item) if isinstance(item, dict) else item for key, item in mount.items()})


def _device(value: Any) -> Any:
    return Map(parse_device(value)) if isinstance(value, str) else value


def _source(value: Any) -> Any:
    return Map(source=value) if isinstance(value, str) else value


def _ports(value: Any) -> Any:
    if not isinstance(value, Seq):
        raise ValueError("must be a list")
    found = Seq()
    for index, entry in enumerate(value):
        if isinstance(entry, Map):
            found.add(entry, value.mark(index))
            continue
        if isinstance(entry, (float, bool)) or entry is None:
            raise ValueError(f"{printed(entry)} is not a port")
        try:
            ports = parse_ports(str(entry))
        except ValueError as problem:
            raise Item(str(problem), index) from problem
        if any(port["target"] == 0 for port in ports):
            raise Item("is missing a target port", index)
        for port in ports:
            found.add(Map(port), value.mark(index))
    return found


def _context(value: Any) -> Any:
    return Map(context=value) if isinstance(value, str) else value


def _ssh(value: Any) -> Any:
    if not isinstance(value, Seq):
        return value
    found = Map()
    for index, entry in enumerate(value):
        name, equals, path = str(entry).partition("=")
        if not equals and name != "default":
            raise ValueError(f'invalid ssh key "{entry}"')
        found.put(name, path if equals else None, value.mark(index))
    return found


def _schedule(value: Any) -> Any:
    return Map(cron=value) if isinstance(value, str) else value


def _ulimit(value: Any) -> Any:
    if isinstance(value, (Map, int)) and not isinstance(value, bool):
        return value
    raise ValueError(f"{printed(value)} is not a limit")


def _external(value: Any) -> Any:
    if not isinstance(value, Map) or not isinstance(value.get("external"), Map):
        return value
    name = value["external"].get("name")
    value["external"] = True
    if name is None:
        return value
    if value.setdefault("name", name) != name:
        raise ValueError("name and external.name conflict; only use name")
    return value


# The second is whether the transformation goes on below.
FORMS: dict[str, tuple[Form, bool]] = {
    "services.*.build": (_context, True),
    "services.*.build.secrets.*": (_source, False),
    "services.*.build.provenance": (_text, False),
    "services.*.build.sbom": (_text, False),
    "services.*.build.additional_contexts": (_pairs, False),
    "services.*.build.ssh": (_ssh, False),
    "services.*.build.ulimits.*": (_ulimit, False),
    "services.*.depends_on": (_depends_on, False),
    "services.*.env_file": (_env_file, False),
    "services.*.label_file": (_listed, False),
    "services.*.gpus": (_gpus, True),
    "services.*.networks": (_keys(None), False),
    "services.*.models": (_keys(None), False),
    "services.*.volumes.*": (_volume, False),
    "services.*.dns": (_listed, False),
    "services.*.devices.*": (_device, False),
    "services.*.secrets.*": (_source, False),
    "services.*.configs.*": (_source, False),
    "services.*.ports": (_ports, False),
    "volumes.*": (_external, False),
    "networks.*": (_external, False),
    "secrets.*": (_external, False),
    "configs.*": (_external, False),
    "jobs.*.triggers.schedule.*": (_schedule, False),
}


def _build_context(value: Any) -> Any:
    if isinstance(value, Map):
        value.setdefault("context", ".")
    return value


def _secret_target(value: Any) -> Any:
    if isinstance(value, Map):
        # Go prints a missing source so; Compose keeps it, and a consistent app has none.
        source = value.get("source", "%!s(<nil>)")
        value.setdefault("target", f"/run/secrets/{printed(source)}")
    return value


def _port_defaults(value: Any) -> Any:
    if isinstance(value, Map):
        value.setdefault("protocol", "tcp")
        value.setdefault("mode", "ingress")
    return value


def _device_count(value: Any) -> Any:
    if isinstance(value, Map) and "count" not in value and "device_ids" not in value:
        value["count"] = "all"
    return value


def _host_path(value: Any) -> Any:
    if not isinstance(value, Map):
        raise ValueError("must be a mapping")
    value.setdefault("create_host_path", True)
    return value


DEFAULTS: dict[str, tuple[Form, bool]] = {
    "services.*.build": (_build_context, False),
    "services.*.secrets.*": (_secret_target, False),
    "services.*.ports.*": (_port_defaults, False),
    "services.*.deploy.resources.reservations.devices.*": (_device_count, False),
    "services.*.gpus.*": (_device_count, False),
    "services.*.volumes.*.bind": (_host_path, False),
}

FORM_TABLE = table(with_jobs(with_hooks(FORMS)))
DEFAULT_TABLE = table(with_jobs(DEFAULTS))


def canonical(model: Map) -> None:
    """Turns short spellings into long ones, in place; raises Malformed."""
    _count_ports(model)
    _walk(model, (), FORM_TABLE)
    for service in [*_mappings(model.get("services")), *_mappings(model.get("jobs"))]:
        dns = service.get("dns")
        if isinstance(dns, Seq):
            service["dns"] = Seq(entry for entry in dns if entry not in (None, ""))


def _count_ports(model: Map) -> None:
    """Raises Malformed where ranges stand for more ports than anything could publish."""
    total = 0
    for name, service in (model.get("services") or {}).items():
        for entry in service.get("ports") or () if isinstance(service, Map) else ():
            for first, last in _RANGE.findall(entry) if isinstance(entry, str) else ():
                total += max(0, int(last) - int(first))
        if total > PORTS:
            raise Malformed(f"ranges stand for more than {PORTS} ports", ("services", name, "ports"))


def fill_defaults(model: Map) -> None:
    """Adds what Compose adds when all files are merged, in place; raises Malformed."""
    _walk(model, (), DEFAULT_TABLE)


def _mappings(section: Any) -> list[Map]:
    return [each for each in section.values() if isinstance(each, Map)] if isinstance(section, Map) else []


def _walk(node: Any, path: Path, rules: Node[tuple[Form, bool]]) -> None:
    entries: list[tuple[str | int, Any]] = list(node.items() if isinstance(node, Map) else enumerate(node))
    for key, value in entries:
        step = rules.step(key if isinstance(node, Map) else "[]")
        if step is None:
            continue
        onward = True
        if step.rule is not None and value is not None:
            form, onward = step.rule
            value = node[key] = _formed(form, value, (*path, key))
        if onward and isinstance(value, (Map, Seq)):
            _walk(value, (*path, key), step)


def _formed(form: Form, value: Any, path: Path) -> Any:
    try:
        return form(value)
    except Item as problem:
        raise Malformed(str(problem), (*path, problem.index)) from problem
    except ValueError as problem:
        raise Malformed(str(problem), path) from problem


def is_true(value: object) -> bool:
    """Returns whether a value that may be a boolean or its spelling is true."""
    try:
        return value is True or (isinstance(value, str) and boolean(value))
    except ValueError:
        return False

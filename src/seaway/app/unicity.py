"""Unicity: in lists that have a key, the last entry of a key wins, in the place of the first.

A table from path to the function that reads an entry's key. Source: compose-go `override`, uncity.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seaway.app.faults import AtPath
from seaway.app.mounts import parse_mount
from seaway.app.patterns import Node, table
from seaway.app.scalars import printed
from seaway.app.tree import Map, Path, Seq
from seaway.errors import SchemaError

Key = Callable[[Any], str]


class Keyless(ValueError):
    """An entry has no key of the form its list needs."""


def _name(entry: Any) -> str:
    if not isinstance(entry, str):
        raise Keyless("is not a string")
    return entry.partition("=")[0]


def _target(entry: Any) -> str:
    if isinstance(entry, Map):
        target = entry.get("target")
        if not isinstance(target, str):
            raise Keyless("is missing a mount target")
        return target
    if not isinstance(entry, str):
        return ""
    try:
        return str(parse_mount(entry).get("target", ""))
    except ValueError as problem:
        raise Keyless(str(problem)) from problem


def _device(entry: Any) -> str:
    if isinstance(entry, Map):
        return _target(entry)
    parts = entry.split(":") if isinstance(entry, str) else [""]
    return parts[0] if len(parts) == 1 else parts[1]


def _value(entry: Any) -> str:
    if isinstance(entry, bool) or not isinstance(entry, (str, int)):
        raise Keyless("is not a port")
    return str(entry)


def _mounted(folder: str) -> Key:
    def key(entry: Any) -> str:
        if isinstance(entry, str):
            return f"{folder}/{entry}"
        if not isinstance(entry, Map):
            raise Keyless("is not a mount")
        target = entry.get("target")
        return str(target) if target is not None else f"{folder}/{entry.get('source')}"

    return key


def _port(entry: Any) -> str:
    if not isinstance(entry, Map):
        return str(entry) if isinstance(entry, (int, str)) else ""
    if "target" not in entry:
        raise Keyless("is missing a target port")
    host, protocol = entry.get("host_ip", "0.0.0.0"), entry.get("protocol", "tcp")
    return f"{host}:{printed(entry.get('published'))}:{printed(entry['target'])}/{protocol}"


def _path(entry: Any) -> str:
    if isinstance(entry, Map):
        if not isinstance(entry.get("path"), str):
            raise Keyless("is missing a path")
        return str(entry["path"])
    return entry if isinstance(entry, str) else ""


_NAMED = (
    "annotations build.args build.additional_contexts build.tags build.labels cap_add cap_drop deploy.labels dns "
    "dns_opt dns_search environment labels links networks.*.aliases networks.*.link_local_ips profiles sysctls tmpfs"
)
KEYS: dict[str, Key] = {
    "networks.*.labels": _name,
    **{f"services.*.{path}": _name for path in _NAMED.split()},
    "services.*.configs": _mounted(""),
    "services.*.secrets": _mounted("/run/secrets"),
    "services.*.env_file": _path,
    "services.*.expose": _value,
    "services.*.ports": _port,
    "services.*.volumes": _target,
    "services.*.devices": _device,
}
TABLE = table(KEYS)


class Ambiguous(AtPath, SchemaError):
    """A list entry without a key."""


def enforce(model: Map) -> None:
    """Removes repeated entries from the lists of a model, in place; raises Ambiguous."""
    _walk(model, (), TABLE)


def _walk(node: Map, path: Path, rules: Node[Key]) -> None:
    for key, value in node.items():
        step = rules.step(key)
        if step is None:
            continue
        if isinstance(value, Map):
            _walk(value, (*path, key), step)
        elif isinstance(value, Seq) and step.rule is not None:
            node[key] = _unique(value, step.rule, (*path, key))


def _unique(entries: Seq, key: Key, path: Path) -> Seq:
    found = Seq()
    places: dict[str, int] = {}
    for index, entry in enumerate(entries):
        try:
            name = key(entry)
        except Keyless as problem:
            raise Ambiguous(str(problem), (*path, index)) from problem
        if name in places:
            found[places[name]], found.at[places[name]] = entry, entries.mark(index) or 0
        else:
            places[name] = len(found)
            found.add(entry, entries.mark(index))
    return found

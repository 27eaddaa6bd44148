"""Checks across attributes that the schema cannot state, by a table from path to check; run once all files are merged.

Pure. Source: compose-go `validation`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from seaway.app.canonical import Malformed
from seaway.app.patterns import Node, table
from seaway.app.tree import Map, Path, Seq

Check = Callable[[Any], str | None]


def _content(*keys: str) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, Map):
            return f"one of {'|'.join(keys)} must be set"
        found = [key for key in keys if key in value]
        if len(found) > 1:
            return f"{'|'.join(keys)} attributes are mutually exclusive"
        if not found and "driver" not in value and "external" not in value:
            return f"one of {'|'.join(keys)} must be set"
        return None

    return check


def _external(value: Any) -> str | None:
    if not isinstance(value, Map) or value.get("external") is not True:
        return None
    others = [key for key in value if key not in ("name", "external") and not key.startswith("x-")]
    return f'conflicting parameters "external" and "{others[0]}" specified' if others else None


def _address(value: Any) -> str | None:
    host = value.get("host_ip") if isinstance(value, Map) else None
    if host is None:
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"invalid ip address: {host}"
    return None


def _path(value: Any) -> str | None:
    return "value can't be blank" if value == "" else None


def _devices(value: Any) -> str | None:
    both = isinstance(value, Map) and "count" in value and "device_ids" in value
    return '"count" and "device_ids" attributes are exclusive' if both else None


CHECKS: dict[str, Check] = {
    "volumes.*": _external,
    "configs.*": _content("file", "environment", "content"),
    "secrets.*": _content("file", "environment"),
    "services.*.ports.*": _address,
    "services.*.develop.watch.*.path": _path,
    "services.*.deploy.resources.reservations.devices.*": _devices,
    "services.*.gpus.*": _devices,
}
TABLE = table(CHECKS)


def cross_check(model: Map) -> None:
    """Checks a canonical model; raises Malformed at the first contradiction."""
    _walk(model, (), TABLE)


def _walk(node: Any, path: Path, rules: Node[Check]) -> None:
    for key, value in node.items() if isinstance(node, Map) else enumerate(node):
        step = rules.step(key if isinstance(node, Map) else "[]")
        if step is None:
            continue
        if step.rule is not None:
            problem = step.rule(value)
            if problem:
                raise Malformed(problem, (*path, key))
        elif isinstance(value, (Map, Seq)):
            _walk(value, (*path, key), step)

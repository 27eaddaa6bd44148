"""Merging a later model over an earlier one: a table from path to rule, everything else by the general rule.

General rule: maps merge by key, lists append what is not there yet, scalars are replaced, null keeps the earlier
value, a map over a list (or the other way round) is an error. Both trees are consumed: the result is the earlier
one, changed.
Source: Compose specification, 13 Merge; compose-go `override`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from seaway.app.containers import with_jobs
from seaway.app.faults import AtPath
from seaway.app.patterns import Node, table
from seaway.app.scalars import printed
from seaway.app.tree import Map, Mark, Path, Seq, chain, mark_of
from seaway.errors import MergeError

POOLS = 100_000

Spot = tuple[Path, "Node[Rule] | None"]
Rule = Callable[[Any, Any, Spot], Any]


class Unmergeable(AtPath, MergeError):
    """Two values that cannot be merged."""


def _replace(_: Any, later: Any, __: Spot) -> Any:
    return later


def _to_list(earlier: Any, later: Any, _: Spot) -> Any:
    return _joined(_list(earlier), _list(later))


def _to_list_once(earlier: Any, later: Any, _: Spot) -> Any:
    found = _joined_once(_list(earlier), _list(later))
    # Two mappings of nothing are no list to Compose, whose schema then refuses the null.
    return found if found or isinstance(earlier, Seq) else None


def _joined_once(base: Seq, more: Seq) -> Seq:
    """Appends what is not there yet; repeats within the base stay."""
    found = _joined(base, Seq())
    known = {_key(item) for item in base}
    for index, item in enumerate(more):
        key = _key(item)
        if key not in known:
            known.add(key)
            found.add(item, more.mark(index))
    return found


def _key(item: Any) -> tuple[type, str]:
    """Returns what two items have in common that are equal to Go."""
    if isinstance(item, str):
        return type(item), item
    return type(item), json.dumps(item, sort_keys=True)


def _joined(base: Seq, more: Seq) -> Seq:
    return Seq([*base, *more], [*base.at, *more.at])


def _list(value: Any) -> Seq:
    """Returns a value as a list of `key=value`, sorted as Compose sorts it."""
    if isinstance(value, Seq):
        return value
    if isinstance(value, str):
        return Seq([value])
    pairs: list[tuple[str, Mark]] = []
    if isinstance(value, Map):
        for key, item in value.items():
            mark = value.at.get(key, 0)
            pairs += [(text, mark) for text in _entries(key, item)]
    pairs.sort(key=lambda pair: pair[0].encode())
    return Seq((text for text, _ in pairs), [mark for _, mark in pairs])


def _entries(key: str, item: Any) -> list[str]:
    if item is None:
        return [key]
    return [f"{key}={printed(each)}" for each in (item if isinstance(item, list) else [item])]


def _to_map(default: dict[str, Any] | None) -> Rule:
    def merge(earlier: Any, later: Any, spot: Spot) -> Any:
        return _maps(_map(earlier, default), _map(later, default), spot)

    return merge


def _map(value: Any, default: dict[str, Any] | None) -> Map:
    if isinstance(value, Map):
        return value
    found = Map()
    for index, item in enumerate(value if isinstance(value, Seq) else ()):
        found.put(printed(item), None if default is None else Map(default), value.mark(index))
    return found


def _build(earlier: Any, later: Any, spot: Spot) -> Any:
    return _maps(_context(earlier), _context(later), spot)


def _context(value: Any) -> Map:
    if isinstance(value, str):
        return Map(context=value)
    return value if isinstance(value, Map) else Map()


def _logging(earlier: Any, later: Any, spot: Spot) -> Any:
    if not isinstance(earlier, Map) or not isinstance(later, Map):
        raise Unmergeable("only a mapping can override logging", spot[0])
    drivers = [each["driver"] for each in (earlier, later) if "driver" in each]
    return later if len(drivers) == 2 and drivers[0] != drivers[1] else _maps(earlier, later, spot)


def _by_subnet(earlier: Any, later: Any, spot: Spot) -> Any:
    if not isinstance(earlier, Seq) or not isinstance(later, Seq):
        raise Unmergeable("ipam.config must be a list", spot[0])
    if len(earlier) * len(later) > POOLS:
        raise Unmergeable(f"ipam.config has more than {POOLS} pairs of pools to compare", spot[0])
    found = Seq()
    for index, original in enumerate(earlier):
        for number, override in enumerate(later):
            _place(found, (_map(original, None), earlier.mark(index)), (_map(override, None), later.mark(number)), spot)
    return found


def _place(found: Seq, right: tuple[Map, Mark | None], left: tuple[Map, Mark | None], spot: Spot) -> None:
    subnets = [pool.get("subnet") for pool in found]
    if left[0].get("subnet") != right[0].get("subnet") and left[0].get("subnet") not in subnets:
        found.add(*left)
        return
    merged = _maps(right[0], left[0], spot)
    # The pools may be the merged one itself: Compose compares what they are now.
    subnets = [pool.get("subnet") for pool in found]
    if merged.get("subnet") in subnets:
        found[subnets.index(merged.get("subnet"))] = merged
    else:
        found.add(merged, right[1])


_STARTED: dict[str, Any] = {"condition": "service_started", "required": True}

RULES: dict[str, Rule] = {
    "networks.*.ipam.config": _by_subnet,
    "networks.*.labels": _to_list,
    "volumes.*.labels": _to_list,
    "secrets.*.labels": _to_list,
    "configs.*.labels": _to_list,
    "services.*.annotations": _to_list,
    "services.*.build": _build,
    "services.*.build.args": _to_list,
    "services.*.build.additional_contexts": _to_list,
    "services.*.build.extra_hosts": _to_list_once,
    "services.*.build.labels": _to_list,
    "services.*.command": _replace,
    "services.*.depends_on": _to_map(_STARTED),
    "services.*.deploy.labels": _to_list,
    "services.*.dns": _to_list,
    "services.*.dns_opt": _to_list,
    "services.*.dns_search": _to_list,
    "services.*.entrypoint": _replace,
    "services.*.env_file": _to_list,
    "services.*.label_file": _to_list,
    "services.*.environment": _to_list,
    "services.*.extra_hosts": _to_list_once,
    "services.*.healthcheck.test": _replace,
    "services.*.labels": _to_list,
    "services.*.logging": _logging,
    "services.*.models": _to_map(None),
    "services.*.networks": _to_map(None),
    "services.*.sysctls": _to_list,
    "services.*.tmpfs": _to_list,
    "services.*.ulimits.*": _replace,
}


TABLE = table(with_jobs(RULES))


def merged(earlier: Any, later: Any, path: Path = ()) -> Any:
    """Returns the later tree merged over the earlier; `path` is where both hang in the model."""
    node: Node[Rule] | None = TABLE
    for key in path:
        node = node.step(key) if node else None
    return _value(earlier, later, (path, node))


def _value(earlier: Any, later: Any, spot: Spot) -> Any:
    path, node = spot
    if node is not None and node.rule is not None:
        return node.rule(earlier, later, spot)
    if later is None:
        return earlier
    if isinstance(earlier, Map):
        if not isinstance(later, Map):
            raise Unmergeable(f"a {_kind(later)} cannot override a mapping", path)
        return _maps(earlier, later, spot)
    if isinstance(earlier, Seq):
        if not isinstance(later, Seq):
            raise Unmergeable(f"a {_kind(later)} cannot override a list", path)
        return _joined_once(earlier, later)
    return later


def _kind(value: Any) -> str:
    return "mapping" if isinstance(value, Map) else "list" if isinstance(value, Seq) else "single value"


def _maps(earlier: Map, later: Map, spot: Spot) -> Map:
    path, node = spot
    for key, value in later.items():
        mark = mark_of(later, key)
        if key not in earlier:
            earlier.put(key, value, mark)
            continue
        fresh = _value(earlier[key], value, ((*path, key), node.step(key) if node else None))
        older = mark_of(earlier, key)
        earlier.put(key, fresh, older if value is None else chain(mark, older))
    return earlier

"""Grants in a namespace: which images a promotion let in, and which stay because something still names them.

A grant is `sha256-<hex>: <leaf> <end>`. Its end blocks new promotions and alarms; it takes nothing away that runs: a
digest stays while a pod, a template or a kept version names it, and others go a week after their end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from seaway.errors import ApplyConflict, ClusterUnfit
from seaway.targets.kubernetes.admission import GRANTS, LARGEST
from seaway.targets.kubernetes.cluster import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    STATEFUL,
    Changed,
    Cluster,
    Item,
)
from seaway.targets.kubernetes.names import MANAGED_BY, MANAGER

DAYS = 90
WEEK = timedelta(days=7)
TRIES = 5
_IMAGE = re.compile(r"@sha256:([0-9a-f]{64})$")
_GRANT = re.compile(r"(\d+) (\d{4}-\d{2}-\d{2})")


def kept(grants: Mapping[str, str], used: Collection[str], today: date) -> dict[str, str]:
    """Returns the grants that stay: what is used, what has not ended, and what ended less than a week ago."""
    found = {}
    for name, text in sorted(grants.items()):
        said = _GRANT.fullmatch(text)
        if name in used or (said and date.fromisoformat(said[2]) + WEEK >= today):
            found[name] = text
    return found


def grant_of(leaf: int, promoted: date) -> str:
    """Returns the text of a grant: the leaf of its promotion, and its last day."""
    return f"{leaf} {promoted + timedelta(days=DAYS)}"


def images_in(item: Mapping[str, Any]) -> Iterator[str]:
    """Yields the keys of all images that an object names, wherever in it."""
    for key, value in item.items():
        if key == "image" and isinstance(value, str) and (found := _IMAGE.search(value)):
            yield f"sha256-{found[1]}"
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, Mapping):
                yield from images_in(each)


def used_in(cluster: Cluster, namespace: str) -> frozenset[str]:
    """Returns the keys of all images that pods, templates and kept versions of templates name."""
    kinds = (PODS, DEPLOYMENTS, REPLICA_SETS, STATEFUL, JOBS)
    return frozenset(key for kind in kinds for item in cluster.find(kind, namespace) for key in images_in(item))


def grant(cluster: Cluster, namespace: str, fresh: Mapping[str, str], today: date) -> dict[str, str]:
    """Adds grants and drops those that are over; returns what there is. Raises ClusterUnfit for more than fit."""
    for _ in range(TRIES):
        item = cluster.get(CONFIG_MAPS, namespace, GRANTS)
        wanted = kept({**((item or {}).get("data") or {}), **fresh}, {*used_in(cluster, namespace), *fresh}, today)
        if len(wanted) > LARGEST:
            raise ClusterUnfit(f"{len(wanted)} grants are more than a ConfigMap holds", where=f"ConfigMap/{GRANTS}")
        about = {"name": GRANTS, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}}
        made: Item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": wanted}
        try:
            if item is None:
                cluster.create(made)
            elif item.get("data") != wanted:
                about["resourceVersion"] = item["metadata"]["resourceVersion"]
                cluster.replace(made)
            return wanted
        except Changed:
            continue
    raise ApplyConflict("somebody else writes the grants again and again", where=f"ConfigMap/{GRANTS}")

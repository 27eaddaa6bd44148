"""A version's own Deployment beside the ones that run: what an agent does, and no static rendering.

`<service>-<hash>` of the Deployment's spec, with that hash in selector and pods, so selectors never overlap: a changed
prompt forks, neighbours do not restart. What keeps state is updated in place, under its own name.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

from seaway.targets.kubernetes.names import VERSION, Object, forked, metadata, reference
from seaway.targets.kubernetes.workloads import IN_PLACE


def fork(item: Object, service: str, version: str, replicas: int) -> Object:
    """Returns the object that runs this many pods of a service's version."""
    made = copy.deepcopy(cast(dict[str, Any], item))
    kind, _, name = reference(item)
    spec = made["spec"]
    template = spec["template"]
    template["metadata"]["labels"][VERSION] = version
    for container in template["spec"]["containers"]:
        own = [{"name": "SEAWAY_VERSION", "value": version}]
        container["env"] = sorted([*container["env"], *own], key=lambda entry: str(entry["name"]))
    made["metadata"]["labels"][VERSION] = version
    if kind == "Job":
        made["metadata"]["name"] = forked(service, version)
        return made
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind in IN_PLACE:
        spec["selector"]["matchLabels"].pop(VERSION)
        made["metadata"]["name"] = name
        return made
    spec["selector"]["matchLabels"][VERSION] = version
    made["metadata"]["name"] = forked(service, version)
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return made


def pinned(service: Mapping[str, Any], version: str, name: str = "") -> Object:
    """Returns a Service that selects one version of its pods, or all versions where `version` is empty."""
    made = copy.deepcopy(dict(service))
    chosen = {key: value for key, value in made["spec"]["selector"].items() if key != VERSION}
    made["spec"]["selector"] = chosen | ({VERSION: version} if version else {})
    if name:
        about = made["metadata"]
        made["metadata"] = metadata(name, about["namespace"], {**about["labels"], VERSION: version})
    return made

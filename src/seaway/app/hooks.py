"""`pre_start` hooks: init containers that inherit their service's container attributes, all but its volumes.

Attributes the hook sets are merged over the service's by the rules of merging. Source: compose-spec pull request 656,
the `container_spec` of the Compose schema.
"""

from __future__ import annotations

from seaway.app.containers import CONTAINER
from seaway.app.merge import merged
from seaway.app.tree import Map, copied


def inherit(service: Map) -> None:
    """Completes a service's `pre_start` hooks with its own container attributes, in place."""
    hooks = service.get("pre_start") or []
    for index, hook in enumerate(hooks):
        if isinstance(hook, Map):
            base = Map((key, copied(service[key])) for key in service if key in CONTAINER and key != "volumes")
            base.at = {key: mark for key, mark in service.at.items() if key in base}
            hooks[index] = merged(base, hook, ("services", "hook"))

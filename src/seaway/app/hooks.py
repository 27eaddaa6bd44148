"""`pre_start` hooks: init containers that inherit their service's container attributes, all but its volumes.

Attributes the hook sets are merged over the service's by the rules of merging. Source: compose-spec pull request 656,
the `container_spec` of the Compose schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from seaway.app.merge import merged
from seaway.app.tree import Map, copied

R = TypeVar("R")

_NAMES = """
    annotations blkio_config cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent cpu_shares
    cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus cpuset credential_spec device_cgroup_rules devices dns
    dns_opt dns_search domainname entrypoint env_file label_file environment extra_hosts gpus group_add hostname
    image init ipc isolation labels logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
    network_mode models networks oom_kill_disable oom_score_adj pid pids_limit platform privileged pull_policy
    pull_refresh_after read_only runtime security_opt shm_size secrets sysctls stop_grace_period stop_signal
    storage_opt tmpfs ulimits use_api_socket user uts userns_mode volumes volumes_from working_dir
"""
CONTAINER = frozenset(_NAMES.split())


def with_hooks(rows: Mapping[str, R]) -> dict[str, R]:
    """Returns the rows of a table, and those of container attributes for `pre_start` hooks too."""
    prefix = "services.*."
    more = {
        f"services.*.pre_start.*.{path.removeprefix(prefix)}": rule
        for path, rule in rows.items()
        if path.startswith(prefix) and path.split(".")[2] in CONTAINER
    }
    return {**rows, **more}


def inherit(service: Map) -> None:
    """Completes a service's `pre_start` hooks with its own container attributes, in place."""
    hooks = service.get("pre_start") or []
    for index, hook in enumerate(hooks):
        if isinstance(hook, Map):
            base = Map((key, copied(service[key])) for key in service if key in CONTAINER and key != "volumes")
            base.at = {key: mark for key, mark in service.at.items() if key in base}
            hooks[index] = merged(base, hook, ("services", "hook"))

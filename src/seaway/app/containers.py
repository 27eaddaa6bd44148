"""Where a container's attributes stand: in services, in their `pre_start` hooks, in jobs.

Tables are written for services; these functions give the rows of a table the other places. Pure.
Source: the `container_spec`, `workload_spec` and `job` of the Compose schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

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
WORKLOAD = frozenset(["build", "depends_on", "healthcheck", "ports", "expose", "stdin_open", "tty"])


def with_hooks(rows: Mapping[str, R]) -> dict[str, R]:
    """Returns the rows of a table, and those of container attributes for `pre_start` hooks too."""
    return {**rows, **_moved(rows, "services.*.pre_start.*", CONTAINER)}


def with_jobs(rows: Mapping[str, R]) -> dict[str, R]:
    """Returns the rows of a table, and those of the attributes that jobs have too."""
    return {**rows, **_moved(rows, "jobs.*", CONTAINER | WORKLOAD)}


def _moved(rows: Mapping[str, R], place: str, names: frozenset[str]) -> dict[str, R]:
    prefix = "services.*."
    paths = [path for path in rows if path.startswith(prefix) and path.split(".")[2] in names]
    return {f"{place}.{path.removeprefix(prefix)}": rows[path] for path in paths}

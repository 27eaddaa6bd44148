"""Keys of Compose that mean nothing to any target but an engine, carried to it as they are: pure.

A row of the key table (`keys.toml`) that is mapped for docker and for nothing else stands here with the field of the
Engine API that it becomes. Source: Docker Engine API v1.41, `HostConfig`; the Compose specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seaway.app.units import size

_NANO = 1_000_000_000
_LIMITS = "deploy.resources.limits"


def _nano(value: Any) -> int:
    return round(float(value) * _NANO)


def _swap(value: Any) -> int:
    return -1 if str(value) == "-1" else size(value)


def _strings(value: Iterable[Any]) -> list[str]:
    return [str(each) for each in value]


def _string_map(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(each) for key, each in value.items()}


def _ulimits(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    both = {name: each if isinstance(each, Mapping) else {"soft": each, "hard": each} for name, each in value.items()}
    return [{"Name": name, "Soft": int(each["soft"]), "Hard": int(each["hard"])} for name, each in sorted(both.items())]


def _devices(value: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "PathOnHost": str(each["source"]),
            "PathInContainer": str(each.get("target") or each["source"]),
            "CgroupPermissions": str(each.get("permissions") or "rwm"),
        }
        for each in value
    ]


def _hosts(value: Iterable[Any]) -> list[str]:
    return [str(each).replace("=", ":", 1) for each in value]


def _logging(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"Type": str(value.get("driver") or "json-file"), "Config": _string_map(value.get("options") or {})}


HOST: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "cap_add": ("CapAdd", _strings),
    "cap_drop": ("CapDrop", _strings),
    "cgroup": ("CgroupnsMode", str),
    "cgroup_parent": ("CgroupParent", str),
    "cpu_period": ("CpuPeriod", int),
    "cpu_quota": ("CpuQuota", int),
    "cpu_rt_period": ("CpuRealtimePeriod", int),
    "cpu_rt_runtime": ("CpuRealtimeRuntime", int),
    "cpu_shares": ("CpuShares", int),
    "cpus": ("NanoCpus", _nano),
    "cpuset": ("CpusetCpus", str),
    f"{_LIMITS}.cpus": ("NanoCpus", _nano),
    f"{_LIMITS}.pids": ("PidsLimit", int),
    "device_cgroup_rules": ("DeviceCgroupRules", _strings),
    "devices": ("Devices", _devices),
    "dns": ("Dns", _strings),
    "dns_opt": ("DnsOptions", _strings),
    "dns_search": ("DnsSearch", _strings),
    "extra_hosts": ("ExtraHosts", _hosts),
    "group_add": ("GroupAdd", _strings),
    "ipc": ("IpcMode", str),
    "logging": ("LogConfig", _logging),
    "mem_reservation": ("MemoryReservation", size),
    "mem_swappiness": ("MemorySwappiness", int),
    "memswap_limit": ("MemorySwap", _swap),
    "oom_kill_disable": ("OomKillDisable", bool),
    "oom_score_adj": ("OomScoreAdj", int),
    "pids_limit": ("PidsLimit", int),
    "privileged": ("Privileged", bool),
    "runtime": ("Runtime", str),
    "security_opt": ("SecurityOpt", _strings),
    "storage_opt": ("StorageOpt", _string_map),
    "sysctls": ("Sysctls", _string_map),
    "ulimits": ("Ulimits", _ulimits),
    "userns_mode": ("UsernsMode", str),
    "uts": ("UTSMode", str),
}
LABELS, DOMAIN = "labels", "domainname"
CARRIED = frozenset({*HOST, LABELS, DOMAIN})


def knobs_of(compose: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a service writes of the keys that only an engine carries, by the key's path."""
    found = {}
    for name in sorted(CARRIED):
        value: Any = compose
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value not in (None, False, "", [], {}):
            found[name] = value
    return found


def host_fields(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of `HostConfig` that these keys become."""
    return {HOST[name][0]: HOST[name][1](value) for name, value in knobs.items() if name in HOST}

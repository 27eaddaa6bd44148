"""The attributes of the model and the kind of each: tables that bind a canonical tree to what Compose prints.

An attribute whose value is the zero of its kind is left out, as Go's `omitempty` does; where a row says so it stays.
`x-*` keys are left out below the top. Source: compose-go `types`, the JSON of Compose 5.6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.app import kinds
from seaway.app.canonical import Malformed
from seaway.app.containers import CONTAINER, WORKLOAD
from seaway.app.scalars import printed
from seaway.app.tree import Map, Path, Seq

Convert = Callable[[Any, Path], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """How an attribute is converted; `keeps_zero` prints even an empty value, `always` even a missing one."""

    convert: Convert
    keeps_zero: bool = False
    always: bool = False
    opts_out: bool = False
    name: str | None = None


def _leaf(convert: Callable[[Any], Any]) -> Convert:
    def bound(value: Any, path: Path) -> Any:
        try:
            return convert(value)
        except ValueError as problem:
            raise Malformed(str(problem), path) from problem

    return bound


def _nothing(_: Any, __: Path) -> None:
    return None


LEAVES: dict[str, Kind] = {
    "text": Kind(_leaf(kinds.text)),
    "flag": Kind(_leaf(kinds.flag)),
    "choice": Kind(_leaf(kinds.flag), keeps_zero=True),
    "whole": Kind(_leaf(kinds.whole)),
    "some": Kind(_leaf(kinds.whole), keeps_zero=True),
    "count": Kind(_leaf(kinds.count)),
    "port": Kind(_leaf(kinds.unsigned(32))),
    "weight": Kind(_leaf(kinds.unsigned(16))),
    "tally": Kind(_leaf(kinds.count), keeps_zero=True),
    "number": Kind(_leaf(kinds.number)),
    "size": Kind(_leaf(kinds.size)),
    "duration": Kind(_leaf(kinds.duration)),
    "delay": Kind(_leaf(kinds.delay)),
    "command": Kind(_leaf(kinds.command), keeps_zero=True, always=True),
    "test": Kind(_leaf(kinds.health_test)),
    "strings": Kind(_leaf(kinds.strings)),
    "numbers": Kind(_leaf(kinds.printed_strings)),
    "environment": Kind(_leaf(kinds.environment)),
    "mapping": Kind(_leaf(kinds.mapping)),
    "texts": Kind(_leaf(kinds.texts)),
    "repeated": Kind(_leaf(kinds.repeated)),
    # Hosts without any address print an empty list, no hosts at all print nothing.
    "hosts": Kind(_leaf(lambda value: kinds.hosts(value) if value else None), keeps_zero=True),
    "mode": Kind(_leaf(kinds.mode)),
    "devices": Kind(_leaf(kinds.devices)),
    "ssh": Kind(_leaf(kinds.ssh)),
}


class Shape(dict[str, Kind]):
    """The attributes of a mapping; `standing` are those that may be printed where they are not written."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        super().__init__(kinds)
        self.standing = tuple(name for name, kind in kinds.items() if kind.always or kind.opts_out)

    def of(self, value: Map) -> list[str]:
        """Returns the attributes to bind for a value, those written first."""
        return [*(name for name in value if name in self), *(name for name in self.standing if name not in value)]


def shape(*parts: Mapping[str, Kind], **names: str) -> Shape:
    """Makes a shape of attributes named by kind, and of others already made."""
    found = {name: LEAVES[kind] for kind, listed in names.items() for name in listed.split()}
    for part in parts:
        found.update(part)
    return Shape(found)


def bind(value: Any, attributes: Shape, path: Path) -> Map:
    """Returns a mapping bound to a shape; raises Malformed with the path."""
    if not isinstance(value, Map):
        raise Malformed(f"{printed(value)} is not a mapping", path)
    found = Map()
    for name in attributes.of(value):
        kind, raw = attributes[name], value.get(name)
        bound = None if raw is None and not (kind.always or kind.opts_out) else _converted(kind, raw, (*path, name))
        if kind.always or (bound is not None and (kind.keeps_zero or bound)):
            found.put(kind.name or name, bound, value.at.get(name))
    return found


def _converted(kind: Kind, raw: Any, path: Path) -> Any:
    if raw is None and not kind.opts_out and not (kind.always and kind.convert is not LEAVES["command"].convert):
        return None
    return kind.convert(raw, path)


def one(attributes: Shape) -> Kind:
    """An attribute that is a mapping of a shape, printed even when empty."""
    return Kind(lambda value, path: bind(value, attributes, path), keeps_zero=True)


def inline(attributes: Shape) -> Kind:
    """A mapping of a shape that is printed even when it is missing."""
    return Kind(
        lambda value, path: bind(Map() if value is None else value, attributes, path), keeps_zero=True, always=True
    )


def many(attributes: Shape) -> Kind:
    """A list of mappings of a shape."""

    def convert(value: Any, path: Path) -> Seq:
        if not isinstance(value, Seq):
            raise Malformed(f"{printed(value)} is not a list", path)
        return Seq([bind(item, attributes, (*path, index)) for index, item in enumerate(value)], list(value.at))

    return Kind(convert)


def named(attributes: Shape) -> Kind:
    """A mapping from name to a mapping of a shape, or to nothing."""

    def convert(value: Any, path: Path) -> Map:
        if not isinstance(value, Map):
            raise Malformed(f"{printed(value)} is not a mapping", path)
        found = Map()
        for key, item in value.items():
            found.put(key, None if item is None else bind(item, attributes, (*path, key)), value.at.get(key))
        return found

    return Kind(convert)


def _limits(value: Any, path: Path) -> Map:
    found = Map()
    for key, item in value.items():
        found.put(key, _leaf(kinds.ulimit)(item, (*path, key)), value.at.get(key))
    return found


HOOK = shape(text="image user working_dir", flag="privileged per_replica", environment="environment", command="command")
MOUNTED = shape(text="source target uid gid", mode="mode")
DEVICE_REQUEST = shape(strings="capabilities device_ids", text="driver", devices="count", mapping="options")
_ULIMITS = {"ulimits": Kind(_limits)}

BUILD = shape(
    {"secrets": many(MOUNTED), **_ULIMITS},
    text="context dockerfile dockerfile_inline provenance sbom isolation network target",
    strings="entitlements cache_from cache_to no_cache_filter tags platforms",
    environment="args",
    mapping="labels additional_contexts",
    flag="no_cache pull privileged",
    hosts="extra_hosts",
    size="shm_size",
    ssh="ssh",
)
# Compose prints these under Go's names, zeros and all.
_PATH = {"path": Kind(_leaf(lambda value: kinds.text(value or "")), keeps_zero=True, opts_out=True, name="Path")}
_RATE = Kind(
    _leaf(lambda value: kinds.size(0 if value is None else value) or "0"), keeps_zero=True, opts_out=True, name="Rate"
)
_WEIGHING = Kind(_leaf(lambda value: kinds.unsigned(16)(value or 0)), keeps_zero=True, opts_out=True, name="Weight")
_THROTTLE = {**_PATH, "rate": _RATE}
_WEIGHT = {**_PATH, "weight": _WEIGHING}
BLKIO = shape(
    {
        name: many(shape(_THROTTLE))
        for name in ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")
    },
    {"weight_device": many(shape(_WEIGHT))},
    weight="weight",
)
_UPDATE = shape(tally="parallelism", delay="delay monitor", text="failure_action order", number="max_failure_ratio")
_GENERIC = shape({"discrete_resource_spec": one(shape(text="kind", some="value"))})
_RESOURCE = shape(
    {"devices": many(DEVICE_REQUEST), "generic_resources": many(_GENERIC)}, number="cpus", size="memory", whole="pids"
)
DEPLOY = shape(
    {
        "update_config": one(_UPDATE),
        "rollback_config": one(_UPDATE),
        "resources": inline(shape({"limits": one(_RESOURCE), "reservations": one(_RESOURCE)})),
        "restart_policy": one(shape(text="condition", duration="delay window", tally="max_attempts")),
        "placement": inline(
            shape({"preferences": many(shape(text="spread"))}, strings="constraints", count="max_replicas_per_node")
        ),
    },
    text="mode endpoint_mode",
    some="replicas",
    mapping="labels",
)
# Printed only where it is false: a boolean that is meant unless it is said otherwise.
OPT_OUT = Kind(_leaf(lambda value: None if value and kinds.flag(value) else False), keeps_zero=True, opts_out=True)
_BIND = {
    **shape(text="selinux propagation recursive"),
    "create_host_path": OPT_OUT,
}
VOLUME = shape(
    {
        "bind": one(shape(_BIND)),
        "volume": one(shape(mapping="labels", flag="nocopy", text="subpath")),
        "tmpfs": one(shape(size="size", count="mode")),
        "image": one(shape(text="subpath")),
    },
    text="type source target consistency",
    flag="read_only",
)
_DEPENDENCY = shape({"required": Kind(LEAVES["flag"].convert, keeps_zero=True)}, text="condition", flag="restart")
_WATCH = shape(
    {"path": Kind(LEAVES["text"].convert, True), "action": Kind(LEAVES["text"].convert, True), "exec": inline(HOOK)},
    text="target",
    strings="include ignore",
    flag="initial_sync",
)
_NETWORK = shape(
    strings="aliases link_local_ips",
    mapping="driver_opts",
    whole="gw_priority priority",
    text="interface_name ipv4_address ipv6_address mac_address",
)
SERVICE = shape(
    {
        "build": one(BUILD),
        "develop": one(shape({"watch": many(_WATCH)})),
        "blkio_config": one(BLKIO),
        "configs": many(MOUNTED),
        "secrets": many(MOUNTED),
        "credential_spec": one(shape(text="config file registry")),
        "depends_on": named(_DEPENDENCY),
        "deploy": one(DEPLOY),
        "devices": many(shape(text="source target permissions")),
        "provider": one(shape(text="type", repeated="options")),
        "env_file": many(shape({"required": OPT_OUT}, text="path format")),
        "gpus": many(DEVICE_REQUEST),
        "healthcheck": one(
            shape(test="test", duration="timeout interval start_period start_interval", tally="retries", flag="disable")
        ),
        "logging": one(shape(text="driver", mapping="options")),
        "models": named(shape(text="endpoint_var model_var")),
        "networks": named(_NETWORK),
        "ports": many(shape(text="name mode host_ip published protocol app_protocol", port="target")),
        "volumes": many(VOLUME),
        "post_start": many(HOOK),
        "pre_stop": many(HOOK),
        **_ULIMITS,
    },
    strings="profiles cap_add cap_drop device_cgroup_rules dns dns_opt dns_search external_links group_add label_file "
    "links security_opt tmpfs volumes_from",
    text="cgroup_parent cgroup cpuset container_name domainname hostname image ipc isolation mac_address network_mode "
    "pid platform pull_policy restart runtime stop_signal user userns_mode uts working_dir pull_refresh_after "
    "volume_driver net log_driver dockerfile",
    flag="oom_kill_disable privileged read_only stdin_open tty use_api_socket",
    choice="attach init",
    whole="cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares oom_score_adj pids_limit",
    some="scale",
    number="cpu_percent cpus",
    size="mem_limit mem_reservation memswap_limit mem_swappiness shm_size",
    duration="stop_grace_period",
    command="command entrypoint",
    environment="environment",
    mapping="annotations labels sysctls",
    texts="storage_opt log_opt",
    numbers="expose",
    hosts="extra_hosts",
)
SERVICE = shape(
    SERVICE,
    {"pre_start": many(shape({key: kind for key, kind in SERVICE.items() if key in CONTAINER}, flag="per_replica"))},
)
_SCHEDULE = shape(text="cron timezone concurrency missed_fires")
JOB = shape(
    {key: kind for key, kind in SERVICE.items() if key in CONTAINER | WORKLOAD},
    {"triggers": one(shape({"schedule": many(_SCHEDULE)}, choice="manual"))},
    strings="profiles",
)
_POOL = shape(text="subnet gateway ip_range", mapping="aux_addresses")
_FILE = shape(
    text="name file environment content driver template_driver", flag="external", mapping="labels", texts="driver_opts"
)
SECTIONS: dict[str, Shape] = {
    "networks": shape(
        {"ipam": inline(shape({"config": many(_POOL)}, text="driver", mapping="options"))},
        text="name driver",
        mapping="driver_opts labels",
        flag="external internal attachable",
        choice="enable_ipv4 enable_ipv6",
    ),
    "volumes": shape(text="name driver", mapping="driver_opts labels", flag="external"),
    "secrets": _FILE,
    "configs": _FILE,
    "models": shape(text="name model", whole="context_size", strings="runtime_flags"),
}

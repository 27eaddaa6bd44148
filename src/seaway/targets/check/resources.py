"""Resources: requests, limits no pod has, GPUs and devices, placement."""

from __future__ import annotations

from collections.abc import Iterator

from seaway.app.model import App, Service
from seaway.targets.check.remark import Remark, Row, entries, keys, rows
from seaway.targets.check.repair import drop, put, together

_NODE = "{value} of {service} is a setting of the node"
_LOST = (
    "cpu_percent cpu_rt_period cpu_rt_runtime cpuset memswap_limit mem_swappiness oom_kill_disable oom_score_adj "
    "pids_limit ulimits blkio_config"
)
_ROWS = (
    *(Row(key, "SW-602", _NODE.replace("{value}", key), f"delete {key}") for key in _LOST.split(" ")),
    Row("deploy.resources.limits.pids", "SW-602", _NODE.replace("{value}", "pids"), "delete pids"),
    Row("devices", "SW-606", "{service} needs devices of the host", "x-seaway: {gpu: {dra: true}} for a CDI name"),
    Row("device_cgroup_rules", "SW-606", "{service} has device rules of the host", "delete device_cgroup_rules"),
)
_HOW_MUCH = "how much it needs: measure it under load"
_CPU = ("cpus", "cpu_shares", "cpu_quota", "cpu_count")
_MEMORY = ("mem_limit", "mem_reservation")


def requests(service: Service, _: App) -> Iterator[Remark]:
    """SW-601 for a service that asks for no processor or no memory."""
    lacking = [name for name, present in (("cpu", _cpu(service)), ("memory", _memory(service))) if not present]
    if lacking:
        says = f"{service.name} requests no {' and no '.join(lacking)}"
        wanted = ", ".join({"cpu": "cpu: 100m", "memory": "memory: 256Mi"}[name] for name in lacking)
        path = ("deploy",) if "deploy" in service.compose else ()
        asked = {name: {"cpu": "100m", "memory": "256Mi"}[name] for name in lacking}
        fix = together(
            *(put("x-seaway", "resources", name, to=value) for name, value in asked.items()), decide=_HOW_MUCH
        )
        yield Remark("SW-601", says, path, f"x-seaway: {{resources: {{{wanted}}}}}", fix)


def _cpu(service: Service) -> bool:
    return service.extension.resources.cpu is not None or _asks(service, _CPU, "cpus")


def _memory(service: Service) -> bool:
    return service.extension.resources.memory is not None or _asks(service, _MEMORY, "memory")


def _asks(service: Service, keys_: tuple[str, ...], name: str) -> bool:
    resources = keys(service, "deploy").get("resources") or {}
    parts = [resources.get(part) or {} for part in ("limits", "reservations")]
    return any(service.compose.get(key) for key in keys_) or any(part.get(name) for part in parts)


def gpus(service: Service, _: App) -> Iterator[Remark]:
    """SW-603 for all GPUs of somewhere, SW-604 for GPUs by number."""
    resources = keys(service, "deploy").get("resources") or {}
    reserved = (resources.get("reservations") or {}).get("devices") or ()
    wanted = [(each, ("gpus", index)) for index, each in enumerate(entries(service, "gpus"))]
    place = ("deploy", "resources", "reservations", "devices")
    for index, each in enumerate(reserved):
        if "gpu" in (each.get("capabilities") or ()):
            wanted.append((each, (*place, index)))  # type: ignore[arg-type]  # paths of two lengths
    for request, path in wanted:
        if request.get("device_ids"):
            fix = together(drop(*path, "device_ids"), put(*path, "count", to=len(request["device_ids"])))
            yield Remark("SW-604", f"{service.name} names GPUs by number", path, "count: 1 instead of device_ids", fix)
        elif request.get("count") == -1 and service.extension.gpu.count is None:
            fix = put("x-seaway", "gpu", "count", to=1, decide="how many it needs")
            yield Remark("SW-603", f"{service.name} asks for all GPUs", path, "x-seaway: {gpu: {count: 1}}", fix)


def limits(service: Service, _: App) -> Iterator[Remark]:
    """SW-602 and SW-606 for what a pod has no field for."""
    yield from rows(service, _ROWS)


def placement(service: Service, _: App) -> Iterator[Remark]:
    """SW-607 for constraints that speak of Swarm."""
    rules = keys(service, "deploy").get("placement") or {}
    for index, constraint in enumerate(rules.get("constraints") or ()):
        if not constraint.startswith("node.labels."):
            path = ("deploy", "placement", "constraints", index)
            yield Remark("SW-607", f'"{constraint}" speaks of Swarm', path, "node.labels.<name>==<value>", drop(*path))

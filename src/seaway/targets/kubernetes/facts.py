"""What is seen on a cluster, as values: pods and why they are not ready, shares of requests, jobs. Pure.

A share is read from what requests follow: the endpoints behind a Service, the weights of a route that the gateway has
accepted. What cannot be read has no share, never a share of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from seaway.targets.base import Pod
from seaway.targets.kubernetes.names import SERVICE, STATIC, VERSION

Item = Mapping[str, Any]

_WAITS = ("ContainerCreating", "PodInitializing")
_UNSAID = frozenset({"Completed", ""})


def pod_of(item: Item, services: Mapping[str, str]) -> Pod:
    """Returns a pod as a release sees it; `services` gives a service's name by its label."""
    about, status = item["metadata"], item.get("status") or {}
    marks = about.get("labels") or {}
    containers = status.get("containerStatuses") or []
    ending = "deletionTimestamp" in about
    return Pod(
        id=about["name"],
        service=services.get(marks.get(SERVICE, ""), marks.get(SERVICE, "")),
        service_version=marks.get(VERSION, STATIC),
        address=status.get("podIP") or "",
        ready=not ending and is_true(status, "Ready"),
        since=seconds(status.get("startTime") or about.get("creationTimestamp")),
        restarts=sum(int(each.get("restartCount", 0)) for each in containers),
        reason="ends" if ending else reason_of(item),
    )


def is_true(status: Item, kind: str) -> bool:
    """Whether a condition is reported as true."""
    return any(each["type"] == kind and each["status"] == "True" for each in status.get("conditions") or ())


def seconds(text: str | None) -> float:
    """Returns an API server's time as seconds since the epoch; 0 for none."""
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def reason_of(item: Item) -> str:
    """Returns why a pod is not ready, as its own status says; empty where nothing is wrong or known."""
    status = item.get("status") or {}
    for each in status.get("containerStatuses") or ():
        state = each.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        last = (each.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") and waiting["reason"] not in _WAITS:
            code = f"ended with {last['exitCode']}" if "exitCode" in last else ""
            return ": ".join(part for part in (waiting["reason"], code or waiting.get("message", "")) if part)
        if ended.get("reason", "") not in _UNSAID:
            return f"{ended['reason']}: ended with {ended.get('exitCode')}"
    for each in status.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return f"{each.get('reason', 'Pending')}: {each.get('message', '')}".rstrip(": ")
    return str(status.get("reason") or "")


def is_job(item: Item) -> bool:
    """Whether a pod is that of a job: it is no replica."""
    return any(each.get("kind") == "Job" for each in item["metadata"].get("ownerReferences") or ())


def endpoint_shares(slices: Sequence[Item], versions: Mapping[str, str]) -> dict[str, float]:
    """Returns the percent of each version among the ready endpoints of a Service; `versions` is by pod."""
    ready = [versions[name] for name in _ready(slices) if name in versions]
    return {name: 100.0 * ready.count(name) / len(ready) for name in sorted(set(ready))}


def _ready(slices: Sequence[Item]) -> Iterator[str]:
    """Yields the pods that get requests, once each: a pod is in a slice for each family of addresses."""
    seen: set[str] = set()
    for item in slices:
        for endpoint in item.get("endpoints") or ():
            name = str((endpoint.get("targetRef") or {}).get("name", ""))
            if (endpoint.get("conditions") or {}).get("ready", True) and name not in seen:
                seen.add(name)
                yield name


def route_shares(route: Item, versions: Mapping[str, str]) -> dict[str, float] | None:
    """Returns the percent of each version in a route; None until the gateway has accepted what it says now."""
    parents = (route.get("status") or {}).get("parents") or ()
    generation = route["metadata"].get("generation", 0)
    if not any(_accepted(parent, generation) for parent in parents):
        return None
    found: dict[str, float] = {}
    for rule in route["spec"].get("rules") or ():
        for each in rule.get("backendRefs") or ():
            if (name := versions.get(each["name"])) is not None:
                found[name] = found.get(name, 0.0) + each.get("weight", 1)
    total = sum(found.values())
    return {name: 100.0 * weight / total for name, weight in found.items()} if total else {}


def _accepted(parent: Item, generation: int) -> bool:
    held = {each["type"]: each for each in parent.get("conditions") or ()}
    return all(
        name in held and held[name]["status"] == "True" and held[name].get("observedGeneration", 0) >= generation
        for name in ("Accepted", "ResolvedRefs")
    )


def job_state(item: Item) -> tuple[str, str]:
    """Returns a job's state, running, succeeded or failed, and why it failed."""
    status = item.get("status") or {}
    if is_true(status, "Complete"):
        return "succeeded", ""
    for each in status.get("conditions") or ():
        if each["type"] == "Failed" and each["status"] == "True":
            return "failed", f"{each.get('reason', '')}: {each.get('message', '')}".strip(": ")
    return "running", ""

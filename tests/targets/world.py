"""Versions of a small app for the target's tests, and a loop that drives a supervisor until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from seaway.digest import Digest
from seaway.targets.base import Retarget, Scale, Seen, Shift, Version
from seaway.targets.blueprint import Blueprint, Port, Workload
from seaway.targets.document import encode
from seaway.targets.process.fronts import Fronts
from seaway.targets.process.life import Life
from seaway.targets.process.paths import EnvironmentPaths, ProjectPaths
from seaway.targets.process.supervised import SupervisedTarget
from seaway.targets.process.target import ProcessTarget

IMAGE = Digest.of(b"the image of the tests")
PORT = 8000
COMMAND = ("python3", "-u", "/app/server.py", "0.0.0.0", str(PORT))


def web(word: str = "one", **fields: object) -> Workload:
    """Returns a service that answers `WORD POD` over HTTP."""
    base = Workload(
        service="web",
        image=IMAGE,
        command=COMMAND,
        environment={"WORD": word, "PYTHONDONTWRITEBYTECODE": "1"},
        ports=(Port(PORT),),
        restart="always",
        stop_grace=3.0,
    )
    return replace(base, **fields)  # type: ignore[arg-type]  # fields are Workload's own


def version_of(*workloads: Workload, secrets: Mapping[str, Mapping[str, str]] | None = None) -> Version:
    """Returns a version of these workloads, each named by its own content."""
    blueprint = Blueprint("shop", "dev", workloads, secrets=secrets or {})
    names = {each.service: Digest.of_json(encode(each)).hex[:10] for each in workloads}
    digest = Digest.of_json(encode(blueprint))
    return Version(digest, Digest.of(b"bundle"), "dev", blueprint, names)


def place(folder: Path) -> EnvironmentPaths:
    """Returns the state folder of one environment below `folder`."""
    return ProjectPaths(folder / "shop-1", "shop").environment("dev")


def envoy_of(target: ProcessTarget) -> Life | None:
    """Returns the Envoy that runs in front of a target's services."""
    return Fronts(target.paths.envoy, "").life()


def drive(target: SupervisedTarget, holds: Callable[[Seen], bool], *, seconds: float = 20.0) -> Seen:
    """Takes turns until what is observed holds; fails with the last observation."""
    until = time.monotonic() + seconds
    while True:
        target.supervisor.turn(time.time())
        seen = target.observe(time.time())
        if holds(seen):
            return seen
        assert time.monotonic() < until, f"not within {seconds} s: {seen}"
        time.sleep(0.05)


def go_live(target: ProcessTarget, version: Version, root: Path, **replicas: int) -> Seen:
    """Installs a version, makes it stable with so many replicas, and waits until they serve."""
    target.install(version, roots=lambda _digest: root)
    target.act(Scale(version.digest, replicas), 1)
    target.act(Shift({version.digest: 100}), 1)
    target.act(Retarget(version.digest), 1)
    return drive(target, lambda seen: is_live(seen, version, replicas))


def is_live(seen: Seen, version: Version, replicas: Mapping[str, int]) -> bool:
    """Tells whether so many replicas are ready and have all the weight where requests are routed."""
    routed = {each.service for each in version.blueprint.workloads if each.ports}
    for service, count in replicas.items():
        name = version.service_versions[service]
        ready = [pod for pod in seen.pods if pod.service_version == name and pod.service == service and pod.ready]
        if len(ready) != count or (service in routed and seen.weights.get(service, {}).get(name) != 100.0):
            return False
    return True

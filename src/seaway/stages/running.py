"""The app on this machine: from a bundle to a version that the target process runs, and the agent that keeps it.

`up` is the laptop's way: all at once, watched by nobody. A governed release goes through `releasing.py`. The typing
command installs, asks and watches; the agent does.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from seaway.bundle import Bundle
from seaway.errors import EngineUnavailable
from seaway.stages.built import open_bundle
from seaway.targets.base import Version
from seaway.targets.docker.target import DockerTarget, Setting
from seaway.targets.keys import require_carried
from seaway.targets.lower import lower, read_configs
from seaway.targets.opening import claim, target_name
from seaway.targets.process import refusals
from seaway.targets.process.client import AgentClient, ensure_agent
from seaway.targets.process.published import require_published
from seaway.targets.process.target import ProcessTarget
from seaway.workspace import Workspace

Say = Callable[[str, str], None]
PATIENCE = 180.0
SETTLING = 10.0  # seconds after which a fault of the agent's turns is no passing one


def agent(space: Workspace) -> AgentClient:
    """Returns the project's agent, started if there is none."""
    place, paths = space.place, space.paths
    words = (str(paths.folder), space.name, str(place.data), str(place.state), place.origin)
    return ensure_agent(paths, (sys.executable, "-m", "seaway.agent", *words))


def require_suitable(space: Workspace, environment: str) -> None:
    """Raises TargetUnsupported for what this machine cannot give the app on the target it names."""
    app = space.load(environment, governed=True)
    if app.environment.target == "docker":
        require_carried(app)
    else:
        refusals.require_suitable(app)


def install(space: Workspace, environment: str, bundle: Bundle, say: Say) -> Version:
    """Makes a bundle's version known to an environment: its images unpacked, its configuration kept; starts nothing."""
    require_suitable(space, environment)
    app = space.load(environment, governed=True)
    _, images = open_bundle(space, bundle.digest)
    version = lower(app, images, bundle.digest)
    require_published(space.paths, version, lambda service: app.services[service].where("ports"))
    say("unpack", f"{len(images)} images")
    configs = {version.blueprint.configs[name]: data for name, data in read_configs(app).items()}
    paths = space.paths.environment(environment)
    claim(paths, app.environment.target)
    if app.environment.target == "docker":
        engine = DockerTarget(paths, Setting.prepare(paths, space.environ))
        with closing(engine.supervisor):
            engine.install(version, store=space.store, configs=configs.__getitem__)
        return version
    target = ProcessTarget(paths)
    with closing(target.supervisor):
        target.install(version, roots=lambda digest: space.roots.root(space.store, digest), configs=configs.__getitem__)
    return version


@dataclass(frozen=True, slots=True)
class Up:
    """What runs now: the version, the agent's status, and where the app can be reached."""

    version: Version
    status: Mapping[str, Any]

    @property
    def addresses(self) -> list[str]:
        """The published ports as addresses of this machine."""
        ports = [port for each in self.version.blueprint.workloads for port in each.ports if port.published]
        return [f"http://{port.host or '127.0.0.1'}:{port.published}" for port in ports]


def up(space: Workspace, environment: str, bundle: Bundle, say: Say) -> Up:
    """Runs a bundle at once in an environment and waits until every service is ready and reachable."""
    version = install(space, environment, bundle, say)
    client = agent(space)
    digest = str(version.digest)
    before = client.ask("status", environment=environment)["wishes"].get("stable")
    workloads = version.blueprint.workloads
    replicas = {each.service: each.replicas for each in workloads if each.kind == "service"}
    client.ask("scale", environment=environment, version=digest, replicas=replicas)
    for each in workloads:
        if each.kind == "job":
            client.ask("run", environment=environment, version=digest, job=each.service)
    wait(client, environment, version, say)
    client.ask("shift", environment=environment, weights={digest: 100})
    client.ask("retarget", environment=environment, version=digest)
    status = wait(client, environment, version, _unsaid, routed=True)
    if before and before != digest:  # only now: until Envoy has the new routes, requests go to what was there before
        client.ask("retire", environment=environment, version=before)
    return Up(version, status)


def _unsaid(_what: str, _detail: str) -> None:
    """Says nothing: what is ready was said."""


def wait(client: AgentClient, environment: str, version: Version, say: Say, *, routed: bool = False) -> dict[str, Any]:
    """Waits until each service of a version is ready, and if `routed` reachable; raises EngineUnavailable."""
    until, shown = time.monotonic() + PATIENCE, ""
    while True:
        status: dict[str, Any] = client.ask("status", environment=environment)
        ready = _ready(status, version)
        words = "  ".join(f"{service} {have}/{want}" for service, (have, want) in sorted(ready.items()))
        if words != shown:
            say("ready", words)
            shown = words
        if all(have >= want for have, want in ready.values()) and (not routed or _routed(status, version)):
            return status
        if failed := [job for job in status["seen"]["jobs"] if job["state"] == "failed"]:
            raise EngineUnavailable(f"job {failed[0]['name']} failed", hint=f"seaway logs {failed[0]['name']}")
        if (faults := status["seen"]["faults"]) and time.monotonic() > until - PATIENCE + SETTLING:
            raise EngineUnavailable("; ".join(faults), where=environment, hint="seaway ps")
        if time.monotonic() > until:
            raise EngineUnavailable(f"not ready after {PATIENCE:.0f} s: {words}", where=environment, hint=_look(status))
        time.sleep(0.1)


def _ready(status: Mapping[str, Any], version: Version) -> dict[str, tuple[int, int]]:
    """Returns, by service, the ready pods of this version and how many are wanted."""
    wanted = {each.service: each.replicas for each in version.blueprint.workloads if each.kind == "service"}
    ready = [
        pod["service"]
        for pod in status["seen"]["pods"]
        if pod["ready"] and pod["service_version"] == version.service_versions.get(pod["service"])
    ]
    return {service: (ready.count(service), replicas) for service, replicas in wanted.items()}


def _routed(status: Mapping[str, Any], version: Version) -> bool:
    weights = status["seen"]["weights"]
    listening = [each.service for each in version.blueprint.workloads if each.ports]
    return all(weights.get(name, {}).get(version.service_versions[name], 0) >= 99 for name in listening)


def _look(status: Mapping[str, Any]) -> str:
    waits = "; ".join(f"{service}: {why}" for service, why in sorted(status.get("waits", {}).items()) if why)
    faults = "; ".join(status["seen"]["faults"])
    return faults or waits or "seaway logs"


def here(space: Workspace, environment: str) -> str:
    """Names this machine, and the target of an environment on it, as a place of deployments."""
    return f"{target_name(space.paths.environment(environment))}:{socket.gethostname()}"

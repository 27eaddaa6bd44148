"""The ports of this machine that a version publishes, and who has them: asked before anything is planned or starts.

A port is taken where another environment of the project wishes for it, though its Envoy may not listen yet, or where
anything else listens now. This environment's own Envoy and replicas are nobody's rivals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seaway.errors import AddressTaken
from seaway.findings import Position
from seaway.targets.base import Version
from seaway.targets.blueprint import Port
from seaway.targets.process.fronts import Fronts
from seaway.targets.process.listeners import WILDCARDS, Listener, holder, listeners, owner
from seaway.targets.process.paths import EnvironmentPaths, ProjectPaths
from seaway.targets.process.record import read_json
from seaway.targets.process.store import Store


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else's port: `who` has it, and what helps."""

    who: str
    hint: str


def require_published(paths: ProjectPaths, version: Version, where: Callable[[str], Position | None]) -> None:
    """Raises AddressTaken for the first published port that somebody else has; `where` places a service's ports."""
    heard = listeners()
    for workload in version.blueprint.workloads:
        for port in workload.ports:
            if port.published and (taken := _taken(paths, version.environment, port, heard)):
                raise AddressTaken(
                    f"{version.environment} publishes {workload.service} on {port.host}:{port.published}, "
                    f"which {taken.who}",
                    where=where(workload.service),
                    hint=taken.hint,
                )


def _taken(paths: ProjectPaths, environment: str, port: Port, heard: Sequence[Listener]) -> Taken | None:
    for name in paths.environments():
        if name != environment and any(_meet(port, other) for other in _wished(paths.environment(name))):
            return Taken(
                f"{name} has already",
                f"publish another port in a file of x-seaway.environments.{environment}.files, "
                f"or: seaway down --on {name}",
            )
    own = paths.environment(environment)
    if own.engine.exists() and any(_meet(port, other) for other in _wished(own)):
        return None  # the engine listens for this environment; whether it could is its to say
    for listener in heard:
        if listener.blocks(port.host, port.published or 0) and not _is_own(own, listener):
            return Taken(f"{owner(listener.inode)} listens on", "stop that program, or publish another port")
    return None


def _wished(paths: EnvironmentPaths) -> Iterator[Port]:
    """Yields the published ports of the versions that an environment is wished to run."""
    store = Store(paths)
    wishes, installed = store.wishes(), store.installed()
    for digest in () if wishes.down else wishes.active:
        if digest in installed:
            for workload in installed[digest].version.blueprint.workloads:
                yield from (port for port in workload.ports if port.published)


def _meet(one: Port, other: Port) -> bool:
    hosts = {one.host, other.host}
    return one.published == other.published and (len(hosts) == 1 or not hosts.isdisjoint(WILDCARDS))


def _is_own(paths: EnvironmentPaths, listener: Listener) -> bool:
    block = (read_json(paths.addresses) or {}).get("block")  # containers have addresses of another kind
    if block is not None and listener.address.startswith(f"127.{block}."):
        return True
    envoy = Fronts(paths.envoy, "").life()
    return envoy is not None and holder(listener.inode) == envoy.pid

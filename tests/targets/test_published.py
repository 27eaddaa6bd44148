"""Published ports: who has one already is named before anything is planned or started."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import AddressTaken
from seaway.findings import Position
from seaway.targets.base import Scale, Version
from seaway.targets.blueprint import Port
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.published import require_published
from seaway.targets.process.record import write_json
from seaway.targets.process.store import Installed, Store
from tests.targets.world import version_of, web

pytestmark = pytest.mark.rootless
WHERE = Position("compose.yaml", 7, 5)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A program that listens on a port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held


@pytest.fixture
def project(tmp_path: Path) -> ProjectPaths:
    """A project in which nothing was installed."""
    return ProjectPaths(tmp_path / "shop-1", "shop")


def published(environment: str, port: int, host: str = "127.0.0.1") -> Version:
    """Returns a version whose web is published on a port of this machine."""
    version = version_of(web(environment, ports=(Port(8000, published=port, host=host),)))
    return replace(version, environment=environment, digest=Digest.of(environment.encode()))


def wish(project: ProjectPaths, version: Version) -> Store:
    """Installs a version in its environment and wishes for a pod of it."""
    paths = project.environment(version.environment)
    paths.make()
    store = Store(paths)
    store.install(Installed(version, {}))
    store.act(Scale(version.digest, {"web": 1}), 1)
    return store


def free_port() -> int:
    """Returns a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def ask(project: ProjectPaths, version: Version) -> None:
    """Asks for the ports of a version, whose service web stands at WHERE."""
    require_published(project, version, lambda service: WHERE if service == "web" else None)


def test_two_environments_cannot_be_published_on_one_port(project: ProjectPaths) -> None:
    """Though nothing listens yet: the other one is named, the place of the ports, and what to do."""
    port = free_port()
    wish(project, published("staging", port))
    with pytest.raises(AddressTaken, match=f"127.0.0.1:{port}, which staging has already") as refused:
        ask(project, published("production", port))
    assert refused.value.where == str(WHERE)
    assert "seaway down --on staging" in str(refused.value.hint)
    for wildcard in ("0.0.0.0", "::"):
        with pytest.raises(AddressTaken):
            ask(project, published("production", port, wildcard))
    ask(project, published("production", free_port()))
    ask(project, published("staging", port))


def test_an_environment_that_was_taken_down_has_no_port(project: ProjectPaths) -> None:
    """Its wishes say that nothing runs."""
    port = free_port()
    store = wish(project, published("staging", port))
    store.keep(replace(store.wishes(), down=True))
    ask(project, published("production", port))


def test_another_program_is_named(project: ProjectPaths, listener: socket.socket) -> None:
    """By its pid; another address of the loopback is no rival."""
    port = listener.getsockname()[1]
    with pytest.raises(AddressTaken, match=f"which pid {os.getpid()} .* listens on"):
        ask(project, published("production", port))
    ask(project, published("production", port, "127.9.9.9"))


def test_its_own_envoy_and_replicas_are_no_rivals(project: ProjectPaths, listener: socket.socket) -> None:
    """A second version of what runs is published where the first one is."""
    version = published("production", listener.getsockname()[1])
    paths = project.environment("production")
    paths.make()
    stat = Path(f"/proc/{os.getpid()}/stat").read_bytes().rpartition(b")")[2].split()
    write_json(paths.envoy / "run.json", {"pid": os.getpid(), "start": int(stat[19])})
    ask(project, version)
    (paths.envoy / "run.json").unlink()
    write_json(paths.addresses, {"network": "of another engine"})
    with pytest.raises(AddressTaken):
        ask(project, version)
    write_json(paths.addresses, {"block": 77, "services": {}})
    with socket.create_server(("127.77.1.10", 0)) as replica:
        ask(project, published("production", replica.getsockname()[1], "0.0.0.0"))

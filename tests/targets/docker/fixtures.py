"""What tests on a real engine share: the image of the tests there, and a target that is taken away afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seaway.targets.docker.api import EngineApi
from seaway.targets.docker.host import socket_path
from seaway.targets.docker.target import DockerTarget
from tests.rig.session import Rig
from tests.targets.docker.world import MemoryBlobs, end_all, make_image, open_docker
from tests.targets.world import IMAGE, place


@dataclass(frozen=True)
class Docker:
    """A real engine, a store that holds the image of the tests, and a folder for an environment's state."""

    host: str
    blobs: MemoryBlobs
    folder: Path

    def open(self) -> DockerTarget:
        """Opens the environment, anew each time: a supervisor that knows nothing."""
        return open_docker(place(self.folder), self.host)


@pytest.fixture(scope="session")
def engine_blobs(rig: Rig, root: Path) -> Iterator[MemoryBlobs]:
    """Returns a store with the image of the tests, under the digest that the tests' versions name."""
    blobs = MemoryBlobs()
    blobs.blobs[IMAGE] = blobs.get(make_image(blobs, root))
    api = EngineApi(socket_path(rig.environ["DOCKER_HOST"]))
    tag = f"/images/seaway.local/shop:{IMAGE.hex[:24]}"
    api.delete(tag, force=1)  # an earlier run's has the same name and other bytes
    yield blobs
    api.delete(tag, force=1)


@pytest.fixture
def docker(rig: Rig, engine_blobs: MemoryBlobs, tmp_path: Path) -> Iterator[Docker]:
    """Returns a real engine; what an environment left on it is removed after the test."""
    made = Docker(rig.environ["DOCKER_HOST"], engine_blobs, tmp_path / "docker")
    yield made
    end_all(made.open())


@pytest.fixture
def docker_target(docker: Docker) -> DockerTarget:
    """Returns a target on a real engine with nothing in it."""
    return docker.open()

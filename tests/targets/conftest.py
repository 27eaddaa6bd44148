"""An image root made once, targets that are taken down after each test, and cells to start by hand."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.targets.process.cells import Cells
from seaway.targets.process.ladder import Way, choose_way
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.target import ProcessTarget
from tests.targets.docker.fixtures import docker as docker  # fixtures, found here by their names
from tests.targets.docker.fixtures import docker_target as docker_target
from tests.targets.docker.fixtures import engine_blobs as engine_blobs
from tests.targets.root import make_root
from tests.targets.world import place


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an image root with a Python and a small server in it."""
    return make_root(tmp_path_factory.mktemp("image") / "root")


@pytest.fixture(scope="session")
def way(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """Returns how cells are made for the user who runs the tests."""
    folder = tmp_path_factory.mktemp("way")
    return choose_way(folder, folder / "tools")


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[EnvironmentPaths]:
    """Returns an environment's folder; whatever runs there is stopped after the test."""
    here = place(tmp_path)
    yield here
    if here.cells.exists():
        end_all(here)


@pytest.fixture
def target(paths: EnvironmentPaths) -> ProcessTarget:
    """Returns a target with nothing in it."""
    return ProcessTarget(paths)


@pytest.fixture
def another(paths: EnvironmentPaths) -> Callable[[], ProcessTarget]:
    """Returns a way to open the same environment anew, as a supervisor that comes after a kill does."""
    return lambda: ProcessTarget(paths)


def end_all(paths: EnvironmentPaths) -> None:
    """Stops every cell and Envoy of an environment, by the ids they recorded themselves."""
    target = ProcessTarget(paths)
    target.store.keep(replace(target.store.wishes(), down=True))
    until = time.monotonic() + 3
    while time.monotonic() < until and any(cell.life for cell in target.supervisor.turn(time.time()).cells):
        time.sleep(0.05)
    for cell in Cells(paths.cells).seen():
        if cell.life:
            cell.life.send(signal.SIGKILL)
    target.supervisor.fronts.stop()
    target.supervisor.close()

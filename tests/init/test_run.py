"""What `seaway init` writes really runs: each project is built and brought up, as far as a machine can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.init import lane

NAMES = sorted(path.name for path in lane.PROJECTS.iterdir())


@pytest.mark.rootless
def test_every_project_has_its_line() -> None:
    """The list is whole."""
    assert sorted(lane.SHAPES) == NAMES


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_project_comes_as_far_as_it_came(name: str, tmp_path: Path) -> None:
    """SEAWAY_UPDATE=1 keeps how far; else it must come at least as far as before."""
    came = lane.walk(name, tmp_path, lane.environment(tmp_path))
    if os.environ.get("SEAWAY_UPDATE") == "1":
        lane.keep(came)
    assert came.done == lane.read()[name]["done"], came.stopped

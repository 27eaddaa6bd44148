"""Fixtures of the room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evidence.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world in which nothing has happened yet."""
    return World(tmp_path)

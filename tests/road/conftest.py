"""Roads to break: the root that all of them share, one that is only laid out, and one that is live and copied never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.road.road import Road, admit, change, enrol, lay_out, lock, pack_root, prove


@pytest.fixture(scope="session")
def tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the root file system that is every road's base."""
    return pack_root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of what can be fetched or compiled again, for all roads."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def fresh(tmp_path: Path, tar: Path, cache: Path) -> Iterator[Road]:
    """Yields a road on which nothing was done yet."""
    road = lay_out(tmp_path / "road", tar, cache)
    yield road
    road.stop()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, tar: Path, cache: Path) -> Iterator[Road]:
    """Yields a road whose first version is live in production, and whose second was promoted but not released."""
    home = tmp_path_factory.mktemp("live")
    road = lay_out(home / "road", tar, cache)
    try:
        enrol(road)
        lock(road)
        prove(road)
        admit(road)
        road.do("release", "production")
        change(road, "two")
        prove(road)
        admit(road)
        yield road
    finally:
        road.stop()

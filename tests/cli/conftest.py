"""Shops to attack: founded once for the session, and a copy for each test."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import shop as shops
from tests.cli.shop import Shop


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop with people, images and evidence; nobody has approved anything."""
    return kept("founded", tmp_path_factory.mktemp("founded") / "shop", shops.found)


@pytest.fixture(scope="session")
def opened(founded: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop whose gate is open: Bob has excepted the scan and approved."""

    def open_gate(home: Path) -> Shop:
        shop = founded.copy(home)
        assert shops.waive(shop).code == shops.approve(shop).code == 0
        return shop

    return kept("opened", tmp_path_factory.mktemp("opened") / "shop", open_gate)


@pytest.fixture(scope="session")
def granted(opened: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop whose bundle was promoted to production."""

    def grant(home: Path) -> Shop:
        shop = opened.copy(home)
        shop.do("promote", "production")
        return shop

    return kept("granted", tmp_path_factory.mktemp("granted") / "shop", grant)


def kept(name: str, home: Path, make: Callable[[Path], Shop]) -> Shop:
    """Returns a shop; where defences are taken away one by one, that made while they stood (`tests/mutation`)."""
    if (folder := os.environ.get("SEAWAY_SHOPS")) is None:
        return make(home)
    place = Path(folder) / name
    return Shop(place) if place.is_dir() else make(home).copy(place)

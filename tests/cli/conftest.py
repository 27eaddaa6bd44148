"""Shops to attack: founded once for the session, and a copy for each test."""

from __future__ import annotations

import pytest

from tests.cli import shop as shops
from tests.cli.shop import Shop


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop with people, images and evidence; nobody has approved anything."""
    return shops.found(tmp_path_factory.mktemp("founded") / "shop")


@pytest.fixture(scope="session")
def opened(founded: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop whose gate is open: Bob has excepted the scan and approved."""
    shop = founded.copy(tmp_path_factory.mktemp("opened") / "shop")
    assert shops.waive(shop).code == shops.approve(shop).code == 0
    return shop


@pytest.fixture(scope="session")
def granted(opened: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Returns a shop whose bundle was promoted to production."""
    shop = opened.copy(tmp_path_factory.mktemp("granted") / "shop")
    shop.do("promote", "production")
    return shop

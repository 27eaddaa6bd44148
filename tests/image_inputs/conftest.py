"""Shared by the tests of what goes into an image: an environment of their own and an empty store."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.image.index import index_url
from seaway.image.layout import Layout


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps the developer's logins, proxies and index settings out of the tests."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "SEAWAY_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    index_url.cache_clear()


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    """Returns an empty store."""
    return Layout(tmp_path / "oci")

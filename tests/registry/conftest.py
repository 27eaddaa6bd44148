"""The registries that one contract is held against: in memory, and the two real ones of the rig."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seaway.http import Client
from seaway.image.layout import Layout
from seaway.image.model import Image
from seaway.image.reference import Reference
from seaway.image.registry import Registry
from tests.fakes.registry import FakeRegistry, fake_registry
from tests.image_inputs.builders import put_image, put_layer, text
from tests.rig.session import Rig

REAL = {"without referrers": "SEAWAY_RIG_REGISTRY", "with referrers": "SEAWAY_RIG_REFERRERS_REGISTRY"}


@dataclass(frozen=True)
class Place:
    """A registry that runs, and whether it mounts and has the referrers API; `prefix` keeps tests apart."""

    host: str
    mounts: bool
    referrers: bool
    prefix: str

    def repository(self, name: str = "app", *, host: str = "", writes: bool = True) -> Registry:
        """Returns one of its repositories."""
        client = Client(sleep=lambda pause: None)
        return Registry(Reference.parse(f"{host or self.host}/{self.prefix}/{name}"), client, writes=writes)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps the developer's logins and registry settings out of the tests."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "SEAWAY_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def memory() -> Iterator[FakeRegistry]:
    """Returns a registry in memory, with its knobs."""
    with fake_registry() as running:
        yield running


@pytest.fixture(
    params=[
        "in memory",
        "in memory, old",
        *(pytest.param(name, marks=pytest.mark.rig("registry")) for name in REAL),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Returns a registry of each kind."""
    if request.param in REAL:
        yield make_place(request.param, request.getfixturevalue("rig"))
        return
    with fake_registry() as running:
        running.referrers = "old" not in request.param
        yield Place(running.web.host, True, running.referrers, "contract")


def make_place(name: str, rig: Rig) -> Place:
    """Returns a real registry of the rig; the one with referrers shares all blobs and takes no mount."""
    has_referrers = name == "with referrers"
    return Place(rig.environ[REAL[name]], not has_referrers, has_referrers, f"contract-{secrets.token_hex(4)}")


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    """Returns an empty store."""
    return Layout(tmp_path / "oci")


@pytest.fixture
def image(store: Layout) -> Image:
    """Returns an image of two layers, one of 300 KiB that does not compress."""
    return make_image(store)


def make_image(store: Layout, tag: str = "latest") -> Image:
    """Puts an image that nobody has yet into a store."""
    layers = [put_layer(store, text("a", os.urandom(300 << 10))), put_layer(store, text("b", os.urandom(8)))]
    return put_image(store, *layers, tag=tag)


@pytest.fixture
def in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets small blobs go in chunks as large ones do."""
    monkeypatch.setattr("seaway.image.upload.AT_ONCE", 64 << 10)
    monkeypatch.setattr("seaway.image.upload.CHUNK", 64 << 10)

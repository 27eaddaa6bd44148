"""One service from its compose keys to a lock: reused while fresh, refreshed when an input changes, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.image_inputs.test_base import rootfs_tar

from seaway.app.load import load, select
from seaway.app.service_keys import BaseKeys
from seaway.errors import LockError, NotYet
from seaway.image.base import Bases
from seaway.image.layout import Layout
from seaway.image.lockfile import Lock
from seaway.image.model import Platform
from seaway.image.pinned import PinnedBase
from seaway.image.service import Builder

pytestmark = pytest.mark.rootless

HEAD = "name: shop\nx-seaway: {version: 1, owner: team}\nservices:\n"
API = "  api:\n    build: .\n    x-seaway: {image: {base: {rootfs: base.tar}, lock: requirements.txt}}\n"


def _builder(folder: Path, services: str = API) -> Builder:
    (folder / "compose.yaml").write_text(HEAD + services)
    if not (folder / "base.tar").exists():
        rootfs_tar(folder / "base.tar")
        (folder / "requirements.txt").write_text("# nothing\n")
    app = load(select(folder, {}))
    return Builder(app, Layout(folder / "oci"), folder / "cache")


def _locked(builder: Builder, lock: Lock | None = None) -> Lock:
    known = lock or Lock()
    for service in builder.services():
        known = builder.lock(service, known)
    return known


def _never(*_: object, **__: object) -> None:
    raise AssertionError("resolved again")


def test_a_fresh_lock_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is resolved a second time."""
    builder = _builder(tmp_path)
    lock = _locked(builder)
    monkeypatch.setattr(Bases, "pin", _never)
    assert _locked(builder, lock) == lock


def test_another_list_of_packages_keeps_the_pinned_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base moves only when it is asked to, never by the way."""
    builder = _builder(tmp_path)
    lock = _locked(builder)
    (tmp_path / "requirements.txt").write_text("# still nothing\n")
    monkeypatch.setattr(Bases, "pin", _never)
    after = _locked(builder, lock)
    assert after != lock
    assert [one.base for one in after.services.values()] == [one.base for one in lock.services.values()]


def test_services_alike_are_worked_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one takes base and wheels of the first."""
    pins: list[object] = []
    pin = Bases.pin

    def counted(self: Bases, keys: BaseKeys, platform: Platform, *, packages: tuple[str, ...] = ()) -> PinnedBase:
        pins.append(keys)
        return pin(self, keys, platform, packages=packages)

    monkeypatch.setattr(Bases, "pin", counted)
    lock = _locked(_builder(tmp_path, API + API.replace("api", "worker")))
    first, second = lock.services.values()
    assert (len(pins), first) == (1, second)


def test_an_upgrade_resolves_the_base_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the lock is fresh."""
    builder = _builder(tmp_path)
    lock = _locked(builder)
    monkeypatch.setattr(Bases, "pin", _never)
    (service,) = builder.services()
    with pytest.raises(AssertionError, match="resolved again"):
        builder.lock(service, lock, upgrade=True)


def test_a_frozen_lock_that_is_stale_is_refused_with_what_changed(tmp_path: Path) -> None:
    """And one that is missing is refused too."""
    builder = _builder(tmp_path)
    lock = _locked(builder)
    (service,) = builder.services()
    assert builder.lock(service, lock, frozen=True) == lock
    (tmp_path / "requirements.txt").write_text("# other\n")
    with pytest.raises(LockError, match="stale for api: lock changed"):
        builder.lock(service, lock, frozen=True)
    with pytest.raises(LockError, match="has no api"):
        builder.lock(service, Lock(), frozen=True)


def test_a_stale_lock_builds_nothing(tmp_path: Path) -> None:
    """What is built is what is locked."""
    builder = _builder(tmp_path)
    lock = _locked(builder)
    (tmp_path / "requirements.txt").write_text("# other\n")
    (service,) = builder.services()
    with pytest.raises(LockError, match="stale"):
        builder.build(service, lock)


def test_a_service_without_a_list_of_packages_is_told_which_there_may_be(tmp_path: Path) -> None:
    """The place is the service's block."""
    builder = _builder(tmp_path, API.replace(", lock: requirements.txt", ""))
    (tmp_path / "requirements.txt").unlink()
    with pytest.raises(LockError, match="api has no lock"):
        _locked(replace(builder))


def test_a_dockerfile_is_not_built_yet(tmp_path: Path) -> None:
    """The hint names both ways out."""
    with pytest.raises(NotYet, match="Dockerfile"):
        list(_builder(tmp_path, "  api:\n    build: .\n").services())

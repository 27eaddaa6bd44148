"""`seaway.lock`: it comes back as it was written, is stale when an input changed, and says where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import LockError
from seaway.image.lockfile import Lock, LockedLayer, ServiceLock, read
from seaway.image.model import LAYER_GZIP, Base, Component, Descriptor, Layer, LockedWheel, Platform
from seaway.image.pinned import PinnedBase

pytestmark = pytest.mark.rootless

_ONE, _TWO = Digest.of(b"1"), Digest.of(b"2")


def _lock() -> Lock:
    layer = Layer(Descriptor(LAYER_GZIP, _ONE, 5), _TWO, 10, "seaway: base")
    packages = (Component("libc6", "2.36", "pkg:deb/debian/libc6@2.36"),)
    python = ("/usr/bin/python3.11", "3.11.2", "glibc 2.36")
    base = Base("python:3.11-slim", Platform(), _ONE, (layer,), {"config": {}}, *python, packages)
    wheels = (
        LockedWheel("demo", "1.0", "demo-1.0-py3-none-any.whl", _ONE, 5),
        LockedWheel("mine", "1.0", "mine-1.0-py3-none-any.whl", _TWO, 6, "./wheels/mine-1.0-py3-none-any.whl", True),
    )
    layers = (LockedLayer(_TWO, "bucket 1", (_ONE,), _ONE, _TWO, 7),)
    service = ServiceLock(PinnedBase(base), {"lock": _ONE}, wheels, layers, _TWO)
    return Lock({("api", "linux/amd64"): service}, {"docs": {"uri": "https://docs.example/x", "digest": str(_ONE)}})


def test_a_lock_comes_back_as_it_was(tmp_path: Path) -> None:
    """Writing and reading loses nothing."""
    _lock().write(tmp_path / "seaway.lock")
    assert read(tmp_path / "seaway.lock") == _lock()


def test_an_equal_lock_is_not_written_again(tmp_path: Path) -> None:
    """A build that changes no dependency leaves the file, and its time, alone."""
    path = tmp_path / "seaway.lock"
    _lock().write(path)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    _lock().write(path)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_services_share_a_base(tmp_path: Path) -> None:
    """A base stands in the file once, by digest."""
    lock = _lock()
    both = lock.with_service("worker", "linux/amd64", lock.services["api", "linux/amd64"])
    body = both.json()
    assert list(body["bases"]) == [str(_ONE)]  # type: ignore[call-overload]
    assert sorted(body["services"]) == ["api", "worker"]  # type: ignore[call-overload]


def test_a_missing_file_is_an_empty_lock(tmp_path: Path) -> None:
    """Nothing was locked yet."""
    assert read(tmp_path / "seaway.lock") == Lock()


@pytest.mark.parametrize("inputs", [{"lock": _TWO}, {}, {"lock": _ONE, "packages": _ONE}])
def test_a_changed_input_makes_it_stale(inputs: dict[str, Digest]) -> None:
    """Another hash, a missing and a new input each make the lock stale, and `require` names which."""
    changed = {"lock": "lock", "packages": "packages"}["packages" if "packages" in inputs else "lock"]
    assert _lock().service("api", "linux/amd64", inputs) is None
    with pytest.raises(LockError, match=f"stale for api: {changed} changed") as caught:
        _lock().require("api", "linux/amd64", inputs)
    assert caught.value.hint == "run `seaway lock`"


def test_a_fresh_lock_is_returned() -> None:
    """With the same inputs it is used, also when it is required."""
    inputs = {"lock": _ONE}
    assert _lock().service("api", "linux/amd64", inputs) == _lock().require("api", "linux/amd64", inputs)


def test_another_platform_is_not_locked() -> None:
    """A lock for one platform says nothing about another."""
    with pytest.raises(LockError, match="no api for linux/arm64"):
        _lock().require("api", "linux/arm64", {"lock": _ONE})


def test_expected_layers_are_by_key() -> None:
    """What a build must reproduce is the digest of each key."""
    assert _lock().services["api", "linux/amd64"].expected == {_TWO: _ONE}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda body: body.update(version=2), "seaway.lock: version"),
        (lambda body: body["services"]["api"]["linux/amd64"].pop("wheels"), "services.api.linux/amd64"),
        (
            lambda body: body["services"]["api"]["linux/amd64"]["wheels"][0].update(sha256="x"),
            "services.api.linux/amd64",
        ),
        (lambda body: body["services"]["api"]["linux/amd64"].update(base="sha256:none"), "services.api.linux/amd64"),
        (lambda body: body["bases"][str(_ONE)].pop("layers"), "seaway.lock: bases"),
    ],
)
def test_damage_is_said_with_its_place(tmp_path: Path, change: object, place: str) -> None:
    """A lock that cannot be used names the place inside the file."""
    body = json.loads(json.dumps(_lock().json()))
    change(body)  # type: ignore[operator]
    (tmp_path / "seaway.lock").write_text(json.dumps(body))
    with pytest.raises(LockError) as caught:
        read(tmp_path / "seaway.lock")
    assert place in str(caught.value.where)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    """A file with other content is an error and never an empty lock."""
    (tmp_path / "seaway.lock").write_text(text)
    with pytest.raises(LockError):
        read(tmp_path / "seaway.lock")

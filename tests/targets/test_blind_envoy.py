"""A canary on real processes whose Envoy tells nothing, or nonsense: held, never promoted, never taken back."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.agent import _sources
from seaway.release.controller import Controller
from seaway.release.evidence import Criterion, Spec
from seaway.release.machine import State
from seaway.release.steps import Approve, Judge, Party, Plan, Retarget, Shift, Until
from seaway.release.store import Row
from seaway.release.store import Store as Releases
from seaway.targets.base import Scale
from seaway.targets.process.addresses import ADMIN_PORT
from seaway.targets.process.target import ProcessTarget
from tests.targets.detour import MODES, Detour
from tests.targets.load import Load
from tests.targets.world import drive, go_live, version_of, web

pytestmark = pytest.mark.rootless
OLD, NEW = version_of(web("one")), version_of(web("two"))
STEPS = (Shift(50), Judge(Until.CERTIFIED), Approve("somebody"), Shift(100), Retarget())
SPEC = Spec("blind", (Criterion("errors", ("web/errors",), bound=0.2, delta=0.2, burst=1),), tick=0.5)
WATCHED = 2.0  # seconds for which a fault must have decided nothing


def misled(target: ProcessTarget, detour: Detour) -> ProcessTarget:
    """Returns the same target to whoever counts, but that Envoy's interface is reached by the detour."""
    store = target.store
    found = copy.copy(target)
    found.store = _Elsewhere(store, detour.server_address[0])  # type: ignore[assignment]
    return found


class _Elsewhere:
    """A store whose addresses name the detour."""

    def __init__(self, store: Any, host: Any) -> None:
        self._store = store
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def addresses(self, services: tuple[str, ...]) -> Any:
        return SimpleNamespace(admin=self._host)


class Canary:
    """A release that is judged over and over: good evidence leads to a person, whom nothing else may reach."""

    def __init__(self, target: ProcessTarget, detour: Detour, path: Path) -> None:
        self.target, self.store, self.release = target, Releases(path), 0
        self.counted = misled(target, detour)

    def begin(self) -> None:
        """Begins another release of the same version, as if it were the first of its number."""
        if self.release:
            self.store.remove("dev")
        self.release += 1
        plan = Plan(self.release, "dev", NEW.bundle, Party.of(NEW), Party.of(OLD), STEPS, SPEC)
        self.store.submit("dev", plan, time.time())
        self.store.take("dev")
        self.loop = Controller(self.store, self.target, tuple(_sources(self.counted, plan)), lambda payload: None)

    def until(self, holds: Callable[[Row], bool], *, seconds: float = 30.0) -> Row:
        """Takes turns until the release stands somewhere."""
        end = time.monotonic() + seconds
        while not holds(row := self.turn()):
            assert time.monotonic() < end, row.position
        return row

    def turn(self) -> Row:
        """Takes one turn of the release; the target takes its own when it is looked at."""
        time.sleep(0.05)
        return self.loop.turn("dev", time.time()).row


def test_whatever_envoy_fails_to_tell_is_a_hold(target: ProcessTarget, root: Path, tmp_path: Path) -> None:
    """Silent, 500, NaN, reset, torn, dripping, prose; once it tells again the same release is judged and promoted."""
    go_live(target, OLD, root, web=2)
    target.install(NEW, roots=lambda _digest: root)
    target.act(Scale(NEW.digest, {"web": 2}), 1)
    drive(target, lambda seen: sum(pod.ready for pod in seen.pods) == 4)
    addresses = target.store.addresses(())
    real = f"http://{addresses.admin}:{ADMIN_PORT}"
    beside = (f"127.{addresses.block}.0.2", ADMIN_PORT)
    with Detour(beside, real) as detour, Load(addresses.front("web"), 8000, rate=120) as load:
        canary = Canary(target, detour, tmp_path / "releases.sqlite")
        for mode in MODES:
            detour.how = mode
            canary.begin()
            held = canary.until(lambda row: row.position.state is State.HELD)
            assert held.position.reason == "blind", mode
            end, asked = time.monotonic() + WATCHED, detour.asked
            while time.monotonic() < end:
                row = canary.turn()
                assert row.position.state is State.HELD and row.evidence.requests == 0, (mode, row.position)
            assert detour.asked > asked, "nobody asked Envoy any more"
            shares = target.observe(time.time()).weights["web"]
            assert shares == {each.service_versions["web"]: 50.0 for each in (OLD, NEW)}, mode
            detour.how = ""
            canary.until(lambda row: row.position.state is State.AWAITING)
    assert load.failed() == [] and len(load.log) > 100

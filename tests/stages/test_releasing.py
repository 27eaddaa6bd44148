"""A release as it is numbered, watched and taken back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seaway.digest import Digest
from seaway.errors import Aborted, Held, NoWayBack, RolledBack, Stranded
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Deployment, MetricSummary, ReleaseRequest
from seaway.evidence.statement import Statement
from seaway.stages.places import kept
from seaway.stages.releasing import (
    LONGEST_HOLD,
    _next,
    _waits_for_somebody,
    lived,
    or_raise,
    previous,
    under_way,
    way_back,
)
from seaway.targets.base import Version
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.store import Installed, Store
from seaway.workspace import Workspace
from tests.evidence.world import START, World, subject
from tests.fakes.target import version
from tests.release.world import ONE, TWO, plan

pytestmark = pytest.mark.rootless


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A ledger with an owner."""
    return World(tmp_path)


def _space(tmp_path: Path) -> Workspace:
    """What `previous` needs of a workspace: where environments lie, all on this machine."""
    app = SimpleNamespace(environment=SimpleNamespace(target="process"))
    paths = ProjectPaths(tmp_path / "project", "shop")
    return cast(Workspace, SimpleNamespace(paths=paths, load=lambda _environment: app))


def _request(environment: str, release: str) -> Statement:
    asked = ReleaseRequest(verb="release", environment=environment, release=release, target="", person="p", at=START)
    return asked.about(subject())


def _ended(bundle: Digest, outcome: str = "live", environment: str = "production", release: str = "1") -> Statement:
    told = {
        "scope": "release",
        "environment": environment,
        "release": release,
        "begunAt": "2026-03-01T11:00:00Z",
        "outcome": outcome,
        "weightMax": 100,
        "requestsExposed": 10,
        "liveAt" if outcome == "live" else "endedAt": "2026-03-01T11:30:00Z",
    }
    return Statement.about(bundle, MetricSummary.TYPE, told)


def _record(notary: Notary, world: World, *statements: Statement) -> None:
    for statement in statements:
        notary.append(statement, world.owner)


def test_the_first_release_is_number_one(world: World) -> None:
    """An empty ledger has asked for none."""
    with world.found() as notary:
        assert _next(notary, "production") == 1


def test_a_release_is_numbered_above_all_of_its_environment(world: World) -> None:
    """Not the newest counts but the highest, compared as numbers, and other environments have their own."""
    with world.found() as notary:
        _record(notary, world, *(_request("production", each) for each in ("9", "10", "2")))
        _record(notary, world, _request("staging", "40"))
        assert _next(notary, "production") == 11


def test_the_way_back_is_the_newest_other_bundle_that_was_live(world: World, tmp_path: Path) -> None:
    """What was rolled back, what was live elsewhere and what runs now are no way back."""
    space, now = _space(tmp_path), version("two", environment="production", api="v2")
    environment = space.paths.environment("production")
    environment.make()
    store = Store(environment)
    store.install(Installed(now, {}))
    store.keep(replace(store.wishes(), stable=now.digest))
    with world.found() as notary:
        ended = (_ended(subject("zero")), _ended(subject("one"), release="2"), _ended(now.bundle, release="3"))
        _record(notary, world, *ended, _ended(subject("bad"), "rolled-back", release="4"))
        _record(notary, world, _ended(subject("other"), environment="staging", release="5"))
        assert previous(space, notary, "production") == subject("one")


def test_the_way_back_is_what_was_installed_then(world: World, tmp_path: Path) -> None:
    """The same version with its configuration, not the old bundle with what the compose file says today."""
    space, first = _space(tmp_path), version("one", environment="production", api="v1")
    now = version("two", environment="production", api="v2")
    environment = space.paths.environment("production")
    environment.make()
    store = Store(environment)
    (root := tmp_path / "root").mkdir()
    store.install(Installed(first, {subject("image"): root}))
    store.install(Installed(now, {}))
    store.keep(replace(store.wishes(), stable=now.digest))
    deployed = Deployment(
        environment="production",
        place="process:here",
        manifest_digest=first.digest,
        release="1",
        at=START,
        person="p",
        services={},
    )
    with world.found() as notary:
        _record(notary, world, deployed.about(first.bundle), _ended(first.bundle), _ended(now.bundle, release="2"))
        placed = way_back(space, notary, "production", lambda _what, _detail: None)
    assert placed.version == first
    root.rmdir()
    assert kept(space, "production", [first.digest]) is None


def test_without_a_bundle_that_was_live_there_is_no_way_back(world: World, tmp_path: Path) -> None:
    """Rolled back is not live."""
    with world.found() as notary:
        _record(notary, world, _ended(subject("bad"), "rolled-back"))
        with pytest.raises(NoWayBack):
            previous(_space(tmp_path), notary, "production")


def _seen(state: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "release": 3, "papers": "/papers", "since": 0.0, **more}


@pytest.mark.parametrize(
    ("state", "canary", "number"),
    [
        ("judging", TWO, 3),
        ("held", TWO, 3),
        ("judging", ONE, None),
        ("live", TWO, None),
        ("rolled-back", TWO, None),
    ],
)
def test_the_same_version_asked_for_twice_is_one_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, canary: Version, number: int | None
) -> None:
    """Whoever was killed while watching and asks again watches on, instead of superseding the release by itself."""
    seen = _seen(state, version=str(canary.digest))
    monkeypatch.setattr("seaway.stages.releasing.watch_once", lambda space, environment: seen)
    assert under_way(_space(tmp_path), plan(TWO, ONE)) == number


def test_where_nobody_knows_a_release_none_is_under_way(tmp_path: Path) -> None:
    """No agent answers: the release is asked for."""
    assert under_way(_space(tmp_path), plan(TWO, ONE)) is None


def test_a_bundle_that_was_live_is_remembered(world: World) -> None:
    """In its own environment; what was rolled back never was."""
    with world.found() as notary:
        _record(notary, world, _ended(subject("one")), _ended(subject("bad"), "rolled-back", release="2"))
        _record(notary, world, _ended(subject("two"), environment="staging", release="3"))
        assert lived(notary, "production") == [subject("one")]


def test_live_is_no_error() -> None:
    """Nothing is raised."""
    or_raise("production", _seen("live"))


@pytest.mark.parametrize(
    ("state", "reason", "error"),
    [
        ("rolled-back", "regressed", RolledBack),
        ("rolled-back", "abort", Aborted),
        ("rolled-back", "deny", Aborted),
        ("rolled-back", "superseded", Aborted),
        ("rolled-back", "revoked", Aborted),
        ("stranded", "no way back", Stranded),
        ("held", "blind", Held),
        ("paused", "", Held),
        ("awaiting", "", Held),
    ],
)
def test_each_other_end_is_an_error_of_its_own(state: str, reason: str, error: type[Exception]) -> None:
    """Its message names the release and why."""
    with pytest.raises(error, match=f"release 3 of production: {reason or state}"):
        or_raise("production", _seen(state, reason))


@pytest.mark.parametrize(
    ("seen", "waits"),
    [
        (_seen("judging"), False),
        (_seen("paused"), True),
        (_seen("awaiting"), True),
        (_seen("held", "deadline"), True),
        (_seen("held", "blind"), False),
        (_seen("held", "doubtful"), False),
        (_seen("held", "traffic-stuck"), False),
        (_seen("held", "blind", since=-LONGEST_HOLD - 1), True),
    ],
)
def test_a_person_is_needed_where_nothing_passes_by_itself(seen: dict[str, Any], waits: bool) -> None:
    """A hold that may pass is watched on for a while; `since` is counted from now."""
    seen = {**seen, "since": time.time() + seen["since"]}
    assert _waits_for_somebody(seen) is waits

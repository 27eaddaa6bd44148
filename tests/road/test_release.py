"""A watched release under faults: agent killed, sources blind, state lost; no request pays for any of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.road.road import SEAWAY, Road, admit, change, enrol, lock, prove, release_of, until

pytestmark = pytest.mark.rootless
ENDS = ("live", "rolled-back", "stranded")
MODES = ("silent", "500", "nan", "reset", "torn", "drip")
TELEMETRY_PORT = 9464


def begin(road: Road) -> dict[str, Any]:
    """Begins a release of a version that is not live yet and returns it judged; without traffic it stays so."""
    found = release_of(road)
    if found and found["state"] not in ENDS:
        road.do("abort", "production")
        until(lambda: release_of(road)["state"] in ENDS)
    elif found["state"] == "live" and found["release"] > 1:
        change(road, f"after {found['release']}")
        prove(road)
        admit(road)
    road.do("release", "production", "--detach")
    return dict(until(lambda: (seen := release_of(road))["state"] in ("judging", "held") and seen, seconds=180))


@contextmanager
def traffic(road: Road) -> Iterator[list[dict[str, Any]]]:
    """Asks production eighty times a second; the client's own log is in the list once it has ended."""
    log, stop = road.home / f"load-{time.time_ns()}.jsonl", road.home / f"stop-{time.time_ns()}"
    words = ["load", "production", "--for", "500", "--log", str(log), "--until-file", str(stop), "--json"]
    process = subprocess.Popen([SEAWAY, *words], cwd=road.app, env=road.environ(), stdout=subprocess.PIPE)
    asked: list[dict[str, Any]] = []
    try:
        until(lambda: log.exists() and log.stat().st_size > 0)
        yield asked
    finally:
        stop.touch()
        process.communicate(timeout=60)
        asked += [json.loads(line) for line in log.read_text().splitlines()]


def failed(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the requests without an answer or with a server error."""
    return [one for one in asked if one["status"] == 0 or one["status"] >= 500]


def version_of(one: dict[str, Any]) -> str:
    """Returns the service's version that answered a request, as its token says."""
    return str(one["token"][10:20])


def tell(road: Road, how: str) -> None:
    """Has every replica of production misbehave on its counts, or behave."""
    for row in road.do("ps", "--on", "production"):
        if row["ready"]:
            url = f"http://{row['address']}:{TELEMETRY_PORT}/how?is={how}"
            urllib.request.urlopen(url, timeout=5).read()


def test_a_blind_source_holds_and_decides_nothing(live: Road) -> None:
    """Silent, 500, NaN, reset, torn, dripping, injected at the app's counts: no promotion and no rollback meanwhile."""
    begin(live)
    with traffic(live) as asked:
        for mode in MODES:
            tell(live, mode)
            states = set()
            end = time.monotonic() + 4
            while time.monotonic() < end:
                states.add(release_of(live)["state"])
            assert states <= {"judging", "held"}, f"{mode}: {states}"
            assert mode == "reset" or "held" in states, f"{mode}: {states}"
        tell(live, "")
        until(lambda: release_of(live)["state"] not in ("held",))
        if release_of(live)["state"] not in ENDS:
            live.do("abort", "production")
        assert until(lambda: (seen := release_of(live))["state"] in ENDS and seen)["state"] in ("rolled-back", "live")
    assert len(asked) > 100 and not failed(asked)


def go_live(road: Road) -> None:
    """Makes a second version live, if none is."""
    found = release_of(road)
    if found["state"] != "live" or found["release"] == 1:
        begin(road)
    until(lambda: release_of(road)["state"] == "live", seconds=240)


def test_an_agent_killed_in_mid_canary_loses_no_request_and_no_release(live: Road) -> None:
    """SIGKILL while the canary is judged: cells and Envoy go on; the next command starts another, which ends it."""
    number = begin(live)["release"]
    with traffic(live) as asked:
        killed = live.agent()
        assert killed
        os.kill(killed, signal.SIGKILL)
        until(lambda: live.agent() == 0)
        time.sleep(2.0)
        live.do("agent", "start")
        assert until(live.agent) != killed
        end = until(lambda: (seen := release_of(live)).get("state") in ENDS and seen, seconds=240)
        assert (end["release"], end["state"]) == (number, "live")
        time.sleep(1.0)
    assert len(asked) > 100 and not failed(asked), failed(asked)[:3]


def test_a_killed_replica_and_a_rollback_cost_no_request(live: Road) -> None:
    """By the client's own log: none fails while a replica is killed, nor while all go to the version before."""
    with traffic(live) as asked:
        go_live(live)
        gone = release_of(live)["canary"]["api"]
        before = [row for row in live.do("ps", "--on", "production") if row["ready"]]
        killed = next(row for row in before if row["version"] == gone)
        os.kill(killed["program"], signal.SIGKILL)
        until(lambda: any(_is_again(row, killed) for row in live.do("ps", "--on", "production")))
        live.do("rollback", "production")
        since = time.time() + 0.2  # what was in flight at the switch is answered by whom it reached
        time.sleep(1.0)
    assert len(asked) > 100 and not failed(asked), failed(asked)[:3]
    late = {version_of(one) for one in asked if one["at"] > since}
    assert late and gone not in late


def _is_again(row: dict[str, Any], killed: dict[str, Any]) -> bool:
    return bool(row["pod"] == killed["pod"] and row["ready"] and row["program"] != killed["program"])


@pytest.mark.long
def test_a_release_whose_state_is_lost_returns_to_stable(live: Road) -> None:
    """The ledger shows it begun and not ended, and no store remembers it: stable gets its weight back."""
    begun = begin(live)
    with traffic(live) as asked:
        live.do("agent", "stop")
        until(lambda: live.agent() == 0)
        for path in live.project.glob("releases.sqlite*"):
            path.unlink()
        live.do("agent", "start")
        end = until(lambda: (seen := release_of(live)).get("state") == "rolled-back" and seen, seconds=180)
        assert (end["release"], end["reason"]) == (begun["release"], "state-lost")
        until(lambda: not release_of(live)["waiting"], seconds=180)
        time.sleep(1.0)
    assert len(asked) > 100 and not failed(asked), failed(asked)[:3]
    canary = begun["canary"]["api"]
    late = [version_of(one) for one in asked[-20:]]
    assert late and canary not in late
    assert live.do("why", str(begun["bundle"]))["lines"]


@pytest.mark.long
def test_a_project_that_lost_all_it_can_lose_goes_on(live: Road) -> None:
    """Store of releases, `.seaway`, every ignored file: the record answers, each command says what it needs, builds."""
    bundle = str(begin(live)["bundle"])
    live.do("agent", "stop")
    until(lambda: live.agent() == 0)
    for path in live.project.glob("releases.sqlite*"):
        path.unlink()
    live.git("clean", "-fdxq", "-e", "private/", "-e", "base/")  # inputs of the user's own, which no build makes again
    assert not (live.app / ".seaway").exists()
    assert live.do("why", bundle)["lines"] and live.do("ledger", "verify")["problems"] == []
    said = live.run("release", "production", "--detach")
    assert said.code == 25 and "seaway build" in said.answer["hint"], said.out + said.err
    live.do("agent", "start")
    until(lambda: release_of(live).get("state") == "rolled-back", seconds=180)
    assert live.do("build")["bundle"] == bundle
    assert begin(live)["bundle"] == bundle
    live.do("abort", "production")
    until(lambda: release_of(live)["state"] == "rolled-back", seconds=180)


def test_a_port_that_another_environment_has_is_refused_before_anything_moves(live: Road) -> None:
    """`up` names the other environment and the place in the compose file, and staging goes on as it was."""
    path = live.app / "compose.staging.yaml"
    text, before = path.read_text(), live.do("ps", "--on", "staging")
    path.write_text(text.replace(str(live.staging), str(live.production)))
    try:
        said = live.run("up", "--no-build", "--on", "staging")
    finally:
        path.write_text(text)
    assert said.code == 58 and "which production has already" in said.answer["says"], said.out + said.err
    assert said.answer["where"] == "compose.staging.yaml:3:5" and "seaway down --on production" in said.answer["hint"]
    assert live.do("ps", "--on", "staging") == before


@pytest.mark.long
def test_a_first_release_that_is_paused_is_taken_away_by_down(fresh: Road) -> None:
    """Nothing was there before it: abort says so and what to do, which works; the next release is a first one again."""
    enrol(fresh)
    lock(fresh)
    prove(fresh)
    admit(fresh)
    fresh.do("release", "production", "--detach")
    until(lambda: fresh.run("pause", "production").code == 0 or release_of(fresh)["state"] == "live")
    seen = release_of(fresh)
    if (seen["state"], seen["cursor"] >= 1) == ("paused", True):  # it has requests already
        said = fresh.run("abort", "production")
        assert said.code == 85 and "seaway down --on production" in said.answer["hint"], said.out
    fresh.do("down", "--on", "production")
    assert not [row for row in fresh.do("ps", "--on", "production") if row["state"] != "ended"]
    fresh.do("release", "production")
    assert release_of(fresh)["state"] == "live"

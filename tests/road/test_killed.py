"""Every command that writes, killed at a random moment: stores stay whole, and the same command then goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.road.road import Road, until
from tests.road.verbs import ENDING, MAKING, PROVING, SIGNALS, STEERING, Verb

pytestmark = pytest.mark.rootless
SEED = int(os.environ.get("SEAWAY_SEED") or random.SystemRandom().randrange(1 << 32))
ENDS = {"live", "rolled-back"}


def kill_at(road: Road, verb: Verb, name: str, seconds: float) -> int:
    """Starts a command for real and sends it a signal after so long; returns its code, negative where killed."""
    process = road.start(*verb.words)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.Signals[name])
    process.communicate(timeout=60)
    return process.returncode


def go_on(road: Road, verb: Verb) -> str:
    """Runs the same command to its end, or finds that what it asked for is done."""
    said = road.run(*verb.words)
    if said.code in (verb.code, verb.done):
        return ""
    return f"{said.code}: {said.out[-800:]} {said.err[-800:]}"


def walk(road: Road, verbs: Sequence[Verb], moments: random.Random) -> Iterator[str]:
    """Kills each verb once by each signal, then runs it; yields what was not as it must be."""
    for verb in verbs:
        for name in SIGNALS:
            seconds = moments.uniform(0.3, verb.seconds)
            code = kill_at(road, verb, name, seconds)
            where = f"{verb.name} x {name} at {seconds:.2f} s ({code})"
            if code not in {verb.code, -signal.SIGKILL, -signal.SIGINT, 130} and verb.again == "anew":
                yield f"{where}: ended with {code}"
            yield from (f"{where}: {problem}" for problem in road.whole())
        if wrong := go_on(road, verb):
            yield f"{verb.name} again: {wrong}"
        yield from (f"{verb.name} again: {problem}" for problem in road.whole())


def reach(road: Road, wanted: str) -> None:
    """Waits until production's release stands there; fails with what the agent says."""
    end = time.monotonic() + 45
    while state(road) != wanted:
        log = (road.project / "agent.log").read_text()[-1500:]
        assert time.monotonic() < end, f"{road.run('status', 'production').out}\n{log}"
        time.sleep(0.2)


def state(road: Road) -> str:
    """Returns where production's release stands."""
    release = road.do("status", "production")["environments"]["production"]["release"]
    return str(release and release["state"])


@pytest.mark.long
def test_every_command_up_to_a_release_can_be_killed(fresh: Road) -> None:
    """From the first key to the first release, once by each signal and once to its end."""
    print(f"SEAWAY_SEED={SEED}")
    moments = random.Random(SEED)
    for name in ("bob", "releaser"):
        fresh.do("keys", "new", name)
    wrong = list(walk(fresh, MAKING[:2], moments))
    fresh.do("keys", "enrol", "bob", "--person", "bob", "--roles", "approver")
    fresh.do("keys", "enrol", "releaser", "--person", "alice", "--roles", "releaser", "--environments", "production")
    wrong += walk(fresh, MAKING[2:4], moments)
    fresh.git("add", "-A")
    fresh.git("commit", "-qm", "build: lock")
    wrong += walk(fresh, [*MAKING[4:], *PROVING], moments)
    reach(fresh, "live")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_every_command_that_steers_or_ends_can_be_killed(live: Road) -> None:
    """A release paused, resumed and aborted, then made live and rolled back, and all of it taken down."""
    print(f"SEAWAY_SEED={SEED}")
    moments = random.Random(SEED)
    live.do("release", "production", "--detach")
    wrong = list(walk(live, STEERING, moments))
    reach(live, "rolled-back")
    live.do("release", "production", "--detach")
    until(lambda: live.run("resume", "production", "--uncertified").code == 0)
    reach(live, "live")
    wrong += walk(live, ENDING, moments)
    assert not wrong, "\n".join(wrong)

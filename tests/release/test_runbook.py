"""Runbooks: one for every exit but live, each with commands that can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import UsageError
from seaway.release.machine import Event, Position, State
from seaway.release.runbook import EXITS, exit_of, parse, runbook
from tests.release.world import ENVIRONMENT, ONE, TWO, begun, plan

pytestmark = pytest.mark.rootless

EXPECTED = {
    "rolled back", "held: blind", "held: doubtful", "held: stuck", "held: budget", "held: condemned", "held: fault",
    "paused", "awaiting", "not ready", "failed", "denied", "aborted", "superseded", "revoked", "state lost", "stranded",
}  # fmt: skip


def test_every_exit_has_one() -> None:
    """All exits of the design, and no other."""
    assert set(EXITS) == EXPECTED


@pytest.mark.parametrize("leaves", EXITS)
def test_a_runbook_has_all_parts_and_runs(tmp_path: Path, leaves: str) -> None:
    """Decision, evidence, blast radius, commands that parse, a verify step, the sample still needed."""
    world = begun(tmp_path, worse=True)
    for _ in range(12):
        world.turn()
    assert world.last is not None
    row = world.store.read(ENVIRONMENT).row
    book = runbook(plan(TWO, ONE), leaves, world.last.verdict, row.evidence, "evidence.json")
    text = book.text()
    assert parse(text) == (*book.commands, book.verify)
    for part in ("## Evidence", "## Blast radius", "## Run", "## Verify", "## Sample still needed"):
        assert part in text
    assert f"{row.evidence.requests} requests" in book.blast
    assert "helpful" in book.needed


@pytest.mark.parametrize(
    ("state", "reason", "why", "expected"),
    [
        (State.HELD, Event.BLIND, "", "held: blind"),
        (State.HELD, Event.DOUBTFUL, "", "held: doubtful"),
        (State.HELD, Event.TRAFFIC_STUCK, "", "held: stuck"),
        (State.HELD, Event.BUDGET_SPENT, "", "held: budget"),
        (State.HELD, Event.CONDEMNED, "", "held: condemned"),
        (State.HELD, "something else", "", "held: fault"),
        (State.PAUSED, Event.PAUSE, "", "paused"),
        (State.AWAITING, Event.CERTIFIED, "", "awaiting"),
        (State.STRANDED, Event.FAILED, "", "stranded"),
        (State.ROLLED_BACK, Event.STABLE_WEIGHT_SEEN, Event.REGRESSED, "rolled back"),
        (State.ROLLED_BACK, Event.STABLE_WEIGHT_SEEN, Event.ABORT, "aborted"),
        (State.ROLLED_BACK, Event.STABLE_WEIGHT_SEEN, "state-lost", "state lost"),
        (State.RETURNING, Event.NOT_READY_IN_TIME, "", "not ready"),
        (State.RETURNING, Event.DENY, "", "denied"),
        (State.LIVE, Event.STEPS_DONE, "", None),
        (State.JUDGING, Event.WEIGHT_SEEN, "", None),
    ],
)
def test_the_exit_of_a_position(state: State, reason: str, why: str, expected: str | None) -> None:
    """Each state and reason leads to its own page; going on and live to none."""
    assert exit_of(Position((), 0, state, reason), why) == expected


@pytest.mark.parametrize("command", ["rm -rf /", "seaway", "seaway dance prod"])
def test_a_command_that_is_not_ours_is_refused(command: str) -> None:
    """A dry run names the line."""
    with pytest.raises(UsageError, match="cannot run"):
        parse(f"```\n{command}\n```\n")

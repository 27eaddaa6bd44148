"""Every command of the road that writes, in the order of the road: what is killed, and how one knows that it went on.

`docs/reference/kill-matrix.md` is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EXCEPTION = ("except", "production", "scan-fresh", "--requested-by", "alice", "--ticket", "SEC-1", "--days", "3")


@dataclass(frozen=True, slots=True)
class Verb:
    """A command, the exit code it must end with when it is run again, and how long it takes when nothing kills it.

    `again` says what the same command means after a kill: it makes it `anew`, or what was asked for `goes-on` in the
    agent. `done` is how the command, run again, refuses what was done before the kill, 0 if it simply does it again.
    """

    name: str
    words: tuple[str, ...]
    seconds: float = 2.0
    code: int = 0
    done: int = 0
    again: Literal["anew", "goes-on"] = "anew"
    writes: str = ""


ROLES = "owner,builder,tester,scanner,operator"
MAKING = (
    Verb("keys new", ("keys", "new", "alice"), seconds=1.2, done=35, writes="two key files"),
    Verb(
        "keys enrol",
        ("keys", "enrol", "alice", "--person", "alice", "--roles", ROLES, "--email", "alice@team.example"),
        writes="a new ledger and its first leaf",
    ),
    Verb("ledger verify", ("ledger", "verify"), seconds=1.0, writes="nothing"),
    Verb("lock", ("lock",), seconds=8.0, writes="image store, `seaway.lock`"),
    Verb("build", ("build",), seconds=3.0, writes="image store, `seaway.lock`, `build.json`, ledger"),
)
PROVING = (
    Verb("up", ("up", "--no-build"), seconds=4.0, writes="image roots, an environment's wishes, an agent"),
    Verb("test", ("test", "staging"), seconds=3.0, writes="ledger"),
    Verb("scan", ("scan",), seconds=2.5, code=36, writes="ledger"),
    Verb(
        "except",
        (*EXCEPTION, "--reason", "no advisories here", "--key", "bob"),
        writes="ledger",
    ),
    Verb("approve", ("approve", "production", "--key", "bob", "--reason", "read it"), writes="ledger"),
    Verb("promote", ("promote", "production"), writes="ledger"),
    Verb(
        "release",
        ("release", "production"),
        seconds=4.0,
        done=31,
        again="goes-on",
        writes="ledger, the agent's store, wishes",
    ),
)
STEERING = (
    Verb("pause", ("pause", "production"), done=2, again="goes-on", writes="ledger, the agent's store"),
    Verb("resume", ("resume", "production"), done=2, again="goes-on", writes="ledger, the agent's store"),
    Verb("abort", ("abort", "production"), done=2, again="goes-on", writes="ledger, the agent's store, wishes"),
)
ENDING = (
    Verb(
        "rollback",
        ("rollback", "production"),
        seconds=4.0,
        done=31,
        again="goes-on",
        writes="ledger, the agent's store",
    ),
    Verb("down", ("down",), writes="wishes, ledger; ends the agent"),
)
VERBS = (*MAKING, *PROVING, *STEERING, *ENDING)
SIGNALS = ("SIGINT", "SIGKILL")


BESIDE = (
    (
        "the agent, SIGKILL while a canary is judged",
        "the next command starts another, which ends the release; no request fails",
        "road/test_release.py",
    ),
    (
        "a replica, SIGKILL, then a rollback",
        "no request fails by the client's own log, none reaches what was left",
        "road/test_release.py",
    ),
    (
        "store of releases lost in mid-canary",
        "stable has all requests, `state-lost` on the record",
        "road/test_release.py",
    ),
    (
        "that store, `.seaway` and all ignored files lost",
        "`why` and the ledger answer; `build` gives the same bundle; it is released",
        "road/test_release.py",
    ),
    (
        "an app's counts silent, 500, NaN, reset, torn, dripping",
        "held, never promoted, never taken back",
        "road/test_release.py",
    ),
    (
        "Envoy's interface silent, 500, NaN, reset, torn, dripping, prose",
        "held, never promoted, never taken back",
        "targets/test_blind_envoy.py",
    ),
    (
        "the supervisor, SIGKILL at every write (by intercepted system calls)",
        "the next one finishes; nothing runs twice",
        "targets/test_kill_points.py",
    ),
    (
        "power cut after any write of an environment's state, also after a kill",
        "what was acknowledged is there and whole; each sync is needed",
        "targets/test_power_cut.py",
    ),
    (
        "power cut after any write of the ledger, also after a kill",
        "what was acknowledged is there; each sync is needed",
        "evidence/faults/test_power_cut.py",
    ),
    (
        "SIGKILL, full disk, power cut at every write of the image store",
        "whole; what was promised is there; each sync is needed",
        "image/test_crash.py",
    ),
)


def page() -> str:
    """Returns the page of what is killed and what is asserted."""
    head = [
        "# Killed at any moment",
        "",
        "Generated from `tests/road/verbs.py`; `tests/road/test_killed.py` (the long lane, `make long`) starts each",
        "command for real and kills it at a random moment, whose seed is printed. Asserted each time: the image store",
        "is whole (`Layout.check`), the ledger verifies (`seaway ledger verify`), and the same command then succeeds;",
        "*goes on* means that the agent carries out what was asked, and that the command, asked again, watches it.",
        "A command that was done before the kill may refuse to do it twice: it says so.",
        "",
        f"| command | writes | {' | '.join(SIGNALS)} |",
        f"|---|---|{'---|' * len(SIGNALS)}",
    ]
    means = {"anew": "whole, then succeeds", "goes-on": "whole, goes on"}
    rows = [
        f"| `seaway {verb.name}` | {verb.writes} | {' | '.join([means[verb.again]] * len(SIGNALS))} |" for verb in VERBS
    ]
    beside = ["", "| what else fails | what is asserted | where, below `tests/` |", "|---|---|---|"]
    faults = [f"| {fault} | {asserted} | `{where}` |" for fault, asserted, where in BESIDE]
    return "\n".join([*head, *rows, *beside, *faults]) + "\n"

"""One process' telemetry put together: who it is, what it has counted, which late labels it takes.

`of_process()` is the one of this process; it is made at the first use, from the environment, and a forked child gets
a fresh one. Nothing here raises into the app unless SEAWAY_STRICT=1.
"""

from __future__ import annotations

import os
import random
import threading
import time
from contextvars import ContextVar

from seaway_sdk import identity, labels, token
from seaway_sdk.identity import Identity
from seaway_sdk.state import State

CURRENT: ContextVar[tuple[str, bool] | None] = ContextVar("seaway_request", default=None)
"""Token of the request being answered, and whether it is load."""


class Recorder:
    """Counts for one identity."""

    def __init__(self, who: Identity, *, strict: bool = False) -> None:
        self.identity = who
        self.state = State()
        self.strict = strict
        self._version = bytes.fromhex(who.version)
        self._random = random.Random(os.urandom(16))
        self._desk = labels.Desk(who.version, who.key)
        self._desk_lock = threading.Lock()
        for fault in who.faults:
            self.state.shard().drop(f"variable_{fault}")

    def token(self, trace: bytes | None) -> str:
        """Makes the token of a new request; without a trace id it gets a new one."""
        trace = trace or self._random.getrandbits(128).to_bytes(16, "big")
        return token.make(int(time.time() // 60), self._version, trace, key=self.identity.key)

    def evaluate(self, name: str, passed: bool) -> None:
        """Counts a 0/1 outcome of the request being answered."""
        if not labels.usable(name) or not isinstance(passed, bool):
            self.misuse("evaluate")
            return
        current = CURRENT.get()
        self.state.shard().outcome(name, passed, bool(current and current[1]))

    def label(self, body: bytes, load: bool) -> int:
        """Counts a body of late labels and returns how many were refused; raises LabelsInvalid, then counts none."""
        given = labels.parse(body)
        with self._desk_lock:
            refusals = [self._desk.judge(one, time.time()) for one in given]
        shard = self.state.shard()
        for one, refusal in zip(given, refusals, strict=True):
            if refusal:
                shard.drop(refusal.value)
            else:
                shard.outcome(one.name, one.passed, load)
        return sum(refusal is not None for refusal in refusals)

    def misuse(self, reason: str) -> None:
        """Counts a wrong use of the library, or raises it under SEAWAY_STRICT."""
        if self.strict:
            raise ValueError(f"seaway_sdk: {reason} was used wrongly")
        self.state.shard().drop(reason)


_recorders: list[Recorder] = []
_making = threading.Lock()


def of_process() -> Recorder:
    """Returns this process' recorder."""
    if not _recorders:
        with _making:
            if not _recorders:
                _recorders.append(Recorder(identity.read(os.environ), strict=os.environ.get("SEAWAY_STRICT") == "1"))
    return _recorders[0]


def _forget() -> None:
    global _making  # noqa: PLW0603  # the parent's lock may be held by a thread that the child does not have
    _making = threading.Lock()
    _recorders.clear()


os.register_at_fork(after_in_child=_forget)

"""What a process has counted: integers in one shard a thread, added up by whoever reads.

The request path takes no lock and does no I/O: a shard belongs to its thread, and a reader copies it in one step of
the interpreter. A forked child begins with empty shards and an epoch of its own, so nothing is counted twice.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable

from seaway_sdk import histogram
from seaway_sdk.conventions import OUTCOME_LIMIT, OVERFLOW_ROUTE, SERIES_LIMIT

Key = tuple[str, str, int, bool]
"""Method, route, status, and whether it was sent by `seaway load`."""


class Shard:
    """The counts of one thread; a series is its cells followed by the sum of nanoseconds."""

    __slots__ = ("dropped", "outcomes", "requests", "thread")

    def __init__(self, thread: threading.Thread | None = None) -> None:
        self.thread = thread
        self.requests: dict[Key, list[int]] = {}
        self.outcomes: dict[tuple[str, bool], list[int]] = {}
        self.dropped: dict[str, int] = {}

    def request(self, key: Key, nanoseconds: int) -> None:
        """Counts one finished request."""
        series = self.requests.get(key)
        if series is None:
            series = self._new_series(key)
        series[bisect_left(histogram.EDGES, nanoseconds)] += 1
        series[-1] += nanoseconds

    def outcome(self, name: str, passed: bool, load: bool) -> None:
        """Counts one 0/1 outcome."""
        pair = self.outcomes.get((name, load))
        if pair is None:
            if len(self.outcomes) >= OUTCOME_LIMIT:
                self.drop("outcomes")
                return
            pair = self.outcomes[(name, load)] = [0, 0]
        pair[0] += 1
        pair[1] += not passed

    def drop(self, reason: str, count: int = 1) -> None:
        """Counts something that could not be counted, by reason."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, other: Shard) -> None:
        """Adds another shard to this one."""
        for key, series in list(other.requests.items()):
            mine = self.requests.setdefault(key, [0] * len(series))
            mine[:] = [left + right for left, right in zip(mine, list(series), strict=True)]
        for name, pair in list(other.outcomes.items()):
            mine = self.outcomes.setdefault(name, [0, 0])
            mine[:] = [left + right for left, right in zip(mine, list(pair), strict=True)]
        for reason, count in list(other.dropped.items()):
            self.drop(reason, count)

    def _new_series(self, key: Key) -> list[int]:
        if len(self.requests) >= SERIES_LIMIT:
            self.drop("series")
            key = ("_OTHER", OVERFLOW_ROUTE, key[2] // 100 * 100, key[3])
        return self.requests.setdefault(key, [0] * (histogram.COUNT + 1))


class State:
    """All shards of this process since `epoch` (microseconds; a forked child has its own)."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Begins anew, as a forked child does."""
        self._lock = threading.Lock()
        self._local = threading.local()
        self._shards: list[Shard] = []
        self._ended = Shard()
        self.active = 0
        self.epoch = self._clock() // 1000

    def shard(self) -> Shard:
        """Returns this thread's shard."""
        try:
            return self._local.shard  # type: ignore[no-any-return]
        except AttributeError:
            return self._new_shard()

    def total(self) -> Shard:
        """Adds up what all threads have counted."""
        with self._lock:
            shards = [self._ended, *self._shards]
        return _sum(shards)

    def _new_shard(self) -> Shard:
        shard = Shard(threading.current_thread())
        with self._lock:
            gone = [one for one in self._shards if one.thread and not one.thread.is_alive()]
            self._ended = _sum([self._ended, *gone])
            self._shards = [one for one in self._shards if one not in gone] + [shard]
        self._local.shard = shard
        return shard


def _sum(shards: Iterable[Shard]) -> Shard:
    total = Shard()
    for shard in shards:
        total.add(shard)
    return total

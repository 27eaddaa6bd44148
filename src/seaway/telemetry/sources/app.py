"""The app's own counts as a source: `/-/counts` of every replica, cumulative integers since an epoch, to ticks.

A tick is the difference of two reads of one replica; the first read of a replica only begins. Another epoch, or a
counter that fell, is a restart: that replica's tick is dropped with the reason. A replica that does not answer in
half a tick, or answers anything but well-formed integers, makes the whole reading blind, and nothing is lost: the next
good reading counts from the last good one. Requests sent by `seaway load` are added in: the judge sees both.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from seaway.telemetry.sources.interface import Reading, ReadingState, Tick
from seaway.telemetry.wire import Address, WireError, fetch
from seaway_sdk.conventions import COUNTS_PATH, LATENCY
from seaway_sdk.histogram import BEYOND, FIRST, LAST, above

BYTES_LIMIT = 16 << 20
SERIES_LIMIT = 10_000
_MICROSECONDS = 1_000_000

Pairs = dict[tuple[str, str], tuple[int, int]]
"""(criterion, stratum) to (n, bad)."""


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica that is ready: its pod id and version as the target observes them, its telemetry port's URL."""

    id: str
    version: str
    url: str


@dataclass(frozen=True, slots=True)
class Counts:
    """One replica's cumulative counts; `at` and `epoch` in microseconds since 1970."""

    version: str
    epoch: int
    at: int
    pairs: Pairs


class CountsInvalid(ValueError):
    """What a replica answered is no document of counts; says the place."""


class AppSource:
    """Reads the replicas of one service; `budgets` makes criteria of latency: name to seconds.

    `read` gets a replica's counts where its telemetry port is not reached directly; it raises WireError.
    """

    name = "app"

    def __init__(
        self,
        service: str,
        replicas: Callable[[], tuple[Replica, ...]],
        *,
        budgets: Mapping[str, float],
        tick: float = 1.0,
        read: Callable[[Replica], bytes] | None = None,
    ) -> None:
        self._service = service
        self._replicas = replicas
        self._budgets = dict(budgets)
        self._tick = tick
        self._read = read
        self._last: dict[str, tuple[float, Counts]] = {}

    def read(self, through: float, now: float) -> Reading:
        """Returns what has been counted since the last good reading, or why nothing can be said."""
        replicas = self._replicas()
        if not replicas:
            return _blind(f"no replica of {self._service} is ready")
        began = time.monotonic()
        try:
            found = [self._read(one) for one in replicas] if self._read else asyncio.run(self._fetch(replicas))
            took = time.monotonic() - began
            counts = {one.id: self._checked(one, body, now, took) for one, body in zip(replicas, found, strict=True)}
        except (WireError, CountsInvalid) as error:
            return _blind(str(error))
        return self._differences(replicas, counts, through, now)

    async def _fetch(self, replicas: tuple[Replica, ...]) -> list[bytes]:
        half = self._tick / 2
        return await asyncio.gather(
            *(fetch(Address.of(one.url), COUNTS_PATH, seconds=half, limit=BYTES_LIMIT) for one in replicas)
        )

    def _checked(self, replica: Replica, body: bytes, now: float, took: float) -> Counts:
        try:
            counts = parse(body, self._budgets)
        except CountsInvalid as error:
            raise CountsInvalid(f"{replica.id}: {error}") from error
        if counts.version != replica.version:
            raise CountsInvalid(f"{replica.id}: says version {counts.version}, should run {replica.version}")
        if not -self._tick <= counts.at / _MICROSECONDS - now <= self._tick + took:
            raise CountsInvalid(f"{replica.id}: its clock is off by more than a tick")
        return counts

    def _differences(
        self, replicas: tuple[Replica, ...], counts: Mapping[str, Counts], through: float, now: float
    ) -> Reading:
        ticks: list[Tick] = []
        dropped: list[tuple[str, str]] = []
        for replica in replicas:
            since, before = self._last.get(replica.id, (through, None))
            after = counts[replica.id]
            if before is None:
                continue
            if reason := _restarted(before, after):
                dropped.append((replica.id, reason))
                continue
            ticks += self._ticks(replica, before, after, at=now, seconds=now - since)
        self._last = {one.id: (now, counts[one.id]) for one in replicas}
        return Reading(tuple(ticks), ReadingState.OK, dropped=tuple(dropped))

    def _ticks(self, replica: Replica, before: Counts, after: Counts, *, at: float, seconds: float) -> Iterator[Tick]:
        for (criterion, stratum), (n, bad) in sorted(after.pairs.items()):
            n_before, bad_before = before.pairs.get((criterion, stratum), (0, 0))
            yield Tick(
                at=at,
                seconds=seconds,
                service=self._service,
                criterion=criterion,
                stratum=stratum,
                replica=replica.id,
                version=replica.version,
                n=n - n_before,
                bad=bad - bad_before,
            )


def parse(body: bytes, budgets: Mapping[str, float]) -> Counts:
    """Reads one document of counts; raises CountsInvalid for anything but whole numbers in their places."""
    try:
        said = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CountsInvalid(f"not JSON: {str(error)[:200]}") from error
    if not isinstance(said, dict) or not isinstance(said.get("version"), str):
        raise CountsInvalid("not a document of counts")
    pairs: Pairs = {}
    for part in (said, said.get("load", {})):
        _add(pairs, _outcomes(part))
        _add(pairs, _latencies(part, budgets))
    if len(pairs) > SERIES_LIMIT:
        raise CountsInvalid(f"more than {SERIES_LIMIT} series")
    return Counts(said["version"], _whole(said.get("epoch"), "epoch"), _whole(said.get("at"), "at"), pairs)


def _outcomes(part: object) -> Pairs:
    found: Pairs = {}
    for criterion, strata in _mapping(part, "counts").items():
        for stratum, pair in _mapping(strata, None).items():
            if not isinstance(pair, list) or len(pair) != 2:
                raise CountsInvalid(f"counts.{criterion} is no [n, bad]")
            n, bad = _whole(pair[0], criterion), _whole(pair[1], criterion)
            if bad > n:
                raise CountsInvalid(f"counts.{criterion}: {bad} bad of {n}")
            found[criterion, stratum] = (n, bad)
    return found


def _latencies(part: object, budgets: Mapping[str, float]) -> Pairs:
    found: Pairs = {}
    for stratum, cells in _mapping(_mapping(part, "cells").get(LATENCY, {}), None).items():
        counts = {_edge(edge): _whole(count, "cells") for edge, count in _mapping(cells, None).items()}
        for name, budget in budgets.items():
            found[name, stratum] = (sum(counts.values()), above(counts, budget))
    return found


def _add(pairs: Pairs, more: Pairs) -> None:
    for key, (n, bad) in more.items():
        had_n, had_bad = pairs.get(key, (0, 0))
        pairs[key] = (had_n + n, had_bad + bad)


def _restarted(before: Counts, after: Counts) -> str:
    if after.epoch != before.epoch:
        return "restarted: another epoch"
    for key, (n, bad) in before.pairs.items():
        now_n, now_bad = after.pairs.get(key, (0, 0))
        if now_n < n or now_bad < bad or now_bad - bad > now_n - n:
            return f"restarted: {key[0]} fell"
    return ""


def _mapping(value: object, key: str | None) -> Mapping[str, object]:
    found = value.get(key, {}) if key is not None and isinstance(value, dict) else value
    if not isinstance(found, dict):
        raise CountsInvalid(f"{key or 'a value'} is no mapping")
    return found


def _whole(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise CountsInvalid(f"{where}: {str(value)[:40]} is no count")
    return value


def _edge(edge: str) -> str:
    if edge != BEYOND and not (edge.lstrip("-").isdigit() and edge.isascii() and FIRST <= int(edge) <= LAST):
        raise CountsInvalid(f"cells: {edge[:40]!r} is no edge")
    return edge


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no number")


def _blind(reason: str) -> Reading:
    return Reading((), ReadingState.BLIND, reason)

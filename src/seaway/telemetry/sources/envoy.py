"""Envoy's own counters as integers a tick, by replica.

Errors: `rq_success` and `rq_error` of `/clusters?format=json`, summed by host address over all clusters, because the
cluster of a dead replica is served by its siblings. Measured on Envoy 1.40: `rq_error` counts 5xx, time-outs, resets
and refused connections, which `rq_total` lacks. Latency: the histogram of a replica's own cluster; it is dropped
while the replica is unhealthy, since siblings answer there.

Rules: counters are cumulative, a tick is a difference; a counter that fell is a restart and drops that replica's
tick; a replica seen for the first time sets its starting point; a read that fails, or lacks a replica listed as
ready, is blind, and the next good read gives the whole gap as one tick.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.errors import SourceError
from seaway.telemetry.sources.interface import Reading, ReadingState, Tick

CLUSTERS = "/clusters?format=json"
HISTOGRAMS = "/stats?format=json&filter=^cluster\\..*upstream_rq_time$&histogram_buckets=disjoint"
MOST_SERIES = 10_000

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica as the target observes it; `clusters` are the names of its own clusters in Envoy."""

    id: str
    service: str
    version: str
    address: str
    ready: bool
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A latency criterion of a service: requests slower than `edge` milliseconds are bad; an edge of the histogram."""

    service: str
    edge: float
    criterion: str = "latency"


@dataclass(frozen=True, slots=True)
class Counts:
    """Cumulative counts of one address or cluster: n requests of which `bad` were bad."""

    n: int
    bad: int


@dataclass
class EnvoySource:
    """Reads one Envoy; `fetch` gets a path of its administration interface and raises SourceError when it cannot."""

    fetch: Fetch
    replicas: Callable[[], Iterable[Replica]]
    thresholds: tuple[Threshold, ...] = ()
    name: str = "envoy"
    _before: dict[tuple[str, str], Counts] = field(default_factory=dict)
    _since: float | None = None

    def read(self, through: float, now: float) -> Reading:
        """Returns the counts since the last good read, which ended at `through`; the first read only begins."""
        replicas = list(self.replicas())
        try:
            counts = self._counts(replicas)
        except SourceError as error:
            return Reading((), ReadingState.BLIND, str(error))
        missing = sorted(each.id for each in replicas if each.ready and ("errors", each.id) not in counts)
        if missing:
            return Reading((), ReadingState.BLIND, f"envoy does not know {', '.join(missing)}")
        begin = through if self._since is None else self._since
        ticks, dropped = self._differences(replicas, counts, (begin, now))
        self._before, self._since = counts, now
        return Reading(tuple(ticks), ReadingState.OK, dropped=tuple(dropped))

    def _counts(self, replicas: Iterable[Replica]) -> dict[tuple[str, str], Counts]:
        hosts = read_hosts(_document(self.fetch(CLUSTERS)))
        found = {("errors", each.id): hosts[each.address] for each in replicas if each.address in hosts}
        if self.thresholds:
            histograms = read_histograms(_document(self.fetch(HISTOGRAMS)))
            for threshold in self.thresholds:
                for each in replicas:
                    if each.service == threshold.service:
                        key = (threshold.criterion, each.id)
                        found[key] = _over(threshold.edge, [histograms.get(name, {}) for name in each.clusters])
        return found

    def _differences(
        self, replicas: Iterable[Replica], counts: Mapping[tuple[str, str], Counts], span: tuple[float, float]
    ) -> tuple[list[Tick], list[tuple[str, str]]]:
        ticks: list[Tick] = []
        dropped: list[tuple[str, str]] = []
        known = {each.id: each for each in replicas}
        for (criterion, pod), after in sorted(counts.items()):
            replica, before = known[pod], self._before.get((criterion, pod))
            if before is None:
                continue
            n, bad = after.n - before.n, after.bad - before.bad
            if n < 0 or bad < 0 or bad > n:
                dropped.append((pod, f"{criterion}: a counter went back"))
            elif criterion != "errors" and not replica.ready:
                dropped.append((pod, f"{criterion}: unhealthy, so its siblings may have answered"))
            else:
                seconds = span[1] - span[0]
                ticks.append(Tick(span[1], seconds, replica.service, criterion, "", pod, replica.version, n, bad))
        return ticks, dropped


def read_hosts(document: Mapping[str, Any]) -> dict[str, Counts]:
    """Returns the counts of each host address, summed over all clusters; raises SourceError for another form."""
    found: dict[str, Counts] = {}
    for status in _listed(document, "cluster_statuses"):
        for host in status.get("host_statuses", []):
            try:
                address = str(host["address"]["socket_address"]["address"])
                stats = {str(stat["name"]): _whole(stat.get("value", 0)) for stat in host.get("stats", [])}
            except (KeyError, TypeError) as error:
                raise SourceError("envoy's host has another form than expected") from error
            bad = stats.get("rq_error", 0)
            old = found.get(address, Counts(0, 0))
            found[address] = Counts(old.n + stats.get("rq_success", 0) + bad, old.bad + bad)
    return found


def read_histograms(document: Mapping[str, Any]) -> dict[str, dict[float, int]]:
    """Returns, by cluster, how many requests since the start fell into the bucket below each upper edge (ms)."""
    found: dict[str, dict[float, int]] = {}
    for entry in _listed(document, "stats"):
        for histogram in entry.get("histograms", []) if isinstance(entry.get("histograms"), list) else []:
            try:
                match = re.fullmatch(r"cluster\.(.+)\.upstream_rq_time", str(histogram["name"]))
                buckets = {float(each["upper_bound"]): _whole(each["cumulative"]) for each in histogram["buckets"]}
            except (KeyError, TypeError, ValueError) as error:
                raise SourceError("envoy's histogram has another form than expected") from error
            if match:
                found[match[1]] = buckets
    return found


def _over(edge: float, histograms: Iterable[Mapping[float, int]]) -> Counts:
    n = bad = 0
    for buckets in histograms:
        n += sum(buckets.values())
        bad += sum(count for upper, count in buckets.items() if upper > edge)
    return Counts(n, bad)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise SourceError("envoy's answer is not JSON") from error
    if not isinstance(document, dict):
        raise SourceError("envoy's answer is not an object")
    return document


def _listed(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise SourceError(f"envoy's {key} is not a list of objects")
    if len(entries) > MOST_SERIES:
        raise SourceError(f"envoy has more than {MOST_SERIES} series")
    return entries


def _whole(value: object) -> int:
    """Reads a counter: Envoy writes it as a number or as text; a fraction, a sign or NaN is refused."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,19}", str(value)):
        raise SourceError(f"{str(value)[:40]!r} is not a counter")
    return int(str(value))

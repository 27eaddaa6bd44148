"""Envoy's counters as ticks: sums by host, differences, resets dropped, and blindness instead of zero."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import SourceError
from seaway.telemetry.sources.envoy import CLUSTERS, EnvoySource, Replica, Threshold, read_histograms, read_hosts
from seaway.telemetry.sources.interface import ReadingState

pytestmark = pytest.mark.rootless

ONE = Replica("api-1", "api", "aaaaaaaaaa", "127.64.1.10", True, ("api-1~8000",))
TWO = Replica("api-2", "api", "bbbbbbbbbb", "127.64.1.11", True, ("api-2~8000",))
Hosts = Mapping[str, Mapping[str, tuple[int, int]]]


class Envoy:
    """Answers as Envoy 1.40 does: counters by cluster and host, (success, error); histograms by cluster."""

    def __init__(self) -> None:
        self.hosts: Hosts = {}
        self.slow: dict[str, dict[float, int]] = {}
        self.fault: SourceError | None = None

    def fetch(self, path: str) -> bytes:
        """Returns the document of a path, or fails as it was told."""
        if self.fault:
            raise self.fault
        return json.dumps(self._clusters() if path == CLUSTERS else self._histograms()).encode()

    def _clusters(self) -> dict[str, Any]:
        return {
            "cluster_statuses": [
                {
                    "name": name,
                    "host_statuses": [
                        {
                            "address": {"socket_address": {"address": address, "port_value": 8000}},
                            "stats": [
                                {"name": "rq_success", **({"value": str(good)} if good else {})},
                                {"name": "rq_error", **({"value": str(bad)} if bad else {})},
                                {"name": "rq_total", "value": "999999"},
                            ],
                        }
                        for address, (good, bad) in hosts.items()
                    ],
                }
                for name, hosts in self.hosts.items()
            ]
        }

    def _histograms(self) -> dict[str, Any]:
        made = [
            {
                "name": f"cluster.{name}{middle}.upstream_rq_time",
                "buckets": [{"upper_bound": edge, "interval": 0, "cumulative": n} for edge, n in buckets.items()],
            }
            for name, buckets in self.slow.items()
            for middle in ("", ".external")
        ]
        return {"stats": [{"histograms": made}]}


def source(envoy: Envoy, *replicas: Replica, thresholds: tuple[Threshold, ...] = ()) -> EnvoySource:
    """Returns a source over a fake Envoy and a fixed list of replicas."""
    return EnvoySource(envoy.fetch, lambda: replicas, thresholds)


def test_counts_follow_the_host_not_the_cluster() -> None:
    """What a sibling answers in a dead replica's cluster is the sibling's."""
    envoy = Envoy()
    envoy.hosts = {"api-1~8000": {ONE.address: (0, 0), TWO.address: (0, 0)}, "api-2~8000": {TWO.address: (0, 0)}}
    reader = source(envoy, ONE, TWO)
    reader.read(0, 10)
    envoy.hosts = {"api-1~8000": {ONE.address: (5, 2), TWO.address: (92, 0)}, "api-2~8000": {TWO.address: (8, 1)}}
    reading = reader.read(10, 11)
    assert [(tick.replica, tick.n, tick.bad) for tick in reading.ticks] == [("api-1", 7, 2), ("api-2", 101, 1)]
    assert {(tick.at, tick.seconds, tick.criterion, tick.stratum) for tick in reading.ticks} == {(11, 1, "errors", "")}
    assert [tick.version for tick in reading.ticks] == [ONE.version, TWO.version]


def test_the_first_read_only_begins() -> None:
    """What was counted before anybody looked belongs to no tick."""
    envoy = Envoy()
    envoy.hosts = {"api-1~8000": {ONE.address: (1000, 10)}}
    reading = source(envoy, ONE).read(0, 10)
    assert (reading.state, reading.ticks) == (ReadingState.OK, ())


def test_a_counter_that_fell_drops_its_replica_alone() -> None:
    """Envoy or the replica's cluster began anew; the other replica's tick stands."""
    envoy = Envoy()
    envoy.hosts = {"a": {ONE.address: (50, 5)}, "b": {TWO.address: (50, 5)}}
    reader = source(envoy, ONE, TWO)
    reader.read(0, 10)
    envoy.hosts = {"a": {ONE.address: (3, 0)}, "b": {TWO.address: (60, 5)}}
    reading = reader.read(10, 11)
    assert [(tick.replica, tick.n) for tick in reading.ticks] == [("api-2", 10)]
    assert reading.dropped == (("api-1", "errors: a counter went back"),)
    envoy.hosts = {"a": {ONE.address: (5, 1)}, "b": {TWO.address: (60, 5)}}
    assert [(tick.replica, tick.n, tick.bad) for tick in reader.read(11, 12).ticks] == [
        ("api-1", 3, 1),
        ("api-2", 0, 0),
    ]


def test_a_failure_is_blind_and_its_gap_is_one_tick() -> None:
    """Nothing is lost and nothing counted twice over a time without an answer."""
    envoy = Envoy()
    envoy.hosts = {"a": {ONE.address: (10, 0)}}
    reader = source(envoy, ONE)
    reader.read(0, 10)
    envoy.fault = SourceError("envoy answered 500")
    blind = reader.read(10, 11)
    assert (blind.state, blind.ticks, blind.reason) == (ReadingState.BLIND, (), "envoy answered 500")
    envoy.fault = None
    envoy.hosts = {"a": {ONE.address: (40, 1)}}
    (tick,) = reader.read(11, 12).ticks
    assert (tick.n, tick.bad, tick.seconds) == (31, 1, 2)


def test_a_ready_replica_that_envoy_lacks_is_blind() -> None:
    """Never n = 0 for a replica that serves; one that is not ready may be absent."""
    envoy = Envoy()
    envoy.hosts = {"a": {ONE.address: (1, 0)}}
    reading = source(envoy, ONE, TWO).read(0, 10)
    assert (reading.state, reading.ticks) == (ReadingState.BLIND, ())
    assert "api-2" in reading.reason
    waiting = Replica("api-2", "api", "bbbbbbbbbb", TWO.address, False)
    assert source(envoy, ONE, waiting).read(0, 10).state is ReadingState.OK


def test_latency_counts_the_cells_above_the_edge() -> None:
    """A request in the bucket that ends at the edge is good; `.external` histograms are not counted twice."""
    envoy = Envoy()
    envoy.hosts = {"api-1~8000": {ONE.address: (0, 0)}}
    envoy.slow = {"api-1~8000": {100.0: 4, 250.0: 3, 280.0: 2, 900.0: 1}}
    reader = source(envoy, ONE, thresholds=(Threshold("api", 250.0),))
    reader.read(0, 10)
    envoy.slow = {"api-1~8000": {100.0: 14, 250.0: 8, 280.0: 4, 900.0: 2}}
    ticks = {tick.criterion: tick for tick in reader.read(10, 11).ticks}
    assert (ticks["latency"].n, ticks["latency"].bad) == (18, 3)
    assert ticks["errors"].n == 0


def test_latency_of_an_unhealthy_pod_is_dropped_its_errors_count() -> None:
    """In its cluster siblings answer; its own errors are its own."""
    envoy = Envoy()
    down = Replica(ONE.id, ONE.service, ONE.version, ONE.address, False, ONE.clusters)
    envoy.hosts = {"api-1~8000": {ONE.address: (0, 0)}}
    envoy.slow = {"api-1~8000": {100.0: 0}}
    reader = source(envoy, down, thresholds=(Threshold("api", 250.0),))
    reader.read(0, 10)
    envoy.hosts = {"api-1~8000": {ONE.address: (0, 3)}}
    envoy.slow = {"api-1~8000": {100.0: 9}}
    reading = reader.read(10, 11)
    assert [(tick.criterion, tick.n, tick.bad) for tick in reading.ticks] == [("errors", 3, 3)]
    assert [name for name, _reason in reading.dropped] == ["api-1"]


@pytest.mark.parametrize("value", ["NaN", "-1", "1.5", "1e3", True, None, [], "9" * 20])
def test_what_is_no_counter_is_refused(value: object) -> None:
    """Fractions, signs, NaN and text never become numbers; the source is blind."""
    host = {"address": {"socket_address": {"address": ONE.address}}, "stats": [{"name": "rq_error", "value": value}]}
    document = {"cluster_statuses": [{"name": "a", "host_statuses": [host]}]}
    with pytest.raises(SourceError):
        read_hosts(document)
    reader = EnvoySource(lambda _path: json.dumps(document).encode(), lambda: [ONE])
    assert reader.read(0, 1).state is ReadingState.BLIND


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'{"cluster_statuses": 3}', b'{"cluster_statuses": [{"host_statuses": [{}]}]}']
)
def test_nonsense_is_blind(body: bytes) -> None:
    """Whatever comes, there is no exception and no zero."""
    reading = EnvoySource(lambda _path: body, lambda: [ONE]).read(0, 1)
    assert (reading.state, reading.ticks) == (ReadingState.BLIND, ())


def test_too_many_series_are_refused() -> None:
    """A runaway Envoy costs an error, not memory."""
    with pytest.raises(SourceError):
        read_hosts({"cluster_statuses": [{}] * 10_001})
    with pytest.raises(SourceError):
        read_histograms({"stats": [{"histograms": [{"name": "cluster.a.upstream_rq_time"}]}]})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12), st.data())
def test_ticks_add_up_to_the_counters(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    """However the reads fall and fail, the sum of all ticks is what was counted since the first read."""
    envoy, good, bad = Envoy(), 0, 0
    envoy.hosts = {"a": {ONE.address: (0, 0)}}
    reader = source(envoy, ONE)
    reader.read(0, 0)
    n = wrong = 0
    for at, (more, worse) in enumerate([*steps, (0, 0)], 1):
        good, bad = good + more, bad + worse
        envoy.hosts = {"a": {ONE.address: (good, bad)}}
        last = at > len(steps)
        envoy.fault = SourceError("away") if not last and data.draw(st.booleans()) else None
        for tick in reader.read(at - 1, at).ticks:
            assert 0 <= tick.bad <= tick.n
            n, wrong = n + tick.n, wrong + tick.bad
    assert (n, wrong) == (good + bad, bad)

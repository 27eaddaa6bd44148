"""The app source over real sockets: whole numbers become ticks, every fault of the HTTP side is blind."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.telemetry.sources.app import AppSource, CountsInvalid, Replica, parse
from seaway.telemetry.sources.interface import Reading, ReadingState
from seaway_sdk.identity import Identity
from seaway_sdk.recorder import Recorder
from seaway_sdk.server import Speaker

pytestmark = pytest.mark.rootless

VERSION = "0123456789"
BUDGETS = {"latency": 0.25}


def document(**changed: Any) -> dict[str, Any]:
    """A good document, with some parts changed."""
    good = {
        "version": VERSION,
        "replica": "pod",
        "epoch": 1,
        "at": int(time.time() * 1e6),
        "counts": {"errors": {"": [10, 1]}, "helpful": {"": [4, 2]}},
        "cells": {"latency": {"": {"-16": 9, "-15": 1}}},
        "load": {"counts": {"errors": {"": [5, 0]}}, "cells": {"latency": {"": {"inf": 5}}}},
    }
    return {**good, **changed}


class Faulty:
    """A replica that answers whatever a test tells it to."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Callable[[], bytes] = lambda: json.dumps(document()).encode()
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(outer.delay)
                body = outer.body()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """One replica under a test's control."""
    one = Faulty()
    yield one
    one.close()


def source(*urls: str, tick: float = 2.0) -> AppSource:
    """A source over replicas."""
    replicas = tuple(Replica(f"pod-{at}", VERSION, url) for at, url in enumerate(urls))
    return AppSource("api", lambda: replicas, budgets=BUDGETS, tick=tick)


def read(one: AppSource) -> Reading:
    """Reads now."""
    now = time.time()
    return one.read(now - 1, now)


def counted(reading: Reading) -> dict[str, tuple[int, int]]:
    """n and bad by criterion, of one replica."""
    return {tick.criterion: (tick.n, tick.bad) for tick in reading.ticks}


def test_the_first_read_only_begins(faulty: Faulty) -> None:
    """What was counted before this source existed is nobody's tick."""
    reading = read(source(faulty.url))
    assert (reading.state, reading.ticks) == (ReadingState.OK, ())


def test_a_tick_is_the_difference_users_and_load_together(faulty: Faulty) -> None:
    """Integers in, integers out."""
    one = source(faulty.url)
    read(one)
    load = {"counts": {"errors": {"": [8, 1]}}, "cells": {"latency": {"": {"inf": 7}}}}
    faulty.body = lambda: json.dumps(
        document(counts={"errors": {"": [30, 3]}, "helpful": {"": [4, 2]}}, load=load)
    ).encode()
    reading = read(one)
    assert counted(reading) == {"errors": (23, 3), "helpful": (0, 0), "latency": (2, 2)}
    assert {(tick.replica, tick.version, tick.service) for tick in reading.ticks} == {("pod-0", VERSION, "api")}


def test_an_outcome_that_first_appears_counts_from_zero(faulty: Faulty) -> None:
    """The first label of a replica is not lost."""
    one = source(faulty.url)
    read(one)
    faulty.body = lambda: json.dumps(
        document(counts={"errors": {"": [10, 1]}, "helpful": {"": [4, 2]}, "new": {"": [1, 1]}})
    ).encode()
    assert counted(read(one))["new"] == (1, 1)


def counts_of(pair: object) -> dict[str, Any]:
    """The change that makes the errors be this."""
    return {"counts": {"errors": {"": pair}}}


FAULTS: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "not JSON": (b"<html>", "not JSON"),
    "an empty body": (b"", "not JSON"),
    "deep nesting": (b"[" * 200_000, "not JSON"),
    "infinity": (b'{"version":"0123456789","epoch":1,"at":Infinity}', "Infinity is no number"),
    "a list": (b"[]", "not a document"),
    "NaN": (counts_of([float("nan"), 0]), "NaN is no number"),
    "a fraction": (counts_of([1.5, 0]), "1.5 is no count"),
    "a negative": (counts_of([-1, 0]), "-1 is no count"),
    "a boolean": (counts_of([True, 0]), "True is no count"),
    "a text": (counts_of(["1", "0"]), "1 is no count"),
    "more bad than there are": (counts_of([1, 2]), "2 bad of 1"),
    "no pair": (counts_of([1]), "no [n, bad]"),
    "counts that are a list": ({"counts": []}, "no mapping"),
    "an edge that is none": ({"cells": {"latency": {"": {"1000": 1}}}}, "no edge"),
    "no epoch": ({"epoch": None}, "None is no count"),
    "past 2^53": ({"epoch": 2**60}, "is no count"),
    "another version": ({"version": "ffffffffff"}, "should run 0123456789"),
    "a clock behind": ({"at": 1}, "clock"),
    "a clock ahead": ({"at": int((time.time() + 36_000) * 1e6)}, "clock"),
    "too many series": ({"counts": {f"c{i}": {"": [1, 0]} for i in range(10_001)}}, "10000 series"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_anything_but_whole_numbers_is_blind(faulty: Faulty, name: str) -> None:
    """No fault is an exception, a zero or a tick; each is told by its own reason."""
    given, says = FAULTS[name]
    one = source(faulty.url)
    read(one)
    faulty.body = lambda: given if isinstance(given, bytes) else json.dumps(document(**given)).encode()
    reading = read(one)
    assert (reading.state, reading.ticks) == (ReadingState.BLIND, ())
    assert says in reading.reason


@pytest.mark.parametrize("status", [500, 503, 404, 204, 302])
def test_another_status_is_blind(faulty: Faulty, status: int) -> None:
    """Only 200 is an answer."""
    faulty.status = status
    reading = read(source(faulty.url))
    assert (reading.state, str(status) in reading.reason) == (ReadingState.BLIND, True)


def test_half_a_tick_is_the_patience(faulty: Faulty) -> None:
    """A slow replica is blind, in time."""
    faulty.delay = 3.0
    began = time.monotonic()
    reading = read(source(faulty.url, tick=0.4))
    assert reading.state is ReadingState.BLIND
    assert "within 0.2 s" in reading.reason
    assert time.monotonic() - began < 2.0


def test_a_replica_that_trickles_is_blind_in_time() -> None:
    """A byte now and then does not extend the patience."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b" " * 40:
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.05)

        threading.Thread(target=trickle, daemon=True).start()
        reading = read(source(f"http://127.0.0.1:{server.getsockname()[1]}", tick=0.6))
    assert reading.state is ReadingState.BLIND


def test_one_silent_replica_blinds_all_and_nothing_is_lost(faulty: Faulty) -> None:
    """The next good reading counts from the last good one."""
    other = Faulty()
    one = source(faulty.url, other.url)
    read(one)
    faulty.body = other.body = lambda: json.dumps(document(counts={"errors": {"": [12, 1]}}, load={})).encode()
    one = source(faulty.url, other.url)
    read(one)
    faulty.body = lambda: json.dumps(document(counts={"errors": {"": [15, 2]}}, load={})).encode()
    other.status = 500
    assert read(one).state is ReadingState.BLIND
    other.status = 200
    ticks = [tick for tick in read(one).ticks if tick.criterion == "errors"]
    assert [(tick.replica, tick.n, tick.bad) for tick in ticks] == [("pod-0", 3, 1), ("pod-1", 0, 0)]
    other.close()


def test_nobody_there_is_blind() -> None:
    """A closed port, and no replica at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert read(source(f"http://127.0.0.1:{port}")).state is ReadingState.BLIND
    assert read(source()).state is ReadingState.BLIND


@pytest.mark.parametrize(
    "changed",
    [
        {"epoch": 2},
        {"counts": {"errors": {"": [9, 1]}, "helpful": {"": [4, 2]}}},
        {"counts": {"errors": {"": [11, 0]}}},
        {"counts": {"errors": {"": [11, 3]}, "helpful": {"": [4, 2]}}},
    ],
)
def test_a_restart_drops_that_replicas_tick(faulty: Faulty, changed: dict[str, Any]) -> None:
    """Another epoch or a counter that fell: said, never a negative number; the next tick counts again."""
    one = source(faulty.url)
    read(one)
    faulty.body = lambda: json.dumps(document(**changed)).encode()
    reading = read(one)
    assert (reading.state, reading.ticks) == (ReadingState.OK, ())
    assert reading.dropped[0][0] == "pod-0"
    assert "restarted" in reading.dropped[0][1]
    assert all(tick.n == 0 for tick in read(one).ticks)


def test_it_reads_what_the_sdk_writes() -> None:
    """Both ends, real: the SDK's own port."""
    own = Recorder(Identity(version=VERSION, replica="x", port=0))
    speaker = Speaker(own)
    speaker.start()
    host, port = speaker.address()
    one = source(f"http://{host}:{port}")
    read(one)
    for nanoseconds, status in ((10**8, 200), (3 * 10**8, 200), (10**8, 500)):
        own.state.shard().request(("GET", "/", status, True), nanoseconds)
    own.evaluate("helpful", False)
    assert counted(read(one)) == {"errors": (3, 1), "helpful": (1, 1), "latency": (3, 1)}
    speaker.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["version", "epoch", "at", "counts", "cells", "load"]), json_values)
@settings(max_examples=150)
def test_no_document_breaks_the_parser(key: str, value: object) -> None:
    """Whatever stands in a place: counts that add up, or CountsInvalid."""
    try:
        counts = parse(json.dumps(document(**{key: value})).encode(), BUDGETS)
    except CountsInvalid:
        return
    assert all(0 <= bad <= n for n, bad in counts.pairs.values())

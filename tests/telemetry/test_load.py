"""Load: what is sent, what is expected, and the client's own record of every request."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seaway.errors import SchemaError
from seaway.telemetry import sender
from seaway.telemetry.load import Expectation, Sent, pointed, shots
from seaway.telemetry.sender import Plan, loopback, run
from seaway_sdk import Observe
from seaway_sdk.conventions import POD_HEADER
from seaway_sdk.identity import Identity
from seaway_sdk.recorder import Recorder
from seaway_sdk.server import Speaker

pytestmark = pytest.mark.rootless

LINE = (
    '{"method":"POST","path":"/ask","headers":{"X-A":"b"},"json":{"q":1},'
    '"expect":{"helpful":{"at":"/titles","first":2,"has":"b"}}}'
)


class World:
    """An observed app behind a real server that names its pod, and the replica's telemetry port."""

    def __init__(self) -> None:
        self.titles: list[str] = ["a", "b", "c"]
        self.delay = 0.0
        self.pod = "127.0.0.1"
        self.seen: list[float] = []
        self.recorder = Recorder(Identity(version="0123456789", replica="x", port=0))
        self.speaker = Speaker(self.recorder)
        self.speaker.start()
        app = Starlette(routes=[Route("/ask", self._ask, methods=["POST"]), Route("/broken", self._broken)])
        self.server = uvicorn.Server(
            uvicorn.Config(Observe(app, recorder=self.recorder), port=0, log_level="error", lifespan="off")
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def plan(self, **changed: Any) -> Plan:
        port = self.speaker.address()[1]
        return Plan(**{"url": self.url, "rate": 50.0, "seconds": 0.4, "telemetry_port": port, **changed})

    async def _ask(self, request: Request) -> Response:
        self.seen.append(time.monotonic())
        await asyncio.sleep(self.delay)
        return JSONResponse({"titles": self.titles}, headers={POD_HEADER: self.pod})

    async def _broken(self, request: Request) -> Response:
        return JSONResponse({"titles": self.titles}, 500, headers={POD_HEADER: self.pod})

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.speaker.close()


@pytest.fixture
def world() -> Iterator[World]:
    """A running app."""
    one = World()
    yield one
    one.close()


def sent(lines: list[str], plan: Plan) -> list[Sent]:
    """The client's record."""
    records: list[Sent] = []
    assert run(shots(lines), plan, records.append) == len(records)
    return records


def test_every_request_is_recorded_with_its_pod_and_token(world: World) -> None:
    """50 a second for 0.4 s are 20, each with an answer."""
    records = sent([LINE], world.plan())
    assert len(records) == 20
    assert {(one.status, one.pod, one.failed, len(one.token)) for one in records} == {(200, "127.0.0.1", False, 72)}
    assert all(one.outcomes == {"helpful": True} for one in records)


def test_outcomes_reach_the_pod_apart_from_users(world: World) -> None:
    """The replica counts its own bad answers, as load."""
    world.titles = ["a", "c", "b"]
    sent([LINE], world.plan())
    total = world.recorder.state.total()
    assert total.outcomes == {("helpful", True): [20, 20]}
    assert sum(total.requests["POST", "/ask", 200, True][:-1]) == 20


def test_the_loop_is_open(world: World) -> None:
    """A slow app gets requests no less often, and waiting counts as latency."""
    world.delay = 0.5
    records = sent([LINE], world.plan())
    assert len(records) == 20
    assert max(world.seen) - min(world.seen) < 0.5
    assert min(one.seconds for one in records) >= 0.5


def test_a_server_error_is_a_failure_and_no_label(world: World) -> None:
    """An answer that failed says nothing about quality."""
    broken = LINE.replace("/ask", "/broken").replace("POST", "GET")
    records = sent([broken], world.plan())
    assert {(one.status, one.failed) for one in records} == {(500, True)}
    assert world.recorder.state.total().outcomes == {}


def test_nobody_there_is_recorded_not_raised() -> None:
    """A refused connection is a failed request with a reason."""
    records = sent([LINE], Plan("http://127.0.0.1:1", rate=20, seconds=0.2))
    assert len(records) == 4
    assert all(one.status == 0 and "no connection" in one.fault for one in records)


def test_no_answer_in_time_is_recorded(world: World) -> None:
    """Patience ends."""
    world.delay = 5.0
    records = sent([LINE], world.plan(seconds=0.1, patience=0.2))
    assert all("within 0.2 s" in one.fault for one in records)


def test_what_is_too_much_in_flight_is_recorded_as_not_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; what was due and not sent is a failure of its own."""
    monkeypatch.setattr(sender, "IN_FLIGHT", 5)
    world.delay = 1.0
    records = sent([LINE], world.plan())
    assert sum("not sent" in one.fault for one in records) == 15


def test_a_plan_stops_when_told(world: World) -> None:
    """`stop` ends an endless plan."""
    until = time.monotonic() + 0.2
    records = sent([LINE], world.plan(seconds=None, stop=lambda: time.monotonic() > until))
    assert 0 < len(records) < 20


def test_a_pod_elsewhere_is_told_nothing(world: World) -> None:
    """A hostile header does not make us call out."""
    world.pod = "localhost"  # a name: what it leads to is somebody else's word
    sent([LINE], world.plan())
    assert world.recorder.state.total().outcomes == {}


@pytest.mark.parametrize(
    ("pod", "admitted"),
    [
        ("127.3.2.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost", False),
        ("", False),
        ("127.0.0.1:80", False),
    ],
)
def test_only_loopback_addresses_are_admitted(pod: str, admitted: bool) -> None:
    """By address, never by name."""
    assert loopback(pod) is admitted


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "not a request"),
        ("[]", "not a request"),
        ("{}", "path"),
        ('{"path":"ask"}', "begins with /"),
        ('{"path":"/a\\r\\nx: y"}', "begins with /"),
        ('{"path":"/","headers":{"a":"b\\nc"}}', "begins with /"),
        ('{"path":"/","methd":"GET"}', "methd"),
        ('{"path":"/","expect":{"a":{"at":"/x","first":0,"has":1}}}', "first"),
        ('{"path":"/","expect":{"a":{"at":"/x","has":1}}}', "exactly"),
        ('{"path":"/","expect":[1]}', "not a request"),
    ],
)
def test_a_line_that_is_no_request_is_refused_with_its_place(line: str, says: str) -> None:
    """file:line and what is wrong."""
    with pytest.raises(SchemaError, match=says) as caught:
        shots(['{"path":"/"}', "", line], "load.jsonl")
    assert caught.value.where == "load.jsonl:3"


def test_nothing_to_send_is_an_error() -> None:
    """An empty file is not a load."""
    with pytest.raises(SchemaError, match="no request"):
        shots(["", " "])


@pytest.mark.parametrize(("pointer", "found"), [("", {"a": [{"b/c": 7}]}), ("/a/0/b~1c", 7), ("/a", [{"b/c": 7}])])
def test_a_pointer_points(pointer: str, found: object) -> None:
    """RFC 6901."""
    assert pointed({"a": [{"b/c": 7}]}, pointer) == found


@pytest.mark.parametrize("pointer", ["a", "/b", "/a/1", "/a/-1", "/a/x", "/a/0/b~1c/0"])
def test_a_pointer_to_nowhere_is_not_met(pointer: str) -> None:
    """A missing place is a bad outcome, not a crash."""
    assert Expectation("x", pointer, 1, 7).met({"a": [{"b/c": 7}]}) is False


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=80)
def test_an_expectation_looks_at_the_first_values_only(values: list[int], first: int, has: int) -> None:
    """Met exactly if the value is among the first."""
    assert Expectation("x", "/v", first, has).met(json.loads(json.dumps({"v": values}))) is (has in values[:first])

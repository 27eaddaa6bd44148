"""The middleware counts what happened, under few names, and never stands in the way."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from tests.sdk.asgi import VERSION, ask, recorder

from seaway_sdk import JsonFormatter, Observe, current_request, token
from seaway_sdk import conventions as names
from seaway_sdk.exposition import counts
from seaway_sdk.recorder import Recorder
from seaway_sdk.state import Key

pytestmark = pytest.mark.rootless


async def _hello(request: Request) -> Response:
    return PlainTextResponse(current_request() or "none")


async def _broken(request: Request) -> Response:
    raise RuntimeError("the app's own fault")


async def _unwell(request: Request) -> Response:
    return PlainTextResponse("no", 503)


def app_of(own: Recorder, **options: Any) -> Observe:
    """A small app, observed."""
    inner = [Route("/{name}", _hello)]
    routes = [
        Route("/broken", _broken),
        Route("/unwell", _unwell),
        Mount("/in", routes=inner),
        Route("/items/{id}", _broken),
    ]
    return Observe(Starlette(routes=[*routes, Route("/", _hello)]), recorder=own, **options)


def series(own: Recorder) -> dict[Key, int]:
    """How often each series was counted."""
    return {key: sum(cells[:-1]) for key, cells in own.state.total().requests.items()}


def said(own: Recorder) -> Any:
    """The document of counts."""
    return json.loads(counts(own))


def test_a_request_is_counted_by_method_route_and_status() -> None:
    """The three labels of a series."""
    own = recorder()
    ask(app_of(own))
    ask(app_of(own), "/unwell", method="POST")
    assert series(own) == {("GET", "/", 200, False): 1, ("POST", "/unwell", 405, False): 1}


def test_raw_paths_do_not_explode() -> None:
    """A thousand paths of one route, and a thousand of none, are two series."""
    own = recorder()
    app = app_of(own)
    for number in range(50):
        ask(app, f"/in/{number}")
        ask(app, f"/nothing/{number}/here")
    assert series(own) == {("GET", "/in/{name}", 200, False): 50, ("GET", names.UNMATCHED_ROUTE, 404, False): 50}


def test_an_unknown_method_is_other() -> None:
    """A client cannot make series by inventing methods."""
    own = recorder()
    ask(app_of(own), method="PROPFIND")
    assert {key[0] for key in series(own)} == {names.OTHER_METHOD}


def test_the_answer_carries_a_token_of_this_version() -> None:
    """What the client sees is what the app sees."""
    reply = ask(app_of(recorder(key=b"secret")))
    read = token.parse(reply.headers[names.REQUEST_HEADER])
    assert reply.body.decode() == reply.headers[names.REQUEST_HEADER]
    assert read.version == VERSION
    assert read.standing(b"secret") is token.Standing.VERIFIED


def test_two_requests_have_two_tokens() -> None:
    """Trace ids are not repeated."""
    app = app_of(recorder())
    assert ask(app).headers[names.REQUEST_HEADER] != ask(app).headers[names.REQUEST_HEADER]


def test_a_trace_that_came_in_goes_into_the_token() -> None:
    """W3C trace context is continued."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = ask(app_of(recorder()), headers=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
    assert token.parse(reply.headers[names.REQUEST_HEADER]).trace == trace


@pytest.mark.parametrize(
    "malformed", ["", "00-xyz", f"00-{'0' * 32}-00f067aa0ba902b7-01", "00-" + "A" * 32 + "-00f067aa0ba902b7-01"]
)
def test_a_malformed_trace_starts_a_new_one(malformed: str) -> None:
    """A hostile header neither fails the request nor enters the token."""
    reply = ask(app_of(recorder()), headers=[("traceparent", malformed)])
    trace = token.parse(reply.headers[names.REQUEST_HEADER]).trace
    assert reply.status == 200
    assert trace.strip("0")


def test_load_is_counted_apart() -> None:
    """A request sent by `seaway load` is not a user's."""
    own = recorder()
    ask(app_of(own), headers=[(names.LOAD_HEADER, "1")])
    ask(app_of(own))
    assert said(own)["counts"]["errors"][""] == [1, 0]
    assert said(own)["load"]["counts"]["errors"][""] == [1, 0]


def test_an_exception_is_the_apps_and_counted_as_500() -> None:
    """The app's own error passes through untouched."""
    own = recorder()
    app = app_of(own)
    for path in ("/broken", "/unwell", "/"):
        try:
            ask(app, path)
        except RuntimeError as error:
            assert str(error) == "the app's own fault"
    assert said(own)["counts"]["errors"][""] == [3, 2]


def test_ignored_paths_are_not_counted() -> None:
    """Health checks are nobody's requests."""
    own = recorder()
    ask(app_of(own, ignore=["/unwell"]), "/unwell")
    assert series(own) == {}


def test_a_middleware_twice_counts_once() -> None:
    """Wrapping again changes nothing."""
    own = recorder()
    ask(Observe(app_of(own), recorder=own))
    assert sum(series(own).values()) == 1


def test_a_client_that_leaves_is_not_an_error_of_the_app() -> None:
    """Cancelled in mid-stream: no bad outcome."""

    async def endless(request: Request) -> Response:
        async def parts() -> Any:
            yield b"a"
            raise ConnectionResetError("gone")

        return StreamingResponse(parts())

    own = recorder()
    with pytest.raises(ConnectionResetError):
        ask(Observe(Starlette(routes=[Route("/", endless)]), recorder=own))
    assert said(own)["counts"]["errors"][""] == [1, 0]


def test_a_fault_after_the_first_byte_is_an_error() -> None:
    """A 200 that breaks off by the app's own fault is bad."""

    async def torn(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("half way")

    own = recorder()
    with pytest.raises(ValueError, match="half way"):
        ask(Observe(torn, recorder=own))
    assert said(own)["counts"]["errors"][""] == [1, 1]


def test_duration_ends_with_the_last_byte() -> None:
    """What the app does after its answer is not the client's waiting."""

    async def slow_afterwards(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})
        await asyncio.sleep(0.3)

    own = recorder()
    ask(Observe(slow_afterwards, recorder=own))
    ((cells),) = own.state.total().requests.values()
    assert cells[-1] < 200_000_000


def test_an_app_of_another_shape_is_unmatched() -> None:
    """No routes, no scope entries: still counted."""

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = plain
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body", "body": b""})

    own = recorder()
    assert ask(Observe(plain, recorder=own)).status == 204
    assert series(own) == {("GET", names.UNMATCHED_ROUTE, 204, False): 1}


def test_series_are_bounded() -> None:
    """Past the limit new series share one name, and that is counted."""
    own = recorder()
    shard = own.state.shard()
    for number in range(names.SERIES_LIMIT + 10):
        shard.request(("GET", f"/{number}", 200, False), 1)
    total = own.state.total()
    assert len(total.requests) == names.SERIES_LIMIT + 1
    assert sum(total.requests["_OTHER", names.OVERFLOW_ROUTE, 200, False][:-1]) == 10
    assert total.dropped == {"series": 10}


def test_no_request_outside_of_one() -> None:
    """The token is the request's, not the process'."""
    assert current_request() is None


def test_a_log_line_in_a_request_names_it() -> None:
    """Logs are tied to requests by the token."""
    lines: list[dict[str, Any]] = []

    async def logging_app(scope: Any, receive: Any, send: Any) -> None:
        record = logging.LogRecord("rag", logging.INFO, "", 0, "asked %d", (3,), None)
        record.api_key = "hunter2"
        lines.append(json.loads(JsonFormatter().format(record)))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    reply = ask(Observe(logging_app, recorder=recorder()))
    assert lines[0]["request"] == reply.headers[names.REQUEST_HEADER]
    assert lines[0]["body"] == "asked 3"
    assert lines[0]["attributes"] == {"api_key": "[redacted]"}

"""The ASGI middleware: counts each request, gives it a token, and stays out of the way.

Duration ends with the last body byte, not with the tasks that follow. A client that leaves is not an error of the
app. A fault in here is a counted drop; the app's own exceptions pass through untouched.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter_ns
from typing import Any

from seaway_sdk import conventions as names
from seaway_sdk.recorder import CURRENT, Recorder, of_process
from seaway_sdk.routes import Routes
from seaway_sdk.server import speak

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LOAD = names.LOAD_HEADER.encode()
_REQUEST = names.REQUEST_HEADER.encode()
_MARK = "seaway.observed"


class Observe:
    """Wraps an ASGI app: `app.add_middleware(Observe)`; paths in `ignore` (health checks) are not counted."""

    def __init__(self, app: App, ignore: Iterable[str] = (), recorder: Recorder | None = None) -> None:
        self.app = app
        self._ignored = frozenset(ignore)
        self._recorder = recorder
        self._routes = Routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = self._recorder or of_process()
        if self._recorder is None:
            speak(own)
        if scope["type"] != "http" or scope.get("path") in self._ignored or _MARK in scope:
            await self.app(scope, receive, send)
            return
        scope[_MARK] = True
        exchange = _Exchange(own, scope, send)
        variable = CURRENT.set((exchange.token, exchange.load))
        own.state.active += 1
        try:
            await self.app(scope, receive, exchange.send)
        except BaseException as error:
            exchange.fail(error)
            raise
        finally:
            own.state.active -= 1
            CURRENT.reset(variable)
            exchange.count(self._routes)


class _Exchange:
    """One request on its way: when it began, what was answered."""

    __slots__ = ("_began", "_ended", "_recorder", "_scope", "_send", "load", "status", "token")

    def __init__(self, own: Recorder, scope: Scope, send: Send) -> None:
        self._began = perf_counter_ns()
        self._ended = 0
        self._recorder = own
        self._scope = scope
        self._send = send
        self.status = 0
        self.load = False
        trace = None
        for name, value in scope["headers"]:
            if name == _LOAD:
                self.load = True
            elif name == b"traceparent":
                trace = _trace(value)
        self.token = own.token(trace)

    async def send(self, message: Message) -> None:
        """Passes a message on, with the token in the first one."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), (_REQUEST, self.token.encode())]}
        await self._send(message)
        if kind == "http.response.body" and not message.get("more_body"):
            self._ended = perf_counter_ns()

    def fail(self, error: BaseException) -> None:
        """Notes how the app ended: its own fault is a 500, even after a first byte; a client that left is not."""
        left = isinstance(error, OSError) or not isinstance(error, Exception)  # cancelled with the connection
        if not (self.status and left) and not self._ended:
            self.status = 500

    def count(self, routes: Routes) -> None:
        """Counts the request under its template."""
        method = self._scope["method"]
        known = method if method in names.METHODS else names.OTHER_METHOD
        try:
            route = routes.template(self._scope)
        except (AttributeError, TypeError, ValueError):  # an app of another shape
            self._recorder.state.shard().drop("route")
            route = names.UNMATCHED_ROUTE
        took = (self._ended or perf_counter_ns()) - self._began
        self._recorder.state.shard().request((known, route, self.status or 499, self.load), took)


def _trace(value: bytes) -> bytes | None:
    """Takes the trace id of a W3C traceparent; a malformed one, or all zeros, starts a new trace."""
    match = _TRACEPARENT.fullmatch(value)
    if not match or not match[1].strip(b"0"):
        return None
    return bytes.fromhex(match[1].decode())

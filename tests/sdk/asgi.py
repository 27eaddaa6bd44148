"""Drives an ASGI app without a server: one request in, the messages out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seaway_sdk.identity import Identity
from seaway_sdk.middleware import App, Message
from seaway_sdk.recorder import Recorder

VERSION = "0123456789"


@dataclass(frozen=True)
class Reply:
    """What an app sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def recorder(key: bytes = b"", **fields: Any) -> Recorder:
    """A recorder of its own, apart from the process' one."""
    return Recorder(Identity(version=VERSION, replica="pod-1", key=key, port=0, **fields))


def ask(app: App, path: str = "/", *, method: str = "GET", headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """Sends one request through the app."""
    sent: list[Message] = []
    given: list[bool] = []

    async def receive() -> Message:
        if given:
            await asyncio.Event().wait()  # a client that stays sends nothing more
        given.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    start: Message = sent[0] if sent else {"status": 0, "headers": ()}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Reply(start["status"], {k.decode(): v.decode() for k, v in start.get("headers", ())}, body)

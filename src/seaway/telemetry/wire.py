"""HTTP/1.1 on asyncio streams, plain and to addresses of our own: replicas' telemetry ports and the app's front.

Bounded in bytes; time is bounded by the caller (`asyncio.timeout`). Redirects are answers like any other. Anything that
leaves this machine goes through `seaway.http` instead.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from seaway.telemetry.message import Request, Response

HEADERS_LIMIT = 65_536


class WireError(Exception):
    """The other side did not answer, or not in HTTP/1.1 within the limits; says what happened."""


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port of a plain HTTP server."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads `http://HOST[:PORT]`; raises ValueError for anything more or less."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
            raise ValueError(f"{url!r} is not http://HOST:PORT")
        return cls(parts.hostname, parts.port or 80)


class Connection:
    """One connection, one request at a time."""

    def __init__(self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = f"{address.host}:{address.port}"
        self._reader = reader
        self._writer = writer
        self._closing = False

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connects; raises WireError."""
        try:
            return cls(address, *await asyncio.open_connection(address.host, address.port, limit=HEADERS_LIMIT))
        except OSError as error:
            raise WireError(f"no connection to {address.host}:{address.port}: {error.strerror or error}") from error

    @property
    def usable(self) -> bool:
        """Tells whether another request may be sent; the other side may have closed meanwhile."""
        return not self._closing and not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, request: Request, limit: int) -> Response:
        """Sends a request and reads the whole response, at most `limit` bytes of body; raises WireError."""
        self._closing = True
        try:
            self._writer.write(self._bytes(request))
            await self._writer.drain()
            response, keep = await _read(self._reader, request.method, limit)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise WireError(f"{self._host} gave no answer in HTTP: {error}") from error
        self._closing = not keep
        return response

    def close(self) -> None:
        """Closes at once."""
        self._writer.close()

    def _bytes(self, request: Request) -> bytes:
        given = {"host": self._host, "content-length": str(len(request.body)), **request.headers}
        lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a header")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body


async def fetch(address: Address, path: str, *, seconds: float, limit: int) -> bytes:
    """Gets one document whole within `seconds`; raises WireError, also for any status but 200."""
    connection = None
    try:
        async with asyncio.timeout(seconds):
            connection = await Connection.open(address)
            response = await connection.send(Request("GET", path, {"connection": "close"}), limit)
    except TimeoutError as error:
        raise WireError(f"{address.host}:{address.port} gave no answer within {seconds:g} s") from error
    finally:
        if connection:
            connection.close()
    if response.status != 200:
        raise WireError(f"{address.host}:{address.port} answered {response.status}")
    return response.body


async def _read(reader: asyncio.StreamReader, method: str, limit: int) -> tuple[Response, bool]:
    status, headers = await _head(reader)
    while 100 <= status < 200:
        status, headers = await _head(reader)
    keep = headers.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304):
        return Response(status, headers, b""), keep
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Response(status, headers, await _chunks(reader, limit)), keep
    if "content-length" not in headers:
        return Response(status, headers, await _rest(reader, limit)), False
    length = _number(headers["content-length"], 10)
    return Response(status, headers, await reader.readexactly(_within(length, limit))), keep


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    first = lines[0].split(" ", 2)
    if len(first) < 2 or not first[0].startswith("HTTP/1.") or len(first[1]) != 3:
        raise ValueError(f"{lines[0][:80]!r} is no status line")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return _number(first[1], 10), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while size := _number((await reader.readuntil(b"\r\n")).partition(b";")[0].decode("latin-1").strip(), 16):
        body += await reader.readexactly(_within(len(body) + size, limit) - len(body))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return bytes(body)


async def _rest(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    while block := await reader.read(65_536):
        body += block
        _within(len(body), limit)
    return bytes(body)


def _number(text: str, base: int) -> int:
    if not text.isascii() or not text.isalnum() or len(text) > 16:
        raise ValueError(f"{text[:40]!r} is no length")
    return int(text, base)


def _within(length: int, limit: int) -> int:
    if length > limit:
        raise ValueError(f"more than {limit} bytes")
    return length

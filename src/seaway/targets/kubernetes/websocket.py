"""A WebSocket as a client speaks it (RFC 6455), as far as an API server's streams need: whole binary messages.

Nothing here connects; bytes come in and frames go out, so that it is tested without a server.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
LARGEST = 16 << 20
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Read = Callable[[int], bytes]


class Broken(Exception):
    """The other side does not speak the protocol, or has gone."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: what it is, and its payload."""

    opcode: int
    payload: bytes
    final: bool = True


def upgrade(host: str, path: str, key: str, protocols: tuple[str, ...], headers: dict[str, str]) -> bytes:
    """Returns the request that asks for a WebSocket (RFC 6455, section 4.1)."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {', '.join(protocols)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def accepts(head: bytes, key: str) -> bool:
    """Whether a response grants the WebSocket that was asked for with this key (section 4.2.2)."""
    lines = head.decode("latin-1").split("\r\n")
    named = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
    said = next(
        (line.split(":", 1)[1].strip() for line in lines[1:] if line.lower().startswith("sec-websocket-accept:")), ""
    )
    wanted = base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
    return lines[0].split(" ")[1:2] == ["101"] and "upgrade" in named.get("connection", "") and said == wanted


def frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """Returns a client's frame, masked by four bytes (section 5.2)."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def read_frame(read: Read) -> Frame:
    """Reads a server's frame; `read` gives exactly so many bytes. Raises Broken for anything else."""
    first, second = read(2)
    size = second & 0x7F
    if second & 0x80 or first & 0x70:
        raise Broken("a server's frame is neither masked nor extended")
    if size == 126:
        (size,) = struct.unpack(">H", read(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", read(8))
    if size > LARGEST:
        raise Broken(f"a frame of {size} bytes")
    return Frame(first & 0x0F, read(size) if size else b"", bool(first & 0x80))

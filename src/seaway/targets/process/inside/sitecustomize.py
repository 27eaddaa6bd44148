"""Moves a Python program's listening sockets to its replica's own address; then the app's own `sitecustomize`.

All replicas of a service share the host's network, so `0.0.0.0:8000` would collide. Rules: an IPv4 wildcard or
loopback bind goes to SEAWAY_ADDRESS; an IPv6 wildcard with V6ONLY to a free port of `::1` (its IPv4 twin serves),
without it to the IPv4-mapped own address; a connection to loopback on one of SEAWAY_PORTS goes to the replica
itself. Port 0 is left alone. Runs under the image's own Python, so it keeps to what 3.8 knows.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from pathlib import Path
from typing import Any

_ADDRESS = os.environ.get("SEAWAY_ADDRESS", "")
_PORTS = {int(port) for port in os.environ.get("SEAWAY_PORTS", "").split(",") if port}
_LOOPBACK = ("127.0.0.1", "localhost")
_bind = socket.socket.bind
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _is_address(sock: socket.socket, address: object) -> bool:
    inet = sock.family in (socket.AF_INET, socket.AF_INET6)
    return inet and isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int)


def _listen_at(sock: socket.socket, address: tuple[Any, ...]) -> tuple[Any, ...]:
    host, port = address[0], address[1]
    if not port:
        return address
    if sock.family == socket.AF_INET and host in ("", "0.0.0.0", *_LOOPBACK):
        _PORTS.add(port)
        return (_ADDRESS, port)
    if sock.family == socket.AF_INET6 and host in ("", "::"):
        if sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
            return ("::1", 0)
        _PORTS.add(port)
        return ("::ffff:" + _ADDRESS, port)
    return address


def _reach_at(sock: socket.socket, address: tuple[Any, ...]) -> tuple[Any, ...]:
    if sock.family == socket.AF_INET and address[0] in _LOOPBACK and address[1] in _PORTS:
        return (_ADDRESS, address[1])
    return address


class _Socket(socket.socket):
    """The class that carries the moved methods; its methods are put on `socket.socket` below."""

    def bind(self, address: Any) -> None:
        """Binds where the replica may."""
        return _bind(self, _listen_at(self, address) if _is_address(self, address) else address)

    def connect(self, address: Any) -> None:
        """Connects, to the replica itself where it means itself."""
        return _connect(self, _reach_at(self, address) if _is_address(self, address) else address)

    def connect_ex(self, address: Any) -> int:
        """Connects as `connect` does, with an error number for an exception."""
        return _connect_ex(self, _reach_at(self, address) if _is_address(self, address) else address)


def _load_own() -> None:
    here = Path(__file__).resolve().parent
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != here]
    this = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if this is not None:
            sys.modules["sitecustomize"] = this


if _ADDRESS:
    for _name in ("bind", "connect", "connect_ex"):
        setattr(socket.socket, _name, _Socket.__dict__[_name])
_load_own()

"""A wire to a server that can be cut: what goes to the server is counted, and after so many bytes the line is dead."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Wire:
    """A running relay; `cuts` are the numbers of bytes after which a connection breaks, each used once."""

    host: str
    cuts: list[int] = field(default_factory=list)
    sent: int = 0
    broken: int = 0


@contextmanager
def wire_to(host: str) -> Iterator[Wire]:
    """Relays a free port on loopback to `host`, a name with a port."""
    name, _, port = host.rpartition(":")
    server = socket.create_server(("127.0.0.1", 0))
    wire = Wire(f"127.0.0.1:{server.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((name, int(port)))
            except OSError:
                near.close()
                continue
            threading.Thread(target=_forth, args=(wire, near, far), daemon=True).start()
            threading.Thread(target=_back, args=(far, near), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield wire
    finally:
        server.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept, which closing does not
        server.close()


def _forth(wire: Wire, near: socket.socket, far: socket.socket) -> None:
    passed = 0
    try:
        while block := near.recv(1 << 16):
            passed += len(block)
            wire.sent += len(block)
            far.sendall(block)
            if wire.cuts and passed > wire.cuts[0]:
                wire.cuts.pop(0)
                wire.broken += 1
                break
    except OSError:
        pass
    _end(near, far)


def _back(far: socket.socket, near: socket.socket) -> None:
    try:
        while block := far.recv(1 << 16):
            near.sendall(block)
    except OSError:
        pass
    _end(near, far)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

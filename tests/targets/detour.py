"""A stand-in before Envoy's administration interface: it passes on what Envoy says, or fails in a way it is told.

It speaks raw TCP, since a reset, a torn and a dripping answer cannot be had from a polite server.
"""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
import urllib.request
from typing import Any

MODES = ("silent", "500", "nan", "reset", "truncated", "drip", "prose")
_HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


class Detour(socketserver.ThreadingTCPServer):
    """Listens on `address` and asks `source`, the base URL of the real interface."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], source: str) -> None:
        super().__init__(address, _Handler)
        self.source = source
        self.how = ""
        self.asked = 0
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *error: Any) -> None:
        self.over.set()
        self.shutdown()
        super().__exit__(*error)


class _Handler(socketserver.StreamRequestHandler):
    server: Detour

    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        self.server.asked += 1
        try:
            self._say(self.server.how, path)
        except OSError:
            pass  # whoever asked has gone: that is what some of the faults are for

    def _say(self, how: str, path: str) -> None:
        with urllib.request.urlopen(self.server.source + path, timeout=5) as answer:
            body = answer.read()
        if how == "nan":
            body, changed = re.subn(rb'("(?:value|cumulative)": ?)"?\d+"?', rb"\1NaN", body)
            assert changed
        if how == "silent":
            self.server.over.wait(10)
        elif how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "500":
            self._write(_HEAD % (500, 2) + b"{}")
        elif how == "prose":
            self._write(_HEAD % (200, 6) + b"<html>")
        elif how == "truncated":
            self._write(_HEAD % (200, len(body)) + body[: len(body) // 2])
        elif how == "drip":
            self._drip(_HEAD % (200, len(body)) + body)
        else:
            self._write(_HEAD % (200, len(body)) + body)

    def _drip(self, data: bytes) -> None:
        for place in range(0, len(data), 64):
            self._write(data[place : place + 64])
            if self.server.over.wait(0.2):
                return

    def _write(self, data: bytes) -> Any:
        self.wfile.write(data)
        self.wfile.flush()

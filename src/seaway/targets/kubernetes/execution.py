"""A command inside a running container: the API server's `exec` over a WebSocket (v5.channel.k8s.io).

The first byte of a message is its channel: 0 input, 1 output, 2 errors, 3 how it ended. Input ends with a close of
channel 0, which the older protocol (v4) does not have: there the command never sees an end.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from seaway.errors import ClusterRefused, ClusterUnreachable
from seaway.targets.kubernetes.cluster import PODS
from seaway.targets.kubernetes.kubeconfig import Access
from seaway.targets.kubernetes.websocket import BINARY, CLOSE, PING, PONG, Broken, accepts, frame, read_frame, upgrade

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
INPUT, OUTPUT, ERRORS, ENDED, OVER = 0, 1, 2, 3, 255
_CHUNK = 32 << 10
_CONNECT = 10.0


def execute(access: Access, namespace: str, pod: str, argv: Sequence[str], files: tuple[int, int, int]) -> int:
    """Runs a command in a pod's container with these three files; returns its exit code."""
    query = urlencode(
        [*(("command", word) for word in argv), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    )
    stream = _Stream(access, f"{PODS.path(namespace, pod)}/exec?{query}")
    try:
        threading.Thread(target=stream.feed, args=(files[0],), daemon=True).start()
        return stream.pour(files[1], files[2])
    except (OSError, Broken) as error:
        raise ClusterUnreachable(f"the command's stream broke: {error}", where=f"Pod/{pod}") from error
    finally:
        stream.close()


class _Stream:
    """One WebSocket to one command."""

    def __init__(self, access: Access, path: str) -> None:
        parts = urlsplit(access.server)
        host, port = parts.hostname or "", parts.port or 443
        try:
            plain = socket.create_connection((host, port), _CONNECT)
            self._socket: ssl.SSLSocket = access.tls.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            raise ClusterUnreachable(f"the API server does not answer: {error}", where=access.server) from error
        self._lock = threading.Lock()
        self._buffer = b""
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        whole = f"{parts.path.rstrip('/')}{path}"
        self._socket.sendall(upgrade(f"{host}:{port}", whole, key, PROTOCOLS, access.headers(time.time())))
        head = self._head()
        if not accepts(head, key):
            said = head.split(b"\r\n")[0].decode("latin-1")
            raise ClusterRefused(f"the API server refused: {said}", where=path.partition("?")[0])
        self._socket.settimeout(None)

    def close(self) -> None:
        """Closes the connection."""
        with suppress(OSError):
            self._socket.close()

    def feed(self, file: int) -> None:
        """Passes a file on as the command's input until it ends."""
        with suppress(OSError):
            while data := os.read(file, _CHUNK):
                self._send(BINARY, bytes([INPUT]) + data)
            self._send(BINARY, bytes([OVER, INPUT]))

    def pour(self, output: int, errors: int) -> int:
        """Writes what the command says until it has ended; returns its exit code."""
        files = {OUTPUT: output, ERRORS: errors}
        while True:
            found = read_frame(self._exactly)
            if found.opcode == PING:
                self._send(PONG, found.payload)
            elif found.opcode == CLOSE:
                raise Broken("closed before the command ended")
            elif found.payload[:1] == bytes([ENDED]):
                return exit_code(json.loads(found.payload[1:]))
            elif found.payload and found.payload[0] in files:
                _write(files[found.payload[0]], found.payload[1:])

    def _send(self, opcode: int, payload: bytes) -> None:
        with self._lock:
            self._socket.sendall(frame(opcode, payload, secrets.token_bytes(4)))

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self._socket.recv(_CHUNK)
            if not data:
                raise Broken("the API server hung up")
            self._buffer += data
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            data = self._socket.recv(_CHUNK)
            if not data or len(self._buffer) > _CHUNK:
                raise ClusterUnreachable("the API server hung up", where=self._socket.server_hostname or "")
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def exit_code(status: dict[str, Any]) -> int:
    """Returns the exit code in a `Status`; raises ClusterRefused where the command never began."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ClusterRefused(f"the command did not begin: {status.get('message', 'no word of it')}")

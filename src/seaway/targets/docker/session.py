"""Commands in a running container by the engine's exec: quietly for a health check, or on this terminal.

The answer to `POST /exec/…/start` is the connection itself, upgraded: raw bytes both ways with a terminal, frames of
eight bytes of header and a payload without (Docker Engine API, "attach", stream format).
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from seaway.errors import EngineUnavailable
from seaway.targets.docker.api import EngineApi, UnixConnection
from seaway.targets.docker.frames import STDERR, Frames

TIMED_OUT = 124
LINGER = 10.0  # seconds
_CHUNK = 1 << 16


def run_quietly(api: EngineApi, container: str, argv: Sequence[str], seconds: float) -> int:
    """Runs a command without input and output and returns its exit code, 124 when its time was over.

    The engine cannot end a command, so one whose time is over is waited for a while longer: a check that is asked
    again meanwhile would run beside the last one, and on a busy machine more and more of them.
    """
    made = api.post(f"/containers/{container}/exec", {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True})
    began = time.monotonic()
    with _upgraded(api, made["Id"], terminal=False) as stream:
        while (left := began + max(LINGER, 3 * seconds) - time.monotonic()) > 0:
            stream.settimeout(left)
            try:
                if not stream.recv(_CHUNK):
                    in_time = time.monotonic() - began <= seconds
                    return _code(api, made["Id"]) if in_time else TIMED_OUT
            except TimeoutError:
                break
    return TIMED_OUT


def attend(api: EngineApi, container: str, argv: Sequence[str]) -> int:
    """Runs a command on this terminal, or on this program's input and output, and returns its exit code."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    streams = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    made = api.post(f"/containers/{container}/exec", {"Cmd": list(argv), "Tty": terminal, **streams})
    with _upgraded(api, made["Id"], terminal=terminal) as stream, _raw(terminal):
        if terminal:
            _follow_size(api, made["Id"])
        _pump(stream, _plain if terminal else _apart())
    return _code(api, made["Id"])


@contextmanager
def _upgraded(api: EngineApi, execution: str, *, terminal: bool) -> Iterator[socket.socket]:
    """Gives the connection that an exec's start becomes; bytes that came with the answer are not lost."""
    connection = UnixConnection(api.path, 30.0)
    body = json.dumps({"Detach": False, "Tty": terminal}).encode()
    headers = {"Content-Type": "application/json", "Connection": "Upgrade", "Upgrade": "tcp"}
    try:
        connection.connect()
        stream = connection.sock
        assert stream is not None
        head = f"POST {api.url(f'/exec/{execution}/start', {})} HTTP/1.1\r\nHost: docker\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + f"Content-Length: {len(body)}\r\n"
        stream.sendall(head.encode() + b"\r\n" + body)
        status = _head(stream)
        if b" 101 " not in status and b" 200 " not in status:
            raise EngineUnavailable(f"the engine did not start it: {status.decode(errors='replace').strip()}")
        stream.settimeout(None)
        yield stream
    finally:
        connection.close()


def _head(stream: socket.socket) -> bytes:
    """Reads an answer's head a byte at a time, so that what follows stays in the socket; returns its status line."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _CHUNK:
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    return head.partition(b"\r\n")[0] + b" "


def _code(api: EngineApi, execution: str) -> int:
    found: dict[str, Any] = api.get(f"/exec/{execution}/json")
    return int(found["ExitCode"] if found["ExitCode"] is not None else TIMED_OUT)


def _pump(stream: socket.socket, show: Callable[[bytes], None]) -> None:
    """Carries bytes both ways until the command's side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        source = sys.stdin.fileno()
        try:
            selector.register(source, selectors.EVENT_READ)
        except PermissionError:  # a plain file is always readable and cannot be waited for
            stream.sendall(sys.stdin.buffer.read())
            stream.shutdown(socket.SHUT_WR)
        while True:
            for key, _events in selector.select():
                if key.fileobj is stream:
                    data = stream.recv(_CHUNK)
                    if not data:
                        return
                    show(data)
                elif data := os.read(source, _CHUNK):
                    stream.sendall(data)
                else:
                    selector.unregister(source)
                    stream.shutdown(socket.SHUT_WR)


def _plain(data: bytes) -> None:
    os.write(1, data)


def _apart() -> Callable[[bytes], None]:
    frames = Frames()

    def show(data: bytes) -> None:
        for channel, payload in frames.feed(data):
            os.write(2 if channel == STDERR else 1, payload)

    return show


@contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    if not terminal:
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)


def _follow_size(api: EngineApi, execution: str) -> None:
    """Tells the engine the terminal's size, now and whenever it changes."""

    def tell(*_: object) -> None:
        rows, columns = struct.unpack("HH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(4)))
        api.post(f"/exec/{execution}/resize", h=rows, w=columns)

    signal.signal(signal.SIGWINCH, tell)
    tell()

"""The telemetry port: a thread of its own beside the app, on the replica's own address, never the app's port.

GET /metrics, /-/counts, /-/health; POST /-/labels. HTTP/1.1 with keep-alive, nothing more: 16 KiB of headers, 1 MiB of
body, 5 seconds of patience. A port in use is tried again each second (another worker may end). Only one process
speaks for a port: with several workers on one address the others' counts are not served yet.
"""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Mapping

from seaway_sdk import conventions as names
from seaway_sdk import exposition
from seaway_sdk.labels import LabelsInvalid
from seaway_sdk.recorder import Recorder

_PATIENCE = 5.0
_HEADERS_LIMIT = 16_384
_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
}

Answer = tuple[int, str, bytes, Mapping[str, str]]


def answer(recorder: Recorder, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Answers one request."""
    if path == names.LABELS_PATH:
        return _labelled(recorder, headers, body) if method == "POST" else _plain(405, "POST labels here")
    if path not in (names.METRICS_PATH, names.COUNTS_PATH, names.HEALTH_PATH):
        return _plain(404, "no such path")
    if method not in ("GET", "HEAD"):
        return _plain(405, "GET only")
    if path == names.METRICS_PATH:
        return 200, exposition.CONTENT_TYPE, exposition.text(recorder), {}
    if path == names.COUNTS_PATH:
        return 200, "application/json", exposition.counts(recorder), {}
    return _plain(200, "ok")


def _labelled(recorder: Recorder, headers: Mapping[str, str], body: bytes) -> Answer:
    try:
        refused = recorder.label(body, names.LOAD_HEADER in headers)
    except LabelsInvalid as error:
        return _plain(400, str(error))
    return 204, "text/plain", b"", {names.REFUSED_HEADER: str(refused)}


def _plain(status: int, says: str) -> Answer:
    return status, "text/plain; charset=utf-8", f"{says}\n".encode(), {}


class _Refused(Exception):
    """A request that cannot be read; carries the status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Connection(socketserver.StreamRequestHandler):
    """One connection, its requests one after the other."""

    timeout = _PATIENCE
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (OSError, ValueError):
            return  # the other side left or spoke no HTTP: nothing to answer

    def _one(self) -> bool:
        try:
            method, path, headers = self._head()
            if not method:
                return False
            body = self._body(headers)
        except _Refused as refused:
            self._send(_plain(refused.status, _REASONS[refused.status]), "GET", keep=False)
            return False
        keep = headers.get("connection", "").lower() != "close"
        self._send(answer(self.server.recorder, method, path.partition("?")[0], headers, body), method, keep=keep)
        return keep

    def _head(self) -> tuple[str, str, Mapping[str, str]]:
        first = self.rfile.readline(_HEADERS_LIMIT)
        parts = first.decode("latin-1").split()
        if not first.strip():
            return "", "", {}
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise _Refused(400)
        headers, left = {}, _HEADERS_LIMIT - len(first)
        while (line := self.rfile.readline(max(left, 1))).strip():
            left -= len(line)
            if left <= 0 or b":" not in line:
                raise _Refused(400)
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return parts[0], parts[1], headers

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise _Refused(400)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > 12:
            raise _Refused(400)
        if int(length) > names.LABEL_BYTES:
            raise _Refused(413)
        return self.rfile.read(int(length))

    def _send(self, given: Answer, method: str, *, keep: bool) -> None:
        status, kind, body, more = given
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"content-type: {kind}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        lines.append(f"connection: {'keep-alive' if keep else 'close'}")
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode() + (b"" if method == "HEAD" else body))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(address, _Connection)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # socketserver's signature
        """Counts a connection that ended badly; socketserver would print it."""
        self.recorder.state.shard().drop("telemetry_connection")


class Speaker:
    """Serves one recorder from a daemon thread until closed."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._server: _Server | None = None
        self._ended = threading.Event()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._run, name="seaway-telemetry", daemon=True)

    def start(self) -> None:
        """Starts the thread; binding happens there."""
        self._thread.start()

    def address(self, patience: float = _PATIENCE) -> tuple[str, int]:
        """Returns where it listens, once it does; raises TimeoutError."""
        if not self._bound.wait(patience) or self._server is None:
            raise TimeoutError("the telemetry port is not open")
        host, port = self._server.socket.getsockname()[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Stops serving."""
        self._ended.set()
        if self._server is not None:
            self._server.shutdown()

    def _run(self) -> None:
        who = self.recorder.identity
        while not self._ended.is_set():
            try:
                self._server = _Server((who.host, who.port), self.recorder)
            except OSError:
                self.recorder.state.shard().drop("telemetry_port")
                self._ended.wait(1.0)
                continue
            self._bound.set()
            with self._server:
                self._server.serve_forever(poll_interval=0.5)
            return


_speakers: dict[int, Speaker] = {}
_starting = threading.Lock()


def speak(recorder: Recorder) -> None:
    """Opens the telemetry port of this process, once; off where OTEL_SDK_DISABLED=true or the port is 0."""
    if os.getpid() in _speakers or not recorder.identity.port or os.environ.get("OTEL_SDK_DISABLED") == "true":
        return
    with _starting:
        if os.getpid() not in _speakers:
            _speakers.clear()  # a parent's: its thread did not come along
            _speakers[os.getpid()] = Speaker(recorder)
            _speakers[os.getpid()].start()

"""A small service of the standard library alone: it answers, counts what it answered, and lies when it is told to."""

import http.server
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
from typing import Any

TELEMETRY_PORT = 9464
MICROSECONDS = 1_000_000


class Counts:
    """Requests answered and how many were of no help; `how` is the way in which they are told."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n = self.bad = 0
        self.epoch = int(time.time() * MICROSECONDS)
        self.how = ""

    def add(self) -> None:
        with self.lock:
            self.n += 1
            self.bad += self.n % 3 == 0

    def document(self) -> dict[str, Any]:
        counts = {"helpful": {"": [self.n, self.bad]}}
        now = int(time.time() * MICROSECONDS)
        version = os.environ["SEAWAY_VERSION"]
        return {"version": version, "epoch": self.epoch, "at": now, "counts": counts, "cells": {}, "load": {}}


COUNTS = Counts()


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers with bodies whose length is said, and writes no line a request."""

    protocol_version = "HTTP/1.1"

    def say(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class names it
        pass


class Front(Quiet):
    """The service itself."""

    def do_GET(self) -> None:
        COUNTS.add()
        token = self.headers.get("x-seaway-request", "")
        body = json.dumps({"version": os.environ["SEAWAY_VERSION"], "word": WORD}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-seaway-request", token)
        self.send_header("x-seaway-pod", os.environ["SEAWAY_REPLICA"])
        self.end_headers()
        self.wfile.write(body)


class Told(Quiet):
    """The telemetry port: the counts, told as `/how?is=…` last said."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/how":
            COUNTS.how = urllib.parse.unquote(query.removeprefix("is="))
            self.say(200, b"")
            return
        if path != "/-/counts":
            self.say(404, b"")
            return
        if COUNTS.how == "silent":
            time.sleep(30)
        if COUNTS.how == "500":
            self.say(500, b"")
            return
        document = COUNTS.document()
        if COUNTS.how == "nan":
            document["counts"]["helpful"][""][1] = float("nan")
        if COUNTS.how == "reset":
            document["epoch"] = document["at"]
        self.tell(json.dumps(document).encode())

    def tell(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if COUNTS.how == "torn":
            body, self.close_connection = body[: len(body) // 2], True
        step = 1 if COUNTS.how == "drip" else len(body)
        for place in range(0, len(body), step):
            self.wfile.write(body[place : place + step])
            time.sleep(0.1 if step == 1 else 0.0)


class Server(http.server.ThreadingHTTPServer):
    """Many connections at once, ended at once."""

    daemon_threads = True
    request_queue_size = 128


WORD = "one"


def main() -> None:
    front = Server((sys.argv[1], int(sys.argv[2])), Front)
    told = Server((sys.argv[1], TELEMETRY_PORT), Told)
    threading.Thread(target=told.serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=front.shutdown).start())
    print("listening", flush=True)
    front.serve_forever()


if __name__ == "__main__":
    main()

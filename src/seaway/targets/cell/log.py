"""A program's output as JSON lines, rotated by size; a full disk is counted, never passed on to the program."""

from __future__ import annotations

import json
import os
import time

LINE = 16384


class Log:
    """The program's output as JSON lines `{"time", "stream", "log"}`, rotated by size; the newest has no number."""

    def __init__(self, path: str, size: int, files: int) -> None:
        self.path, self.size, self.files = path, size, files
        self.dropped = 0
        self.rest = {"stdout": b"", "stderr": b""}
        self.out = -1
        self.written = 0

    def open(self) -> None:
        """Opens the newest file at its end; raises OSError, on a full disk too."""
        self.out = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.written = os.fstat(self.out).st_size

    def feed(self, stream: str, data: bytes) -> None:
        """Takes bytes of a stream; writes whole lines, and very long ones in parts."""
        *lines, rest = (self.rest[stream] + data).split(b"\n")
        for line in lines:
            self.write(stream, line)
        while len(rest) > LINE:
            self.write(stream, rest[:LINE])
            rest = rest[LINE:]
        self.rest[stream] = rest

    def finish(self) -> None:
        """Writes what was left without a line end."""
        for stream, rest in self.rest.items():
            if rest:
                self.write(stream, rest)

    def write(self, stream: str, line: bytes) -> None:
        """Appends one line; on a full disk it is counted instead, and the count is written once there is room."""
        entry: dict[str, object] = {"time": round(time.time(), 6), "stream": stream}
        entry["log"] = line.decode("utf-8", "backslashreplace")
        if self.dropped:
            entry["dropped"] = self.dropped
        data = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        try:
            if self.out < 0:
                self.open()
            if self.written + len(data) > self.size:
                self.rotate()
            if os.write(self.out, data) < len(data):
                os.write(self.out, b"\n")
            self.written += len(data)
            self.dropped = 0
        except OSError:
            self.dropped += 1

    def rotate(self) -> None:
        """Moves each file one number up; the oldest is overwritten."""
        for number in range(self.files - 2, -1, -1):
            old = f"{self.path}.{number}" if number else self.path
            if os.path.exists(old):
                os.rename(old, f"{self.path}.{number + 1}")
        os.close(self.out)
        self.out = -1
        self.open()

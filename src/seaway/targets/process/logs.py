"""Reading the logs of cells: merged by time, old files included, followed through rotation and restarts.

They are read from the files, not from the agent: whoever may ask the agent may read them, and they are there when
nothing runs any more.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seaway.targets.process.record import read_json

LOG = "log.jsonl"


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line of a program: `at` in seconds since the epoch; `stream` stdout or stderr."""

    at: float
    pod: str
    service: str
    stream: str
    text: str


class LogReader(Protocol):
    """What was written, read as it comes."""

    def lines(self, services: Iterable[str] = ()) -> Iterator[LogLine]:
        """Yields what was written since the last call, oldest first; the first call yields all that is kept."""


class Logs:
    """The logs below one folder of cells."""

    def __init__(self, cells: Path) -> None:
        self._cells = cells
        self._read: dict[str, tuple[int, int]] = {}

    def lines(self, services: Iterable[str] = ()) -> Iterator[LogLine]:
        """Yields what was written since the last call, oldest first; the first call yields all that is kept."""
        wanted = set(services)
        found = [
            self._of(folder, str(replica["service"]))
            for folder in (sorted(self._cells.iterdir()) if self._cells.is_dir() else ())
            if (replica := read_json(folder / "replica.json")) and (not wanted or replica["service"] in wanted)
        ]
        yield from heapq.merge(*found)

    def _of(self, folder: Path, service: str) -> list[LogLine]:
        lines = []
        for path in self._unread(folder):
            key = path.stat()
            with path.open("rb") as stream:
                begin = self._read.get(folder.name, (0, 0))
                stream.seek(begin[1] if begin[0] == key.st_ino else 0)
                whole = stream.read().rpartition(b"\n")[0]
                place = (begin[1] if begin[0] == key.st_ino else 0) + (len(whole) + 1 if whole else 0)
            self._read[folder.name] = (key.st_ino, place)
            lines += [line for text in whole.splitlines() if (line := _line(text, folder.name, service))]
        return lines

    def _unread(self, folder: Path) -> list[Path]:
        """Returns the files from the one read last to the newest, oldest first."""
        numbered = sorted(folder.glob(f"{LOG}.*"), key=lambda path: -int(path.suffix[1:]))
        files = [*numbered, *([folder / LOG] if (folder / LOG).exists() else [])]
        last = self._read.get(folder.name, (0, 0))[0]
        for place, path in enumerate(files):
            if path.stat().st_ino == last:
                return files[place:]
        return files


def _line(text: bytes, pod: str, service: str) -> LogLine | None:
    """Reads a line; one torn by a full disk is left out."""
    try:
        entry = json.loads(text)
        return LogLine(float(entry["time"]), pod, service, str(entry["stream"]), str(entry["log"]))
    except (ValueError, KeyError, TypeError):
        return None

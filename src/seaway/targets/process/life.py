"""Processes known by pid and start time, so that a pid used again is never mistaken for the old process."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


def start_of(pid: int) -> int | None:
    """Returns when a process started, in clock ticks since boot; None if it is gone or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


@dataclass(frozen=True, slots=True)
class Life:
    """One process: its pid and when that pid started."""

    pid: int
    start: int

    @property
    def alive(self) -> bool:
        """Tells whether this very process still runs."""
        return start_of(self.pid) == self.start

    def send(self, number: signal.Signals) -> bool:
        """Signals this process and no other that got its pid (pidfd); False if it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive:
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

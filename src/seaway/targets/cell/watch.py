"""The cell as the program's parent: pumps its output, samples its memory, stops it, tells how it ended."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import time

from .log import Log
from .stage import Spec


def memory_of(pid: int) -> int:
    """Returns the bytes a process and its descendants hold: proportional where that can be read, else resident."""
    total = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
            total = sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith(b"Pss:"))
    except OSError:
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                total = int(statm.read().split()[1]) * resource.getpagesize()
        except OSError:
            return 0
    return total + sum(memory_of(child) for child in children_of(pid))


def children_of(pid: int) -> list[int]:
    """Returns a process's children; none where the kernel does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


class Watch:
    """The cell itself, from the program's start to the record of its end."""

    def __init__(self, spec: Spec, child: int, log: Log) -> None:
        self.spec, self.child, self.log = spec, child, log
        self.reason, self.peak, self.kill_at = "", 0, float("inf")
        self.asked = False
        self.selector = selectors.DefaultSelector()

    def stop(self, *_signal: object) -> None:
        """Begins the stop once: the image's signal now, SIGKILL after the grace period."""
        if self.asked:
            return
        self.asked = True
        self.kill_at = time.monotonic() + self.spec["grace"]
        os.kill(self.program(), getattr(signal, self.spec["stop_signal"]))

    def program(self) -> int:
        """Returns who gets the stop signal: the child, or what proot, which ignores signals, has started."""
        if self.spec["mode"] == "proot" and (started := children_of(self.child)):
            return started[0]
        return self.child

    def kill(self) -> None:
        """Ends the program at once, and under proot all of its session."""
        with contextlib.suppress(ProcessLookupError):
            if self.spec["mode"] == "proot":
                os.killpg(self.child, signal.SIGKILL)
            else:
                os.kill(self.child, signal.SIGKILL)

    def sample(self) -> None:
        """Compares memory with the limit; over it the program is killed and the end says so."""
        held = memory_of(self.child)
        self.peak = max(self.peak, held)
        if self.spec["memory_limit"] and held > self.spec["memory_limit"]:
            self.reason = "over limit (sampled)"
            self.kill()

    def pump(self, wait: float) -> None:
        """Moves what the program wrote into the log, waiting at most `wait` seconds for it."""
        for key, _events in self.selector.select(wait):
            if data := os.read(key.fd, 65536):
                if key.data:
                    self.log.feed(key.data, data)
            else:
                self.selector.unregister(key.fd)

    def until_end(self) -> int:
        """Serves the program until it ends; returns its wait status."""
        sample_at = time.monotonic() + 1
        while True:
            pid, status = os.waitpid(self.child, os.WNOHANG)
            if pid:
                break
            now = time.monotonic()
            if now >= sample_at:
                self.sample()
                sample_at = now + 1
            if now >= self.kill_at:
                self.kill()
                self.kill_at = float("inf")
            self.pump(max(0.0, min(sample_at, self.kill_at) - now))
        for _ in range(64):  # what still lies in the pipes
            self.pump(0)
        self.log.finish()
        return status


def end_record(spec: Spec, status: int, watch: Watch | None, reason: str) -> dict[str, object]:
    """Returns the record of an end: `code`, or 128 + `signal`; peak memory in bytes; why, where the cell knows."""
    code = os.waitstatus_to_exitcode(status)
    peak = max(watch.peak if watch else 0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
    return {
        "run": spec["run"],
        "code": code if code >= 0 else 128 - code,
        "signal": signal.Signals(-code).name if code < 0 else "",
        "peak_memory": peak,
        "ended": time.time(),
        "asked": bool(watch and watch.asked),
        "reason": reason or (watch.reason if watch else ""),
    }

"""Starts the program of a spec in its cell and stays until the end is on record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import time

from .kernel import start_of, write_json
from .log import Log
from .stage import Spec, isolate, run_inside
from .watch import Watch, end_record

HELD = 3


class Pipes:
    """What lies between the cell and its program: output, a sign of the cell's life, a fault before the program."""

    def __init__(self) -> None:
        self.out, self.err, self.alive, self.fault, self.wake = (os.pipe() for _ in range(5))
        os.set_blocking(self.wake[1], False)

    def inside(self) -> None:
        """Is the program's side: nothing to read, output to the cell."""
        os.close(self.alive[1])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(self.out[1], 1)
        os.dup2(self.err[1], 2)

    def outside(self) -> None:
        """Is the cell's side: the program's ends are closed here, so that their end can be seen."""
        for end in (self.out[1], self.err[1], self.fault[1], self.alive[0]):
            os.close(end)

    def let_run(self) -> str:
        """Lets the program begin; returns the fault that kept it from it, or nothing once it is executed."""
        with contextlib.suppress(BrokenPipeError):  # it failed before it came to ask
            os.write(self.alive[1], b"y")
        return os.read(self.fault[0], 4096).decode("utf-8", "backslashreplace")


def run(path: str) -> int:
    """Runs the cell of a spec; returns 0 when its end is on record, 3 when another run holds the directory."""
    with open(path, encoding="utf-8") as text:
        spec: Spec = json.load(text)
    folder = spec["directory"]
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return HELD
    if spec["mode"] != "proot":
        isolate(spec)
    pipes = Pipes()
    signal.set_wakeup_fd(pipes.wake[1])
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if not child:
        start(spec, pipes)
    watch = watch_over(spec, child, pipes)
    me = {"run": spec["run"], "pid": os.getpid(), "start": start_of(os.getpid())}
    write_json(f"{folder}/run.json", {**me, "program": child, "started": time.time()})
    guard = stand_guard(child) if spec["mode"] == "proot" else 0
    reason = pipes.let_run()
    status = watch.until_end()
    if guard:
        watch.kill()
        os.kill(guard, signal.SIGKILL)
    write_json(f"{folder}/end.json", end_record(spec, status, watch, reason))
    return 0


def start(spec: Spec, pipes: Pipes) -> None:
    """Is the forked child: output into the pipes, then the program; a fault goes to the parent as one line."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if spec["mode"] == "proot":
            os.setsid()
        pipes.inside()
        run_inside(spec, pipes.alive[0])
    except OSError as error:
        os.write(pipes.fault[1], f"{error}".encode())
    os._exit(125)


def watch_over(spec: Spec, child: int, pipes: Pipes) -> Watch:
    """Connects the program's output with its log, and SIGTERM to the cell with the program's stop."""
    pipes.outside()
    log = spec["log"]
    watch = Watch(spec, child, Log(log["path"], log["size"], log["files"]))
    signal.signal(signal.SIGTERM, watch.stop)
    signal.signal(signal.SIGINT, watch.stop)
    for source, name in ((pipes.out[0], "stdout"), (pipes.err[0], "stderr"), (pipes.wake[0], "")):
        watch.selector.register(source, selectors.EVENT_READ, name)
    return watch


def stand_guard(session: int) -> int:
    """Forks a process that kills the program's session when the cell dies.

    Under proot the death signal reaches proot alone, and what it traced would go on.
    """
    ours, theirs = os.pipe()
    guard = os.fork()
    if guard:
        os.close(ours)
        return guard
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.close(theirs)
    os.read(ours, 1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)
    os._exit(0)

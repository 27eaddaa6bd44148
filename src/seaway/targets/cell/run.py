"""Starts the program of a spec in its cell and stays until the end is on record."""

from __future__ import annotations

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


def start(spec: Spec, ends: list[int], alive: int, fault: int) -> None:
    """Is the forked child: output into the pipes, then the program; a fault goes to the parent as one line."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(ends[0], 1)
        os.dup2(ends[1], 2)
        run_inside(spec, alive)
    except OSError as error:
        os.write(fault, f"{error}".encode())
    os._exit(125)


def run(path: str) -> int:
    """Runs the cell of a spec; returns 0 when its end is on record, 3 when another run holds the directory."""
    with open(path, encoding="utf-8") as text:
        spec: Spec = json.load(text)
    folder = spec["directory"]
    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    if spec["mode"] != "proot":
        isolate(spec)
    out, err, alive, fault, wake = (os.pipe() for _ in range(5))
    os.set_blocking(wake[1], False)
    signal.set_wakeup_fd(wake[1])
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if not child:
        os.close(alive[1])
        start(spec, [out[1], err[1]], alive[0], fault[1])
    watch = Watch(spec, child, Log(spec["log"]["path"], spec["log"]["size"], spec["log"]["files"]))
    signal.signal(signal.SIGTERM, watch.stop)
    signal.signal(signal.SIGINT, watch.stop)
    for end in (out[1], err[1], fault[1], alive[0]):
        os.close(end)
    for source, name in ((out[0], "stdout"), (err[0], "stderr"), (wake[0], "")):
        watch.selector.register(source, selectors.EVENT_READ, name)
    me = {"run": spec["run"], "pid": os.getpid(), "start": start_of(os.getpid())}
    write_json(f"{folder}/run.json", {**me, "program": child, "started": time.time()})
    os.write(alive[1], b"y")
    reason = os.read(fault[0], 4096).decode("utf-8", "backslashreplace")  # closed by exec, or a fault
    status = watch.until_end()
    write_json(f"{folder}/end.json", end_record(spec, status, watch, reason))
    return 0

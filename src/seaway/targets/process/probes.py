"""Health checks from outside the cell: they gate a pod's weight, they never kill it.

A service's own check where it has one: `curl` and `wget` on itself become an HTTP question, other commands are
executed in the cell; else one of its ports must accept a connection (`expose` may name
ports nobody opened); a service without ports is ready when it runs. Until
the first success a pod is asked four times a second, not once an interval, so that `up` does not wait for a clock; a
command, which starts a process beside one that is starting, at its `start_interval`, twice a second at least.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from seaway.errors import SeawayError
from seaway.targets.blueprint import Probe, Workload
from seaway.targets.process.cells import Cell
from seaway.targets.process.wildcard import reach_own

EAGER = 0.25
EAGER_COMMAND = 0.5
PLAIN = Probe(test=(), interval=2.0, timeout=2.0, retries=3)
FETCHERS = ("curl", "wget")
_URL = re.compile(r"https?://\S+")

Asks = Callable[[Cell, tuple[str, ...], float], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One way to ask a pod: `ports` to connect to, a `path` to get on the first of them, or a command to execute."""

    address: str
    ports: tuple[int, ...] = ()
    path: str = ""
    command: tuple[str, ...] = ()


def check_of(workload: Workload, address: str, *, shared: bool = True) -> Check:
    """Returns how a replica of a workload is asked; `shared`: its `localhost` is everybody's."""
    ports = tuple(port.target for port in workload.ports if port.protocol == "tcp")
    test = workload.probe.test if workload.probe else ()
    if not test or test[0] == "NONE":
        return Check(address, ports)
    words = test[1:]
    if test[0] == "CMD-SHELL":
        words = ("/bin/sh", "-c", *test[1:])
    question = _question(" ".join(test[1:]) if test[0] == "CMD-SHELL" else shlex.join(test[1:]), ports)
    if question:
        return Check(address, (question[0],), question[1])
    return Check(address, command=reach_own(words, address, ports) if shared else tuple(words))


def _question(text: str, ports: Sequence[int]) -> tuple[int, str] | None:
    """Returns port and path of a plain `curl` or `wget` of the pod itself, or None for any other command."""
    program = text.split(" ", 1)[0].rpartition("/")[2]
    urls = _URL.findall(text)
    if program not in FETCHERS or len(urls) != 1 or any(mark in text for mark in ("|", "&&", "$(", "`")):
        return None
    url = urlsplit(urls[0].strip("'\""))
    if url.scheme != "http" or url.hostname not in ("localhost", "127.0.0.1", "0.0.0.0", "::1"):
        return None
    port = url.port or 80
    return (port, (url.path or "/") + (f"?{url.query}" if url.query else "")) if port in ports else None


def ask(check: Check, timeout: float, execute: Callable[[tuple[str, ...], float], bool]) -> bool:
    """Asks once; anything but a clear yes is a no. `execute` runs the check's own command in the replica."""
    try:
        if check.command:
            return execute(check.command, timeout)
        if check.path:
            return get_status(check.address, check.ports[0], check.path, timeout) < 400
    except (OSError, ValueError, SeawayError):
        return False
    return not check.ports or any(accepts(check.address, port, timeout) for port in check.ports)


def accepts(address: str, port: int, timeout: float) -> bool:
    """Tells whether a connection is accepted."""
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True


def get_status(address: str, port: int, path: str, timeout: float) -> int:
    """Returns the status of a GET, as `curl -f` would judge it; raises OSError or ValueError for no HTTP answer."""
    with socket.create_connection((address, port), timeout) as connection:
        connection.settimeout(timeout)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        line = connection.makefile("rb").readline(4096)
    if not line.startswith(b"HTTP/1."):
        raise ValueError("no HTTP answer")
    return int(line.split()[1])


@dataclass
class _Health:
    run: tuple[int, float]
    since: float
    ready: bool = False
    proven: bool = False
    fails: int = 0
    due: float = 0.0
    asked: Future[bool] | None = field(default=None, repr=False)


class Prober:
    """Asks the running pods, each in its own time, a few at once; never blocks the caller."""

    def __init__(self, asks: Asks, *, shared: bool = True) -> None:
        self._asks = asks
        self._shared = shared
        self._health: dict[str, _Health] = {}
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="probe")

    def adopt(self, cells: Iterable[Cell], ready: Iterable[str]) -> None:
        """Takes pods over from a supervisor that died: who served goes on serving until a check says otherwise."""
        known = set(ready)
        for cell in cells:
            if cell.id in known:
                self._health[cell.id] = _Health(_run(cell), 0.0, ready=True, proven=True)

    def turn(self, pods: Sequence[tuple[Cell, Workload]], now: float) -> set[str]:
        """Gathers answers, asks who is due, and returns the ids of the pods that are ready.

        `now` is a monotonic clock's: the health of a pod does not depend on what time it is.
        """
        running = {cell.id for cell, _ in pods}
        self._health = {name: health for name, health in self._health.items() if name in running}
        for cell, workload in pods:
            health = self._health.get(cell.id)
            if health is None or health.run != _run(cell):
                health = self._health[cell.id] = _Health(_run(cell), now)
            self._advance(cell, workload, health, now)
        return {name for name, health in self._health.items() if health.ready}

    def proven(self) -> set[str]:
        """Returns the ids of the running pods that passed a check at least once in this run."""
        return {name for name, health in self._health.items() if health.proven}

    def close(self) -> None:
        """Lets the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _advance(self, cell: Cell, workload: Workload, health: _Health, now: float) -> None:
        probe = workload.probe or PLAIN
        if health.asked is not None and health.asked.done():
            _judge(health, probe, health.asked.result(), now, _eager(workload, probe))
            health.asked = None
        if health.asked is None and now >= health.due:
            check = check_of(workload, cell.replica.address, shared=self._shared)
            health.asked = self._pool.submit(ask, check, probe.timeout, partial(self._asks, cell))


def _run(cell: Cell) -> tuple[int, float]:
    """Names a run of a replica: an engine may start it again without telling."""
    return cell.replica.run, cell.since


def _eager(workload: Workload, probe: Probe) -> float:
    """Returns the seconds between questions to a pod that has not been ready yet."""
    if not check_of(workload, "").command:
        return EAGER
    return max(EAGER, min(EAGER_COMMAND, probe.start_interval))


def _judge(health: _Health, probe: Probe, good: bool, now: float, eager: float) -> None:
    health.fails = 0 if good else health.fails + 1
    if good:
        health.ready = health.proven = True
    elif health.fails >= probe.retries and now >= health.since + probe.start_period:
        health.ready = False
    health.due = now + (probe.interval if health.ready else min(eager, probe.interval))

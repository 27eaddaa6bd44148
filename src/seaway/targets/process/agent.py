"""The process that keeps a project's environments going: one per user and project, single by `flock`.

It takes turns, and answers questions on a Unix socket (mode 0600) as JSON lines, `{"verb": …, …}` in and
`{"answer": …}` or `{"error": {…}}` out. Its death stops no cell and no Envoy; the next one adopts them. The command
a person types only asks and watches.

Not here: what release verbs and the release controller do. They come as `verbs` and `members`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seaway.errors import SeawayError, UsageError
from seaway.targets.process.paths import EnvironmentPaths, ProjectPaths
from seaway.targets.process.record import read_json
from seaway.targets.process.socket_name import short_name
from seaway.targets.process.supervised import SupervisedTarget
from seaway.targets.process.target import ProcessTarget
from seaway.targets.process.verbs import verbs_of

TURN_EVERY = 0.25
_LONGEST_LINE = 1 << 20

Verb = Callable[[Mapping[str, Any]], object]
Member = Callable[[float], None]
Open = Callable[[EnvironmentPaths], SupervisedTarget]


class Agent:
    """The environments of a project and the verbs it answers; `opened` opens an environment where it lives."""

    def __init__(
        self, paths: ProjectPaths, opened: Callable[[EnvironmentPaths], SupervisedTarget] = ProcessTarget
    ) -> None:
        self.paths = paths
        self._open = opened
        self.verbs: dict[str, Verb] = {}
        self.ending = False
        self._targets: dict[str, tuple[object, SupervisedTarget]] = {}
        for name, verb in verbs_of(self.target, self.quit).items():
            self.register(name, verb)

    def register(self, name: str, verb: Verb) -> None:
        """Adds a verb, or replaces one."""
        self.verbs[name] = verb

    def target(self, environment: str) -> SupervisedTarget:
        """Returns the target of an environment, opened once, and anew when it was installed elsewhere."""
        paths = self.paths.environment(environment)
        engine, known = read_json(paths.engine), self._targets.get(environment)
        if known is None or known[0] != engine:
            if known is not None:
                known[1].supervisor.close()
            known = self._targets[environment] = (engine, self._open(paths))
        return known[1]

    def turn(self, now: float) -> None:
        """Takes a turn of every environment that was ever installed here; raises what the first that failed met."""
        faults: list[SeawayError] = []
        for name in self.paths.environments():
            try:
                self.target(name).supervisor.turn(now)
            except SeawayError as fault:  # an engine that does not answer is no reason to leave the others
                faults.append(fault)
        if faults:
            raise faults[0]

    def quit(self) -> None:
        """Ends the agent after this turn; what runs goes on."""
        self.ending = True

    def answer(self, line: bytes) -> dict[str, Any]:
        """Answers one line; an error is an answer with its class, place and hint."""
        try:
            question = json.loads(line)
            verb = self.verbs[question["verb"]]
        except (ValueError, TypeError, KeyError):
            says = f"the agent does not know: {line[:80]!r}"
            return {
                "error": _told(UsageError(says, hint="it may be of another version: seaway agent stop, then again"))
            }
        try:
            return {"answer": verb(question)}
        except SeawayError as error:
            return {"error": _told(error)}
        except (KeyError, ValueError, TypeError) as error:
            return {"error": _told(UsageError(f"the question lacks or misspells {error}"))}


def _told(error: SeawayError) -> dict[str, str | None]:
    return {"kind": type(error).__name__, "says": error.says, "where": error.where, "hint": error.hint}


def run_agent(agent: Agent, members: Sequence[Member] = (), *, every: float = TURN_EVERY) -> bool:
    """Runs until it is asked to quit or gets SIGTERM; returns False at once if another agent holds the project."""
    agent.paths.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _held(agent.paths.lock) as held:
        if not held:
            return False
        before = signal.signal(signal.SIGTERM, lambda *_: agent.quit())
        with contextlib.closing(_Door(agent)) as door:
            while not agent.ending:
                _take_turns((agent.turn, *members))
                door.serve(every)
        agent.paths.socket.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, before)
    return True


def _take_turns(members: Sequence[Member]) -> None:
    """Gives each member its turn; whatever one of them throws is written down and holds back no other."""
    for member in members:
        try:
            member(time.time())
        except SeawayError as error:
            sys.stderr.write(f"{time.time():.3f} {type(error).__name__}: {error}\n")
        except Exception:  # noqa: BLE001  # the outermost loop: a bug in one release must not end the others
            traceback.print_exc()


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(number)


class _Door:
    """The socket: accepts, reads lines, answers; a slow or rude client costs nothing but its connection."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._selector = selectors.DefaultSelector()
        self._rest: dict[socket.socket, bytes] = {}
        agent.paths.socket.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            with short_name(agent.paths.socket) as name:
                self._listener.bind(name)
        finally:
            os.umask(before)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def serve(self, seconds: float) -> None:
        """Answers what comes for so long."""
        until = time.monotonic() + seconds
        while not self._agent.ending and (left := until - time.monotonic()) > 0:
            for key, _events in self._selector.select(left):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._read(key.fileobj)

    def close(self) -> None:
        """Closes the socket and every connection."""
        for connection in (*self._rest, self._listener):
            connection.close()
        self._selector.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(1.0)
        self._rest[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
            *lines, self._rest[connection] = (self._rest[connection] + data).split(b"\n")
            for line in lines:
                connection.sendall(json.dumps(self._agent.answer(line)).encode() + b"\n")
        except OSError:
            data = b""
        if not data or len(self._rest[connection]) > _LONGEST_LINE:
            self._selector.unregister(connection)
            del self._rest[connection]
            connection.close()

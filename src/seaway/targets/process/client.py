"""Asking the agent, and starting it when nobody answers: what the command a person types does, and no more."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seaway.errors import AgentMissing, SeawayError, leaves
from seaway.targets.process.paths import ProjectPaths
from seaway.targets.process.socket_name import short_name

_KINDS = {leaf.__name__: leaf for leaf in leaves()}


class AgentClient:
    """A project's agent, asked over its socket; one connection a question."""

    def __init__(self, path: Path, *, timeout: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Asks and returns the answer; raises the agent's own error, or AgentMissing if nobody answers."""
        line = json.dumps({"verb": verb, **arguments}).encode() + b"\n"
        try:
            with short_name(self._path) as name, socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(self._timeout)
                connection.connect(name)
                connection.sendall(line)
                told = connection.makefile("rb").readline()
        except OSError as error:
            raise AgentMissing(
                f"no agent answers: {error.strerror or error}", where=self._path, hint="seaway up starts one"
            ) from error
        if not told:
            raise AgentMissing("the agent ended before it answered", where=self._path, hint="ask again")
        return _opened(json.loads(told))

    def answers(self) -> bool:
        """Tells whether an agent is there."""
        try:
            self.ask("ping")
        except AgentMissing:
            return False
        return True


def ensure_agent(paths: ProjectPaths, command: Sequence[str] | None = None, *, seconds: float = 20.0) -> AgentClient:
    """Returns a client of the running agent, started in a session of its own if there is none.

    `command` runs an agent for this project; the default one knows processes alone. Raises AgentMissing, with the
    last line of its log, when it does not come up.
    """
    client = AgentClient(paths.socket)
    if client.answers():
        return client
    paths.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    child = _start(paths, command or (sys.executable, "-m", "seaway.targets.process", str(paths.folder), paths.app))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if client.answers():
            return client
        if child.poll() not in (None, 0):
            break
        time.sleep(0.05)
    said = paths.log.read_text(errors="replace").strip().splitlines()
    raise AgentMissing(f"the agent did not start: {said[-1] if said else 'no word of it'}", where=paths.log)


def _start(paths: ProjectPaths, command: Sequence[str]) -> subprocess.Popen[bytes]:
    # A passphrase is for the command that was typed; the agent is told what it needs over its socket.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEAWAY_PASSPHRASE")}
    number = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=number,
            stderr=number,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(number)


def _opened(told: dict[str, Any]) -> Any:
    if error := told.get("error"):
        kind: type[SeawayError] = _KINDS.get(error["kind"], AgentMissing)
        raise kind(error["says"], where=error["where"], hint=error["hint"])
    return told.get("answer")

"""Load: the requests an app records or prints, sent at a steady rate to what runs, with a client-side log of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.errors import AgentMissing, EvidenceMissing, SourceMissing
from seaway.stages.calling import known_agent
from seaway.stages.testing import stable
from seaway.targets.opening import open_target
from seaway.targets.process.once import Errand
from seaway.telemetry.load import Sent, Shot, shots
from seaway.telemetry.sender import Plan, run
from seaway.workspace import Workspace


@dataclass
class Tally:
    """What became of the requests, by pod, as the client saw it."""

    sent: int = 0
    failed: int = 0
    slowest: float = 0.0
    pods: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[bool]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, sent: Sent) -> None:
        """Counts one request."""
        self.sent += 1
        self.slowest = max(self.slowest, sent.seconds)
        if sent.failed:
            self.failed += 1
            self.faults[sent.fault or f"status {sent.status}"] += 1
            return
        self.pods[sent.pod] += 1
        self.tokens[sent.pod] = sent.token
        for name, passed in (sent.outcomes or {}).items():
            self.outcomes.setdefault(name, Counter())[passed] += 1

    def json(self) -> dict[str, object]:
        """Returns the tally as JSON; `requests` names one request id a pod, for `seaway why`."""
        return {
            "sent": self.sent,
            "failed": self.failed,
            "slowestSeconds": round(self.slowest, 4),
            "pods": dict(sorted(self.pods.items())),
            "outcomes": {name: {"yes": seen[True], "no": seen[False]} for name, seen in sorted(self.outcomes.items())},
            "requests": dict(sorted(self.tokens.items())),
            "faults": dict(self.faults),
        }


def requests(space: Workspace, environment: str) -> tuple[Shot, ...]:
    """Returns the requests of `x-seaway.load`: from its file, or what its command prints in its service's image."""
    keys = space.base.extension.load
    if keys is None:
        raise SourceMissing(
            "the app names no load", where="x-seaway.load", hint="x-seaway.load: {requests: load.jsonl}"
        )
    if keys.requests is not None:
        path = space.directory / keys.requests
        try:
            return shots(path.read_text("utf-8").splitlines(), keys.requests)
        except OSError as error:
            raise SourceMissing(f"the requests cannot be read: {error.strerror}", where=path) from error
    installed = stable(space, environment)
    errand = Errand(keys.service or min(installed.version.service_versions), keys.command, {}, seconds=120.0)
    outcome = open_target(space.paths.environment(environment)).run_once(installed, errand)
    if outcome.code:
        said = outcome.lines[-1].text if outcome.lines else "nothing"
        raise EvidenceMissing(f"the load command ended with {outcome.code}: {said}", where="x-seaway.load.command")
    return shots([line.text for line in outcome.lines if line.stream == "stdout"], "x-seaway.load.command")


def send(
    space: Workspace, environment: str, plan: Callable[[str, float], Plan], log: Path | None, rate: float | None
) -> Tally:
    """Sends until the plan ends; `log` gets a JSON line a request."""
    keys = space.base.extension.load
    tally = Tally()
    chosen = rate or (keys.rate if keys else None) or 10.0
    wanted = requests(space, environment)
    made = plan(_url(space, environment, keys.service if keys else None), chosen)
    if log is None:
        run(wanted, made, tally.add)
        return tally
    with log.open("w", encoding="utf-8") as file:

        def record(sent: Sent) -> None:
            tally.add(sent)
            file.write(json.dumps(_line(sent), separators=(",", ":")) + "\n")

        run(wanted, made, record)
    return tally


def _line(sent: Sent) -> Mapping[str, Any]:
    names = ("at", "seconds", "status", "pod", "token", "fault")
    return {**{name: getattr(sent, name) for name in names}, "outcomes": dict(sent.outcomes or {})}


def _url(space: Workspace, environment: str, service: str | None) -> str:
    """Returns the front of the loaded service: its published port where it has one, else its own address."""
    try:
        fronts = known_agent(space).ask("status", environment=environment)["fronts"]
    except AgentMissing as error:
        raise EvidenceMissing(f"nothing runs in {environment}", hint=f"seaway up --on {environment}") from error
    for front in fronts:
        if service in (None, front["service"]):
            host, port = front["published"] or (front["address"], front["port"])
            return f"http://{host}:{port}"
    raise EvidenceMissing(f"{service or 'the app'} listens nowhere in {environment}", hint="seaway ps")

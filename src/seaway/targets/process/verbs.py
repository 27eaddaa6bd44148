"""What the agent can be asked about processes: one small function a verb, JSON in and out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from seaway.digest import Digest
from seaway.errors import NameUnknown
from seaway.targets.base import Retarget, Retire, RunJob, Scale, Shift
from seaway.targets.document import encode
from seaway.targets.process.cells import CellState
from seaway.targets.process.supervised import SupervisedTarget

Question = Mapping[str, Any]
Open = Callable[[str], SupervisedTarget]


def verbs_of(target: Open, leave: Callable[[], None]) -> dict[str, Callable[[Question], object]]:
    """Returns the verbs; each question names its `environment`, actions an `epoch` (default: the present one)."""

    def act(action: Scale | Shift | Retarget | Retire | RunJob, question: Question) -> None:
        place = target(question["environment"])
        place.act(action, int(question.get("epoch", place.store.wishes().epoch)))

    return {
        "ping": lambda _question: {"at": time.time()},
        "observe": lambda question: encode(target(question["environment"]).observe(time.time())),
        "status": lambda question: status(target(question["environment"])),
        "ps": lambda question: processes(target(question["environment"])),
        "scale": lambda question: act(Scale(_version(question), _counts(question["replicas"])), question),
        "shift": lambda question: act(Shift(_weights(question["weights"])), question),
        "retarget": lambda question: act(Retarget(_version(question)), question),
        "retire": lambda question: act(Retire(_version(question)), question),
        "run": lambda question: act(RunJob(_version(question), str(question["job"])), question),
        "stop": lambda question: stop(target(question["environment"]), str(question["service"])),
        "restart": lambda question: restart(target(question["environment"]), str(question["service"])),
        "down": lambda question: down(target(question["environment"])),
        "quit": lambda _question: leave(),
    }


def status(target: SupervisedTarget) -> dict[str, Any]:
    """Returns what is wished, what is seen, how cells are made, what each service waits for, and where it listens."""
    seen, look = target.observe(time.time()), target.supervisor.look
    return {
        "wishes": target.store.wishes().document(),
        "seen": encode(seen),
        "way": target.supervisor.launcher.says,
        "waits": dict(look.plan.waits),
        "fronts": [encode(front) for front in look.fronts],
    }


def processes(target: SupervisedTarget) -> list[dict[str, Any]]:
    """Returns a row for each replica and job: its place, state, readiness, start, end and program's pid."""
    target.observe(time.time())
    look = target.supervisor.look
    return [
        {
            "pod": cell.id,
            "service": cell.replica.service,
            "version": cell.replica.service_version,
            "address": cell.replica.address,
            "state": cell.state.value,
            "ready": cell.id in look.ready,
            "since": cell.since,
            "restarts": cell.replica.run - 1,
            "program": cell.program,
            "job": cell.replica.job,
            "code": cell.code if cell.state is CellState.ENDED else None,
            "reason": cell.reason,
        }
        for cell in look.cells
    ]


def stop(target: SupervisedTarget, service: str) -> None:
    """Wishes for no pod of a service, in every version."""
    wishes = target.store.wishes()
    if service not in wishes.pods:
        raise NameUnknown(f'no service "{service}" runs here')
    counts = dict.fromkeys(wishes.pods[service], 0)
    target.store.keep(replace(wishes, pods={**wishes.pods, service: counts}))


def restart(target: SupervisedTarget, service: str) -> None:
    """Stops each pod of a service once; the next turns start it again, since it is still wished for."""
    cells = [cell for cell in target.supervisor.cells.seen() if cell.replica.service == service]
    if not cells:
        raise NameUnknown(f'no service "{service}" runs here')
    for cell in cells:
        target.supervisor.cells.stop(cell)


def down(target: SupervisedTarget) -> None:
    """Wishes that nothing runs; volumes stay."""
    target.store.keep(replace(target.store.wishes(), down=True, pods={}, jobs=(), active=(), weights={}, stable=None))


def _version(question: Question) -> Digest:
    return Digest.parse(question["version"])


def _counts(value: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in value.items()}


def _weights(value: Mapping[str, Any]) -> dict[Digest, int]:
    return {Digest.parse(text): int(percent) for text, percent in value.items()}

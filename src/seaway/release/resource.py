"""A release as a `Release` resource says it: spec and status of a row, for whoever asks the place and not the agent."""

from __future__ import annotations

from datetime import UTC, datetime

from seaway.release.controller import wanted_weight
from seaway.release.store import Row
from seaway.release.strategy import describe

Fields = dict[str, object]


def told(row: Row, waiting: int) -> tuple[Fields, Fields]:
    """Returns spec and status; `waiting` are the entries that the ledger has not acknowledged."""
    plan, position = row.plan, row.position
    lines = describe(plan.steps)
    spec: Fields = {
        "sequence": plan.release,
        "environment": plan.environment,
        "bundle": str(plan.bundle),
        "version": str(plan.canary.digest),
        "steps": list(lines),
    }
    status: Fields = {
        "sequence": row.sequence,
        "outbox": waiting,
        "state": str(position.state),
        "reason": str(position.reason),
        "step": lines[position.cursor] if 0 <= position.cursor < len(lines) else "",
        "cursor": position.cursor,
        "since": datetime.fromtimestamp(row.since, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "stable": str(plan.stable.digest) if plan.stable else "",
        "canary": str(plan.canary.digest),
        "requests": row.evidence.requests,
        "weight": wanted_weight(position),
    }
    return spec, status

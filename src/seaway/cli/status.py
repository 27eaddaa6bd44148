"""`seaway status`: which bundle is where, what runs, what waits for whom."""

from __future__ import annotations

from typing import Any

import click

from seaway.cli.frame import command, passphrase
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.cli.watching import line, unlock
from seaway.errors import AgentMissing, EvidenceMissing, KeyRefused, NameUnknown, StoreError
from seaway.stages import built, calling, deciding, releasing
from seaway.workspace import Workspace


@command("status")
@click.argument("environment", required=False)
def status_(output: Output, environment: str | None) -> None:
    """Say for each environment what was built, granted and runs, and what a release waits for."""
    space = workspace()
    names = [space.environment(environment)] if environment else list(space.environments)
    found = {name: _of(space, name) for name in names}
    last = _built(space)
    rows = [
        (name, one["granted"] or "", one["runs"] or "", one["release"]["state"] if one["release"] else "", one["next"])
        for name, one in found.items()
    ]
    text = f"built  {last or 'nothing yet: seaway build'}\n"
    text += output.table(rows, ("environment", "granted", "runs", "release", "next"))
    text += "".join(f"\n{name}: {line(one['release'])}" for name, one in found.items() if one["release"])
    output.data({"built": last, "environments": found}, text)


def _of(space: Workspace, name: str) -> dict[str, Any]:
    granted = runs = None
    if space.place.ledger.is_dir():
        with space.reading() as notary:
            granted, runs = deciding.granted(notary, name), deciding.running(notary, name)
    if space.base.extension.environments[name].target != "kubernetes":
        runs = calling.running_bundle(space, name)
    release = _release(space, name)
    gated = deciding.gates_of(space, name) is not None
    return {
        "granted": granted.short if granted else None,
        "runs": runs.short if runs else None,
        "release": release,
        "next": _next(name, gated, release, granted is not None),
    }


def _release(space: Workspace, name: str) -> dict[str, Any] | None:
    try:
        seen = releasing.watch_once(space, name)
        if not seen["unlocked"] and seen["waiting"]:
            unlock(space, name, None, passphrase)
    except (AgentMissing, NameUnknown, KeyRefused, EvidenceMissing):
        return None
    return seen


def _next(name: str, gated: bool, release: dict[str, Any] | None, granted: bool) -> str:
    if release and release["state"] in releasing.WAITS:
        return f"seaway resume {name}, or seaway abort {name}"
    if release and release["state"] not in releasing.ENDS:
        return ""
    if not gated:
        return f"seaway up --on {name}"
    return f"seaway release {name}" if granted else f"seaway promote {name}"


def _built(space: Workspace) -> str | None:
    try:
        return built.last_bundle(space).digest.short
    except StoreError:
        return None

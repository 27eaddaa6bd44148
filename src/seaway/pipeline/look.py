"""Look: what stands between the compose file and a target, and the fixes of it in the user's own files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seaway.app.load import How
from seaway.app.model import App
from seaway.app.tolerant import load_tolerantly
from seaway.errors import AppError
from seaway.findings import Finding, Level
from seaway.project import Project
from seaway.targets.check import Purpose
from seaway.targets.check import check as check_target
from seaway.targets.check.absent import missing
from seaway.targets.check.repair import of_refusal

_CODE = re.compile(r" \[(SW-\d+)\]")


@dataclass(frozen=True, slots=True)
class Looked:
    """The app that was looked at, for which purpose, and what is to be said about it, gravest first."""

    app: App
    purpose: Purpose
    findings: tuple[Finding, ...]


def look(space: Project, environment: str | None, purpose: Purpose | None) -> Looked:
    """Says what stands between the compose file and a target.

    A named environment is looked at as it is released: from files alone. What stops that is a finding too.
    """
    app, refused = _loaded(space, environment)
    target = purpose or _purpose(app, environment)
    found = check_target(app, purpose=target, today=datetime.now(UTC).date())
    return Looked(app, target, _filled((*refused, *found), app))


def _filled(found: tuple[Finding, ...], app: App) -> tuple[Finding, ...]:
    if not app.variables:  # reading the files again is left to apps that use any
        return found
    told: tuple[Finding, ...] = importlib.import_module("seaway.revision.filled").with_filled(found, app)
    return told


def _purpose(app: App, environment: str | None) -> Purpose:
    """Returns where an app is going: the named environment's target, else the farthest; a cluster where none says."""
    if not app.extension.written:
        return "kubernetes"
    each = app.extension.environments.values() if environment is None else (app.environment,)
    targets = {one.target for one in each}
    return "kubernetes" if "kubernetes" in targets else "docker" if "docker" in targets else "process"


def check(space: Project, environment: str | None, purpose: Purpose | None) -> tuple[Finding, ...]:
    """Says what stands between the compose file and a target, gravest first."""
    return look(space, environment, purpose).findings


def fixable(looked: Looked, codes: Sequence[str]) -> tuple[Finding, ...]:
    """Returns the findings whose fix is safe, and those of named codes that have one."""
    return tuple(each for each in looked.findings if each.fix and (each.code in codes or (each.fix.safe and not codes)))


def _loaded(space: Project, environment: str | None) -> tuple[App, tuple[Finding, ...]]:
    if environment is None:
        return _tolerated(space, None, How(lenient=True))
    try:
        return _tolerated(space, environment, How(governed=True, lenient=True))
    except AppError as error:
        said = _CODE.search(error.says)
        if said is None:
            raise
        says, where = _CODE.sub("", error.says), str(error.where or "")
        refused = Finding(said[1], Level.ERROR, says, where, error.hint, of_refusal(said[1], says, where))
        app, absent = _tolerated(space, environment, How(lenient=True))
        return app, (refused, *absent)


def _tolerated(space: Project, environment: str | None, how: How) -> tuple[App, tuple[Finding, ...]]:
    app, absent = load_tolerantly(space.selection, environment, how)
    return app, missing(app, absent)

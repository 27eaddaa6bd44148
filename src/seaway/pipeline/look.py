"""Look: what stands between the compose file and a target."""

from __future__ import annotations

from datetime import UTC, datetime

from seaway.findings import Finding
from seaway.project import Project
from seaway.targets.check import Purpose
from seaway.targets.check import check as check_target


def check(space: Project, environment: str | None, purpose: Purpose | None) -> tuple[Finding, ...]:
    """Says what stands between the compose file and a target, gravest first."""
    app = space.load(environment, lenient=True)
    target = purpose or ("kubernetes" if environment is None or app.environment.target == "kubernetes" else "docker")
    return check_target(app, purpose=target, today=datetime.now(UTC).date())

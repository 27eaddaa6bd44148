"""Ask: what stands behind what runs."""

from __future__ import annotations

from seaway.graph.answer import Why
from seaway.stages import asking
from seaway.workspace import Workspace


def why(space: Workspace, subject: str, environment: str | None) -> Why:
    """Says what stands behind a request, a digest or a deployment, from the ledger alone."""
    return asking.why(space, subject, environment)

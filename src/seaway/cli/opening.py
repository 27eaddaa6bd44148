"""The project with its stores and ledger, for the commands that need them."""

from __future__ import annotations

from seaway.cli.frame import found
from seaway.workspace import Workspace


def workspace() -> Workspace:
    """Opens the project that the global options or the current folder name."""
    return found(Workspace)

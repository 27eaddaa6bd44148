"""Render: the same bundle in another spelling."""

from __future__ import annotations

from pathlib import Path

from seaway.errors import FindingsError
from seaway.findings import Level
from seaway.pipeline.choice import Choice
from seaway.pipeline.meant import chosen
from seaway.stages import rendering
from seaway.workspace import Workspace


def render(
    space: Workspace, environment: str, folder: Path | None, *, choice: Choice, strict: bool, registry: str | None
) -> rendering.Rendering:
    """Renders the bundle for an environment and writes it, if a folder is named; `strict` lets no loss through."""
    made = rendering.rendering(space, environment, chosen(space, choice), registry=registry)
    if strict and (losses := tuple(each for each in made.findings if each.level is Level.LOSS)):
        raise FindingsError(losses, hint="x-seaway.accept: {SW-…: {reason, owner, until}}")
    if folder is not None:
        rendering.write(folder, made.files)
    return made

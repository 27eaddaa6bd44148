"""Loads compose files into an `App`: selection as the command line of Compose does it, then the phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seaway.app.model import App
from seaway.errors import NotYet


@dataclass(frozen=True, slots=True)
class Selection:
    """What to load: the files in order, the project's name and directory, profiles, env files and the environment."""

    directory: Path
    files: tuple[Path, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    project_name: str | None = None
    profiles: tuple[str, ...] = ()
    env_files: tuple[Path, ...] = ()


def select(
    directory: Path,
    environ: Mapping[str, str],
    *,
    files: Sequence[str] = (),
    profiles: Sequence[str] = (),
    project_name: str | None = None,
    env_files: Sequence[str] = (),
) -> Selection:
    """Chooses files, name, profiles and env files as `docker compose` does, from options and `COMPOSE_*`."""
    raise NotYet("selecting compose files")


def load(selection: Selection, environment: str | None = None, *, governed: bool = False) -> App:
    """Loads what was selected, for an environment of `x-seaway` (None: the first).

    `governed` interpolates from the environment's env files alone and refuses files outside the project.
    """
    raise NotYet("loading compose files")

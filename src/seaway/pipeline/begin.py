"""Begin: the first block in a project's own compose file, or the first compose file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seaway.app.select import NAMES, select
from seaway.revision.first import First, Wishes, first_block, first_file


def begin(here: Path, environ: Mapping[str, str], chosen: Mapping[str, Any], wishes: Wishes) -> First:
    """Returns the draft of what `seaway init` writes; the folder's own file, never one of a folder above."""
    directory = (here / (chosen.get("directory") or ".")).absolute()
    named = chosen.get("files") or "COMPOSE_FILE" in environ
    if not named and not any((directory / name).is_file() for name in NAMES):
        return first_file(directory, wishes, environ)
    selection = select(
        directory,
        environ,
        files=chosen.get("files") or (),
        profiles=chosen.get("profiles") or (),
        project_name=chosen.get("project_name"),
        env_files=chosen.get("env_files") or (),
    )
    return first_block(selection, wishes)

"""Loading for a first look: env files that are not there yet are named, not the end of it.

A fresh clone lacks the files that are never committed. An absent file stands for an empty one, so that all the rest
can still be said; who loads for anything but looking uses `load`, which refuses.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seaway.app.load import How, load
from seaway.app.model import App
from seaway.app.select import Selection
from seaway.errors import SourceMissing

_MOST = 50


def load_tolerantly(selection: Selection, environment: str | None, how: How) -> tuple[App, tuple[Path, ...]]:
    """Loads an app; returns it with the env files that are not there. Raises AppError for everything else."""
    absent: list[Path] = []
    while True:
        drafts = {**dict.fromkeys(absent, b""), **how.drafts}
        try:
            return load(selection, environment, how=replace(how, drafts=drafts)), tuple(absent)
        except SourceMissing as missing:
            path = selection.directory / str(missing.where or "")
            if not missing.says.startswith("env file ") or path in absent or len(absent) >= _MOST:
                raise
            absent.append(path)

"""Faults at a path of a tree: pure phases know paths, the loader turns them into places in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seaway.app.reading import dotted
from seaway.app.tree import Origins, Path
from seaway.errors import AppError


class AtPath(AppError):
    """Something is wrong with the entry at `path` of a tree."""

    def __init__(self, says: str, path: Path, *, hint: str | None = None) -> None:
        super().__init__(f"{dotted(path)}: {says}" if path else says, hint=hint)
        self.path = path


@contextmanager
def placed(tree: Any, files: tuple[str, ...]) -> Iterator[None]:
    """Gives faults that are raised inside the place of their path in a tree."""
    try:
        yield
    except AtPath as fault:
        if fault.where is None:
            place = Origins(tree, files).at(*fault.path)
            fault.where = None if place is None else str(place)
        raise

"""Texts to unit vectors by the model the settings name; nothing is fetched, all files lie in the image.

Each kind is a module with a class `Model`, imported only when named: the small model does not pay for the runtime of
the large one.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy
from numpy.typing import NDArray

from app.settings import Settings

Matrix = NDArray[numpy.float32]


class Model(Protocol):
    """One model; `files` are what its vectors depend on."""

    files: tuple[Path, ...]

    def vector(self, text: str) -> Matrix:
        """Returns the vector of one text, of any length."""


class Encoder:
    """A model and the name of what it makes."""

    def __init__(self, settings: Settings) -> None:
        self._model: Model = importlib.import_module(f"app.{settings.kind}").Model(settings)
        self.fingerprint = _fingerprint(self._model, settings)

    def encode(self, texts: Iterable[str], *, threads: int = 1) -> Matrix:
        """Returns one row of length 1 a text; a text's row depends on it alone, not on who encodes the others."""
        with ThreadPoolExecutor(threads) as pool:
            rows = pool.map(self._model.vector, texts) if threads > 1 else map(self._model.vector, texts)
            matrix = numpy.array(list(rows), "f4")
        lengths = numpy.linalg.norm(matrix, axis=1, keepdims=True)
        unit: Matrix = matrix / numpy.where(lengths == 0, 1, lengths)
        return unit


def one_file(directory: Path, pattern: str) -> Path:
    """Finds the one file of that form below a directory; raises FileNotFoundError."""
    found = sorted(directory.rglob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"{directory} has {len(found)} files {pattern}, the encoder needs one")
    return found[0]


def _fingerprint(model: Model, settings: Settings) -> str:
    """Hashes everything a stored vector depends on: settings and the bytes of the model's files."""
    state = hashlib.sha256(json.dumps([settings.kind, settings.dimensions, settings.bits]).encode())
    for file in model.files:
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()[:16]

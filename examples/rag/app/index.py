"""The index: one vector a passage, kept as floats or as signs, and the search over it.

Written by the worker to a temporary name and renamed, so a reader sees all of an index or none of it. The name is
the encoder's fingerprint: two versions of the app share the volume and never each other's vectors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy
from numpy.typing import NDArray

from app.corpus import Passage
from app.encoder import Matrix

_ONES = numpy.array([byte.bit_count() for byte in range(256)], "u1")


class Index:
    """Titles, passages and vectors; `bits` 32 compares by cosine, 1 by the number of equal signs."""

    def __init__(self, titles: Sequence[str], texts: Sequence[str], vectors: NDArray[numpy.generic], bits: int) -> None:
        self.titles = list(titles)
        self.texts = list(texts)
        self.bits = bits
        self.vectors = vectors

    @classmethod
    def of(cls, passages: Sequence[Passage], vectors: Matrix, *, dimensions: int, bits: int) -> Index:
        """Builds the index of passages from their vectors."""
        stored = _signs(vectors[:, :dimensions]) if bits == 1 else vectors[:, :dimensions]
        return cls([one.title for one in passages], [one.text for one in passages], stored, bits)

    def search(self, vector: Matrix, count: int = 3) -> list[int]:
        """Returns the positions of the nearest passages, the nearest first; equals in the order of the index."""
        if self.bits == 1:
            width = self.vectors.shape[1]
            far = _ONES[self.vectors ^ _signs(vector[None, : width * 8])].sum(1)  # type: ignore[operator]
            return numpy.argsort(far, kind="stable")[:count].tolist()
        near = self.vectors @ vector[: self.vectors.shape[1]]  # type: ignore[operator]
        return numpy.argsort(-near, kind="stable")[:count].tolist()

    def write(self, file: Path) -> None:
        """Writes the index whole or not at all."""
        part = file.with_name(f".{file.name}.{os.getpid()}")
        with part.open("wb") as stream:
            numpy.savez(stream, titles=self.titles, texts=self.texts, vectors=self.vectors, bits=self.bits)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)

    @classmethod
    def read(cls, file: Path) -> Index:
        """Reads an index written by `write`."""
        with numpy.load(file, allow_pickle=False) as parts:
            return cls(parts["titles"].tolist(), parts["texts"].tolist(), parts["vectors"], int(parts["bits"]))


def _signs(vectors: Matrix) -> NDArray[numpy.uint8]:
    return numpy.packbits(vectors > 0, axis=1)

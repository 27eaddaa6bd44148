"""What the app is told: `encoder.toml` beside it, and where models and index lie."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("static", "minilm")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to encode, and the three directories."""

    kind: str
    dimensions: int
    bits: int
    models: Path
    vocabulary: Path
    index: Path


def load(file: Path = ROOT / "encoder.toml") -> Settings:
    """Reads the settings; raises ValueError if they make no encoder."""
    written = tomllib.loads(file.read_text())
    settings = Settings(
        kind=written["kind"],
        dimensions=written["dimensions"],
        bits=written["bits"],
        models=Path(os.environ.get("MODELS_DIR", "/opt/models")),
        vocabulary=Path(os.environ.get("VOCABULARY_DIR", ROOT / "vocabulary")),
        index=Path(os.environ.get("INDEX_DIR", "/index")),
    )
    if settings.kind not in KINDS or settings.bits not in (1, 32) or settings.dimensions % 8:
        raise ValueError(f"{file}: kind is one of {KINDS}, bits 1 or 32, dimensions a multiple of 8")
    return settings

"""Where evidence lies on this machine: data, which `git clean` in a project cannot reach, and state, apart from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from seaway.evidence.pin import UNPINNED, Pin


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one ledger, by its origin, and what the project pins of it."""

    data: Path
    state: Path
    origin: str
    pin: Pin = UNPINNED

    @classmethod
    def of_user(cls, origin: str, environment: Mapping[str, str] = os.environ, *, pin: Pin = UNPINNED) -> Self:
        """Returns the user's own place: SEAWAY_DATA_DIR and SEAWAY_STATE_DIR, else the XDG base directories."""
        home = Path(environment.get("HOME") or Path.home())
        data = home / "Library/Application Support" if sys.platform == "darwin" else home / ".local/share"
        return cls(
            _chosen(environment, "SEAWAY_DATA_DIR", "XDG_DATA_HOME", data),
            _chosen(environment, "SEAWAY_STATE_DIR", "XDG_STATE_HOME", home / ".local/state"),
            origin,
            pin,
        )

    @property
    def ledger(self) -> Path:
        """The ledger's directory."""
        return self.data / "ledger" / self.origin

    @property
    def memory(self) -> Path:
        """What is remembered of the ledger."""
        return self.state / "checkpoint" / self.origin

    @property
    def keys(self) -> Path:
        """Where key files lie."""
        return self.data / "keys"


def _chosen(environment: Mapping[str, str], ours: str, base: str, default: Path) -> Path:
    if environment.get(ours):
        return Path(environment[ours])
    # The XDG specification: a relative path is invalid and must be ignored.
    given = Path(environment.get(base) or "")
    return (given if given.is_absolute() else default) / "seaway"

"""What a verification of a ledger's directory found, file by file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from seaway.errors import EvidenceError, EvidenceInvalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, and the file it is in."""

    file: str
    says: str

    def __str__(self) -> str:
        return f"{self.file}: {self.says}"


@dataclass(slots=True)
class Report:
    """What was found: nothing in `problems` means every byte that counts is as it was written."""

    directory: Path
    origin: str = ""
    size: int = 0
    root: bytes = b""
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def or_raise(self) -> None:
        """Raises EvidenceInvalid that names the first problems."""
        if self.problems:
            shown = "; ".join(map(str, self.problems[:5]))
            raise EvidenceInvalid(f"{len(self.problems)} faults: {shown}", where=self.directory)

    def problem(self, path: Path, says: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(self._name(path), says))

    def note(self, path: Path, says: str) -> None:
        """Adds a note."""
        self.notes.append(Problem(self._name(path), says))

    def tried(self, path: Path, action: Callable[[], T]) -> T | None:
        """Runs a check; its error becomes a problem of the file."""
        try:
            return action()
        except EvidenceError as error:
            self.problem(path, error.says)
        except OSError as error:
            self.problem(path, error.strerror or "cannot be read")
        return None

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.directory)) if path.is_relative_to(self.directory) else str(path)

"""`Source`: the one door through which the loader reads files, and the record of what came through it.

Every file an app is loaded from is read here and remembered with its SHA-256 and role, so that a bundle can carry
exactly these files and another machine can load the same app from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seaway.digest import Digest
from seaway.errors import ConsistencyError, LimitExceeded, SourceMissing

Role = Literal["compose", "config", "env", "label"]

LARGEST = 16 << 20


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A file that was read: `path` relative to the project directory where it lies inside, its digest and role."""

    path: str
    digest: Digest
    role: Role


@dataclass(slots=True)
class Source:
    """A folder; `taken` records what it handed out, by path and role; `drafts` stand for files not yet written."""

    directory: Path
    taken: dict[tuple[str, str], SourceFile] = field(default_factory=dict)
    allowed: tuple[Path, ...] | None = None
    drafts: Mapping[Path, bytes] = field(default_factory=dict)

    def confine(self, roots: Sequence[str]) -> None:
        """From now on refuses files outside the folder and these other ones."""
        self.allowed = tuple((self.directory / root).resolve() for root in (".", *roots))

    def read(self, path: Path, role: Role) -> bytes:
        """Reads a file; raises SourceMissing, or LimitExceeded above 16 MiB, ConsistencyError outside."""
        self._refuse_outside(path)
        data = self.drafts[path] if path in self.drafts else self._from_disk(path)
        name = self.name(path)
        self.taken[name, role] = SourceFile(name, Digest.of(data), role)
        return data

    def _from_disk(self, path: Path) -> bytes:
        try:
            if path.stat().st_size > LARGEST:
                raise LimitExceeded(f"{path.name} is larger than {LARGEST >> 20} MiB", where=path)
            return path.read_bytes()
        except FileNotFoundError as problem:
            raise SourceMissing(f"{path} is not there", where=path) from problem
        except OSError as problem:
            raise SourceMissing(f"{path} cannot be read: {problem.strerror}", where=path) from problem

    def _refuse_outside(self, path: Path) -> None:
        if self.allowed is not None and not any(path.resolve().is_relative_to(root) for root in self.allowed):
            raise ConsistencyError(
                f"{path} lies outside the project, and a release is made of the project's files [SW-018]",
                where=path,
                hint=f"move it inside, or name its folder: x-seaway.roots: [{path.parent}]",
            )

    def has(self, path: Path) -> bool:
        """Returns whether there is such a file."""
        return path in self.drafts or path.exists()

    def real(self, path: str) -> str:
        """Returns a path with its symlinks followed."""
        return str(Path(path).resolve())

    def name(self, path: Path) -> str:
        """Returns a path as it is shown and recorded: relative to the folder where it lies inside it."""
        return path.relative_to(self.directory).as_posix() if path.is_relative_to(self.directory) else path.as_posix()

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """What was read so far, sorted."""
        return tuple(sorted(self.taken.values()))

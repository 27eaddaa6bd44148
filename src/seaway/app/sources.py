"""`Source`: the one door through which the loader reads files, and the record of what came through it.

Every file an app is loaded from is read here and remembered with its SHA-256 and role, so that a bundle can carry
exactly these files and another machine can load the same app from them.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from seaway.digest import Digest
from seaway.errors import ConsistencyError, LimitExceeded, SourceMissing

Role = Literal["compose", "config", "env", "label"]

# No project comes near; what is linear in a file's size stays within two seconds below it.
LARGEST = 4 << 20
LARGEST_ENV = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """A file that was read: `path` relative to the project directory where it lies inside, its digest and role."""

    path: str
    digest: Digest
    role: Role


def read_regular(path: Path, limit: int = LARGEST_ENV) -> bytes:
    """Reads a file that is no pipe and not larger than a limit; raises SourceMissing, LimitExceeded."""
    try:
        with path.open("rb") if path.is_file() or path.is_dir() else _opened(path) as file:
            data = file.read(limit + 1)
    except FileNotFoundError as problem:
        raise SourceMissing(f"{path} is not there", where=path) from problem
    except (OSError, ValueError) as problem:
        raise SourceMissing(f"{path} cannot be read: {getattr(problem, 'strerror', problem)}", where=path) from problem
    if len(data) > limit:
        raise LimitExceeded(f"{path.name} is larger than {limit >> 20} MiB", where=path)
    return data


def _opened(path: Path) -> BinaryIO:
    if stat.S_ISFIFO(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is a pipe")
    return path.open("rb")


def is_file(path: Path) -> bool:
    """Returns whether there is a regular file; a path no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Returns whether there is anything at a path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def followed(path: Path) -> Path:
    """Returns a path with its symlinks followed as far as they lead anywhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path.absolute()


@dataclass(slots=True)
class Source:
    """A folder; `taken` records what it handed out, by path and role; `drafts` stand for files not yet written."""

    directory: Path
    taken: dict[tuple[str, str], SourceFile] = field(default_factory=dict)
    allowed: tuple[Path, ...] | None = None
    drafts: Mapping[Path, bytes] = field(default_factory=dict)

    def confine(self, roots: Sequence[str]) -> None:
        """From now on refuses files outside the folder and these other ones."""
        self.allowed = tuple(followed(self.directory / root) for root in (".", *roots))

    def read(self, path: Path, role: Role) -> bytes:
        """Reads a file; raises SourceMissing, LimitExceeded for one too large, ConsistencyError outside."""
        self._refuse_outside(path)
        limit = LARGEST_ENV if role in ("env", "label") else LARGEST
        data = self.drafts[path] if path in self.drafts else read_regular(path, limit)
        name = self.name(path)
        self.taken[name, role] = SourceFile(name, Digest.of(data), role)
        return data

    def _refuse_outside(self, path: Path) -> None:
        if self.allowed is not None and not any(followed(path).is_relative_to(root) for root in self.allowed):
            raise ConsistencyError(
                f"{path} lies outside the project, and a release is made of the project's files [SW-018]",
                where=path,
                hint=f"move it inside, or name its folder: x-seaway.roots: [{path.parent}]",
            )

    def has(self, path: Path) -> bool:
        """Returns whether there is such a file."""
        return path in self.drafts or exists(path)

    def real(self, path: str) -> str:
        """Returns a path with its symlinks followed."""
        return str(followed(Path(path)))

    def name(self, path: Path) -> str:
        """Returns a path as it is shown and recorded: relative to the folder where it lies inside it."""
        return path.relative_to(self.directory).as_posix() if path.is_relative_to(self.directory) else path.as_posix()

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """What was read so far, sorted."""
        return tuple(sorted(self.taken.values()))

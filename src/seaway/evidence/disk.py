"""The few ways in which bytes reach the disk, each whole or not at all.

Every write of the ledger goes through here, apart from its SQLite index, which is derived. Names begin with a dot
while a file is being written; `sweep` removes what a killed process left of that kind. Errors of the operating
system pass through: the store decides what they mean.
"""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

_PREFIX = ".tmp-"


def write_file(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Writes a file by temporary file and rename; `durable` syncs its bytes first, though not the directory."""
    temporary = path.with_name(f"{_PREFIX}{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data)
        if durable:
            sync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes a file and syncs it and its directory."""
    write_file(path, data, mode=mode, durable=True)
    sync_path(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of `data`; the kernel may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync(descriptor: int) -> None:
    """Makes a file's bytes and its length durable; on macOS fsync alone does not."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def sync_path(path: Path) -> None:
    """Makes a file's bytes, or a directory's names, durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path, *, mode: int = 0o755) -> list[Path]:
    """Makes a directory and its parents; returns the directories whose names changed, which need a sync."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(mode=mode, exist_ok=True)
    return [directory.parent for directory in missing]


def sweep(directory: Path) -> None:
    """Removes unfinished temporary files below a directory."""
    for path in directory.rglob(f"{_PREFIX}*"):
        path.unlink(missing_ok=True)

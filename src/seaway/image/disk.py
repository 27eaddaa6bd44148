"""Files that survive a crash: the few steps by which the store, and `seaway.lock`, change what is on disk.

Rules: bytes are synced before they get their name, the name's directory is synced before anybody is told.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seaway.errors import StoreError

_FREE_SPACE = "free some space, or run: seaway image prune"


def replace(path: Path, data: bytes) -> None:
    """Replaces a file's content as one step: written beside it, synced, renamed, directory synced."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Makes a directory and what is missing above it, each name durable."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Turns an error of the operating system into a StoreError with its file, or `directory`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the store cannot be written: {error.strerror or error}",
            where=error.filename or directory,
            hint=_FREE_SPACE,
        ) from error

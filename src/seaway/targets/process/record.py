"""Small JSON files that are whole or absent: written beside, synced, renamed, the folder synced.

A reader sees the old value or the new one; a process killed anywhere, or a full disk, leaves the old one. What a killed
process had renamed may be seen and yet not be durable: whoever finds it and answers for it syncs its folder again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from seaway.errors import StoreError, Undetermined


def write_bytes(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file's content whole; raises StoreError and leaves the old content if it cannot."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreError(
            f"cannot be written: {error.strerror}", where=path, hint="free some space, then again"
        ) from error
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents for the owner alone, each with its name durable; what is there stays as it is."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    if os.access(folder.parent, os.R_OK | os.W_OK):  # else this one was not made by us
        sync_folder(folder.parent)  # whoever made this one may have been killed before the sync
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_json(path: Path, value: object, *, mode: int = 0o600) -> None:
    """Replaces a JSON file whole."""
    write_bytes(path, json.dumps(value, sort_keys=True, indent=1).encode() + b"\n", mode=mode)


def keep_json(path: Path, value: object) -> None:
    """Makes a JSON file hold a value durably; one that holds it already is not written again, only its name synced."""
    if read_json(path) == value:
        sync_folder(path.parent)  # its bytes were synced before it got this name
    else:
        write_json(path, value)


def read_json(path: Path) -> dict[str, Any] | None:
    """Returns the object in a file, None if there is none; raises Undetermined for damage."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Undetermined(f"the state file is damaged: {error}", where=path, hint=f"move {path} away") from error
    if not isinstance(value, dict):
        raise Undetermined("the state file is not a JSON object", where=path, hint=f"move {path} away")
    return value

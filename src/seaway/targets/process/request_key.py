"""The key of an environment by which its replicas sign the tokens of requests: made once, readable by its owner alone.

Whoever has it can tell a token of this environment from one that somebody made up. It lies with the environment's
state: volumes, secrets and this outlive `down`. A cell gets a copy that its own user may read.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import sync_folder, write_bytes

INSIDE_CELL = "/run/seaway-request.key"
_BYTES = 32


def known_key(paths: EnvironmentPaths) -> bytes:
    """Returns the key as programs read it; empty where none was made."""
    try:
        return paths.request_key.read_bytes().strip()
    except FileNotFoundError:
        return b""


def request_key(paths: EnvironmentPaths) -> bytes:
    """Returns the environment's key, made the first time; of two that make it at once one wins for both."""
    if known := known_key(paths):
        sync_folder(paths.folder)  # whoever made it may have been killed before the sync
        return known
    beside = paths.request_key.with_name(f".request.key.{os.getpid()}.{secrets.token_hex(4)}")
    write_bytes(beside, secrets.token_hex(_BYTES).encode() + b"\n", mode=0o600)
    try:
        os.link(beside, paths.request_key)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync_folder(paths.folder)
    return known_key(paths)


def lend(paths: EnvironmentPaths, place: Path, owner: tuple[int, int] | None) -> None:
    """Puts a copy of the key where a cell binds it in; `owner` None: the program runs as this user."""
    write_bytes(place, request_key(paths) + b"\n", mode=0o400)
    if owner is not None:
        os.chown(place, *owner)

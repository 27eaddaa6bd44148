"""Becomes a long-lived host program, such as Envoy, that can be found again: lock, `run.json`, then exec."""

from __future__ import annotations

import fcntl
import os

from .kernel import start_of, write_json


def keep(directory: str, argv: list[str]) -> int:
    """Holds the folder's lock through exec; returns 3 when another process holds it already."""
    lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    write_json(f"{directory}/run.json", {"pid": os.getpid(), "start": start_of(os.getpid())})
    return os.execv(argv[0], argv)

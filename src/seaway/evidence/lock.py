"""The writer's lock: an exclusive flock, which ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from seaway.errors import LedgerUnavailable

_PAUSE = 0.02


class Lock:
    """A file that one process at a time holds."""

    def __init__(self, descriptor: int) -> None:
        """Takes a descriptor that is locked."""
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, wait: float) -> Self:
        """Takes the lock within `wait` seconds; raises LedgerUnavailable."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        end = time.monotonic() + wait
        while not _locked(descriptor):
            if time.monotonic() >= end:
                os.close(descriptor)
                raise LedgerUnavailable(
                    "another process writes to the ledger", where=path, hint="try again when it is done"
                )
            time.sleep(_PAUSE)
        return cls(descriptor)

    def release(self) -> None:
        """Gives the lock back."""
        os.close(self._descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

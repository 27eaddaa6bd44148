"""The name by which the agent's socket is bound and reached."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Yields a name of a socket that fits into the 108 bytes of `sun_path`, however deep its folder lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

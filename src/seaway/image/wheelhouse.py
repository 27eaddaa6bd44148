"""Where the files of locked wheels come from: beside the lock, the cache, the package index, their address.

Rules: a file is used only with its locked SHA-256; the index that the machine is set up for is asked before an
address that a lock, perhaps made elsewhere, names. Not here: which wheels (`lock.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from seaway.digest import Digest
from seaway.errors import DigestMismatch, WheelError
from seaway.image.index import WheelFile, cached_wheel, download_wheel, fetch_wheel
from seaway.image.model import LockedWheel


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """The files of wheels for a project whose lock lies in `directory`, through a cache of downloads."""

    directory: Path
    cache: Path

    def fetch(self, wheel: LockedWheel) -> Path:
        """Returns a wheel's file; raises DigestMismatch, WheelError."""
        if wheel.url and not urlsplit(wheel.url).scheme:
            return self._beside(wheel)
        if kept := cached_wheel(wheel.sha256, cache=self.cache):
            return kept
        try:
            return fetch_wheel(wheel.name, wheel.version, sha256=wheel.sha256, cache=self.cache)
        except WheelError:
            if not wheel.url:
                raise
            there = WheelFile(wheel.filename, wheel.url, wheel.sha256, wheel.size or None)
            return download_wheel(there, cache=self.cache)

    def _beside(self, wheel: LockedWheel) -> Path:
        path = self.directory / wheel.url
        try:
            with path.open("rb") as stream:
                found = Digest.of_stream(stream)
        except OSError as error:
            raise WheelError(f"the wheel cannot be read: {error.strerror}", where=path) from error
        if found != wheel.sha256:
            raise DigestMismatch(f"expected {wheel.sha256}, got {found}", where=path, hint="run `seaway lock`")
        return path

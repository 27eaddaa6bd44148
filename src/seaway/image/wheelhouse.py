"""Where the files of locked wheels lie on this machine: beside the lock, or in the cache of downloads.

Rules: a file counts only with its locked SHA-256. This file knows no network, so that a conversion imports none;
what is missing is fetched by `resolver.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seaway.digest import Digest
from seaway.errors import DigestMismatch, WheelError
from seaway.image.model import LockedWheel


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of wheels are: those a lock names by path, from its `directory`, all others in `cache`."""

    directory: Path
    cache: Path

    def json(self) -> dict[str, str]:
        """Returns the places as a job of a worker has them."""
        return {"directory": str(self.directory.absolute()), "cache": str(self.cache.absolute())}

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> Places:
        """Reads what `json` gives."""
        return cls(Path(job["directory"]), Path(job["cache"]))

    def find(self, wheel: LockedWheel) -> Path | None:
        """Returns where a wheel's file is, not yet verified, or None where it must be fetched."""
        if is_local(wheel):
            return self.directory / wheel.url
        path = self.cache / "wheels" / wheel.sha256.hex / wheel.filename
        return path if path.is_file() else None

    def verified(self, wheel: LockedWheel) -> Path:
        """Returns where a wheel's file is; raises WheelError where it is missing, DigestMismatch for other bytes."""
        path = self.find(wheel)
        try:
            if path is None:
                raise FileNotFoundError(2, "it was not fetched")
            with path.open("rb") as stream:
                found = Digest.of_stream(stream)
        except OSError as error:
            raise WheelError(f"the wheel cannot be read: {error.strerror}", where=path or wheel.filename) from error
        if found == wheel.sha256:
            return path
        if is_local(wheel):
            raise DigestMismatch(f"expected {wheel.sha256}, got {found}", where=path, hint="run `seaway lock`")
        path.unlink()
        raise DigestMismatch(
            f"expected {wheel.sha256}, got {found}", where=path, hint="the file is deleted; build again"
        )


def is_local(wheel: LockedWheel) -> bool:
    """Tells whether a lock names the wheel by a path."""
    return bool(wheel.url) and not urlsplit(wheel.url).scheme

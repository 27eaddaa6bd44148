"""Reads package locks and fetches wheels as a process of its own, the only worker that knows a network.

Run by `crew.py`, like `worker.py`: one JSON request a line in, one answer a line out. Rules: the index that the
machine is set up for is asked before an address that a lock, perhaps made elsewhere, names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from seaway.errors import WheelError
from seaway.http import Client
from seaway.image.answers import answer
from seaway.image.index import WheelFile, download_wheel, fetch_wheel, index_url, list_wheels
from seaway.image.lock import Reader
from seaway.image.model import LockedWheel, Platform
from seaway.image.tags import TargetPython
from seaway.image.wheelhouse import Places

_FETCHES = 8


def resolve(job: Mapping[str, Any]) -> dict[str, object]:
    """Reads a lock for a target; the job has `lock`, `python` (x.y.z), `libc`, `platform`, `directory`, `cache`."""
    target = TargetPython(job["python"], job["libc"], Platform.parse(job["platform"]))
    index_url()  # it may ask pip: once, before many threads want to know
    with Client(error=WheelError) as client:
        wheels = Reader(target, partial(list_wheels, client=client)).read(Path(job["lock"]))
        unsized = _fetch_all([wheel for wheel in wheels if not wheel.size], Places.of_job(job), client)
    sizes = {wheel.sha256: path.stat().st_size for wheel, path in unsized.items()}
    return {"wheels": [replace(wheel, size=wheel.size or sizes[wheel.sha256]).json() for wheel in wheels]}


def fetch(job: Mapping[str, Any]) -> dict[str, object]:
    """Brings the wheels of a job into the cache; the job has `wheels`, `directory`, `cache`."""
    index_url()
    with Client(error=WheelError) as client:
        found = _fetch_all([LockedWheel.parse(body) for body in job["wheels"]], Places.of_job(job), client)
    return {"fetched": len(found)}


def _fetch_all(wheels: Sequence[LockedWheel], places: Places, client: Client) -> dict[LockedWheel, Path]:
    with ThreadPoolExecutor(_FETCHES) as pool:
        paths = pool.map(lambda wheel: places.find(wheel) or _fetch(wheel, places.cache, client), wheels)
        return dict(zip(wheels, paths, strict=True))


def _fetch(wheel: LockedWheel, cache: Path, client: Client) -> Path:
    try:
        return fetch_wheel(wheel.name, wheel.version, sha256=wheel.sha256, cache=cache, client=client)
    except WheelError:
        if not wheel.url:
            raise
        there = WheelFile(wheel.filename, wheel.url, wheel.sha256, wheel.size or None)
        return download_wheel(there, cache=cache, client=client)


_VERBS: dict[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {"resolve": resolve, "fetch": fetch}

if __name__ == "__main__":
    answer(_VERBS)

"""Converts wheels to layers as a process of its own: one JSON request a line in, one JSON answer a line out.

Run by `crew.py` as `python -P -m seaway.image.worker`. It keeps what opening wheels needs (`installer`,
`packaging`: 0.07 s each) out of a build that has nothing to convert, and uses the second core. The bytes of a layer do
not depend on which process makes it, nor on how many there are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from seaway.digest import Digest, canonical
from seaway.errors import FindingsError, SeawayError, WheelError
from seaway.findings import Finding
from seaway.http import Client
from seaway.image.collision import ENVIRONMENT, Claim, settle
from seaway.image.facts import ElfWatch, LayerRecord, files_json, finding_json
from seaway.image.index import index_url, list_wheels
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.lock import Reader
from seaway.image.model import Component, Entry, LockedWheel, Platform
from seaway.image.sbom import wheel_component
from seaway.image.tags import TargetPython
from seaway.image.wheel import Wheel, install, read_wheel
from seaway.image.wheelhouse import Wheelhouse

_FETCHES = 8


def convert(job: Mapping[str, Any]) -> dict[str, object]:
    """Makes one layer of wheels and keeps it and its record under the job's key.

    The job has `store`, `key`, `name`, `python` (x.y), `gzip`, `wheels`, `directory`, `cache` and `drops`
    (sha256 -> paths).
    """
    store, findings, components, watch = Layout(Path(job["store"])), list[Finding](), list[Component](), ElfWatch()

    def entries() -> Iterator[Entry]:
        for locked, path in _fetch(job):
            wheel = read_wheel(path)
            found = install(wheel, job["python"], frozenset(job["drops"].get(locked.sha256.hex, ())))
            findings.extend(found.findings)
            components.append(wheel_component(wheel.name, wheel.version, _licenses(wheel), locked.sha256.hex))
            yield from found.entries

    with store.writer() as writer:
        written = write_layer(entries(), writer, gzip=job["gzip"], watch=watch)
        writer.commit(written.digest)
    files = store.put(files_json(written.facts))
    record = LayerRecord(written.layer(job["name"]), files, tuple(components), watch.elves, tuple(findings))
    store.index_layer(Digest(job["key"]), canonical(record.json()))
    return record.json()


def collide(job: Mapping[str, Any]) -> dict[str, object]:
    """Settles which wheel keeps a path that several bring; the job is as for `convert`, with
    `winner` and `reserved`."""
    claims = [Claim(ENVIRONMENT, path, "", 0) for path in job["reserved"]]
    owners: dict[str, str] = {}
    for locked, path in _fetch(job):
        wheel = read_wheel(path)
        owners[wheel.name] = locked.sha256.hex
        for entry in install(wheel, job["python"]).entries:
            claims.append(Claim(wheel.name, entry.path, entry.content.sha256 if entry.content else "", entry.mode))
    settled = settle(claims, job["winner"])
    drops = {owners[name]: sorted(paths) for name, paths in settled.drops.items() if name in owners}
    return {"drops": drops, "findings": [finding_json(finding) for finding in settled.findings]}


def resolve(job: Mapping[str, Any]) -> dict[str, object]:
    """Reads a lock for a target; the job has `lock`, `python` (x.y.z), `libc`, `platform`, `directory`, `cache`."""
    target = TargetPython(job["python"], job["libc"], Platform.parse(job["platform"]))
    house = Wheelhouse(Path(job["directory"]), Path(job["cache"]))
    index_url()  # it may ask pip: once, before many threads want to know
    with Client(error=WheelError) as client:
        wheels = Reader(target, partial(list_wheels, client=client)).read(Path(job["lock"]))
    with ThreadPoolExecutor(_FETCHES) as pool:
        sized = list(pool.map(lambda wheel: wheel if wheel.size else _sized(wheel, house), wheels))
    return {"wheels": [wheel.json() for wheel in sized]}


_VERBS: dict[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {
    "convert": convert,
    "collide": collide,
    "resolve": resolve,
}


def _fetch(job: Mapping[str, Any]) -> list[tuple[LockedWheel, Path]]:
    """Returns the wheels of a job and their files, verified; fetched a few at a time where they are not here."""
    house = Wheelhouse(Path(job["directory"]), Path(job["cache"]))
    wheels = [LockedWheel.parse(body) for body in job["wheels"]]
    with ThreadPoolExecutor(_FETCHES) as pool:
        return list(zip(wheels, pool.map(house.fetch, wheels), strict=True))


def _sized(wheel: LockedWheel, house: Wheelhouse) -> LockedWheel:
    return replace(wheel, size=house.fetch(wheel).stat().st_size)


def _licenses(wheel: Wheel) -> Iterator[str]:
    """Yields what METADATA says: the SPDX expression, else the first line of License, else the classifiers."""
    expression, free = wheel.metadata.get("License-Expression"), str(wheel.metadata.get("License") or "")
    if expression:
        yield str(expression)
    elif free and free != "UNKNOWN":
        yield free.splitlines()[0].strip()[:100]
    else:
        for line in wheel.metadata.get_all("Classifier") or ():
            if str(line).startswith("License ::"):
                yield str(line).rpartition(" :: ")[2]


def _answer(line: str) -> dict[str, object]:
    job = cast("Mapping[str, Any]", json.loads(line))
    try:
        return {"done": _VERBS[job["verb"]](job)}
    except FindingsError as error:
        return {"findings": [finding_json(finding) for finding in error.findings], "hint": error.hint}
    except SeawayError as error:
        return {"error": type(error).__name__, "says": error.says, "where": error.where, "hint": error.hint}


def main() -> None:
    """Answers requests until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

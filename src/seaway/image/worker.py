"""Converts wheels to layers as a process of its own: one JSON request a line in, one JSON answer a line out.

Run by `crew.py` as `python -P -m seaway.image.worker`. It keeps what opening wheels needs (`installer`,
`packaging`: 0.07 s each) out of a build that has nothing to convert, and uses the second core. The bytes of a layer do
not depend on which process makes it, nor on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seaway.digest import Digest, canonical
from seaway.findings import Finding
from seaway.image.answers import answer
from seaway.image.collision import ENVIRONMENT, Claim, settle
from seaway.image.facts import ElfWatch, LayerRecord, files_json, finding_json
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Component, Entry, LockedWheel, Platform
from seaway.image.sbom import wheel_component
from seaway.image.tags import TargetPython, check_tags
from seaway.image.wheel import Wheel, install, read_wheel
from seaway.image.wheelhouse import Places


def convert(job: Mapping[str, Any]) -> dict[str, object]:
    """Makes one layer of wheels and keeps it and its record under the job's key.

    The job has `store`, `key`, `name`, `python` (x.y), `gzip`, `wheels`, `directory`, `cache` and `drops`
    (sha256 -> paths).
    """
    store, findings, components, watch = Layout(Path(job["store"])), list[Finding](), list[Component](), ElfWatch()

    def entries() -> Iterator[Entry]:
        for locked, wheel in _wheels(job):
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
    """Settles which wheel keeps a path that several bring, and whether all are for the target.

    The job has `wheels`, `directory`, `cache`, `python`, `winner`, `reserved` and `target` (x.y.z, libc, platform).
    """
    python, libc, platform = job["target"]
    findings = list(
        check_tags(map(LockedWheel.parse, job["wheels"]), TargetPython(python, libc, Platform.parse(platform)))
    )
    claims = [Claim(ENVIRONMENT, path, "", 0) for path in job["reserved"]]
    owners: dict[str, str] = {}
    for locked, wheel in _wheels(job):
        owners[wheel.name] = locked.sha256.hex
        for entry in install(wheel, job["python"]).entries:
            claims.append(Claim(wheel.name, entry.path, entry.content.sha256 if entry.content else "", entry.mode))
    settled = settle(claims, job["winner"])
    drops = {owners[name]: sorted(paths) for name, paths in settled.drops.items() if name in owners}
    return {"drops": drops, "findings": [finding_json(finding) for finding in (*findings, *settled.findings)]}


_VERBS: dict[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {
    "convert": convert,
    "collide": collide,
}


def _wheels(job: Mapping[str, Any]) -> Iterator[tuple[LockedWheel, Wheel]]:
    """Yields the wheels of a job, verified and opened."""
    places = Places.of_job(job)
    for body in job["wheels"]:
        locked = LockedWheel.parse(body)
        yield locked, read_wheel(places.verified(locked))


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


if __name__ == "__main__":
    answer(_VERBS)

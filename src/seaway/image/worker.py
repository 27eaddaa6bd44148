"""Converts wheels to layers as a process of its own: one JSON request a line in, one JSON answer a line out.

Run by `crew.py` as `python -P -m seaway.image.worker`. It keeps what opening wheels needs (`installer`,
`packaging`: 0.07 s each) out of a build that has nothing to convert, and uses the second core. The bytes of a layer do
not depend on which process makes it, nor on how many there are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, FindingsError, SeawayError
from seaway.findings import Finding
from seaway.image.collision import ENVIRONMENT, Claim, settle
from seaway.image.facts import ElfWatch, LayerRecord, files_json, finding_json
from seaway.image.layer import write_layer
from seaway.image.layout import Layout
from seaway.image.model import Component, Entry
from seaway.image.sbom import wheel_component
from seaway.image.wheel import Wheel, install, read_wheel


def convert(job: Mapping[str, Any]) -> dict[str, object]:
    """Makes one layer of wheels and keeps it and its record under the job's key.

    The job has `store`, `key`, `name`, `python` (x.y), `gzip`, `wheels` ({path, sha256}) and `drops` (sha256 -> paths).
    """
    store, findings, components, watch = Layout(Path(job["store"])), list[Finding](), list[Component](), ElfWatch()

    def entries() -> Iterator[Entry]:
        for item in job["wheels"]:
            wheel = _open(item)
            found = install(wheel, job["python"], frozenset(job["drops"].get(item["sha256"], ())))
            findings.extend(found.findings)
            components.append(_component(wheel, item["sha256"]))
            yield from found.entries

    with store.writer() as writer:
        written = write_layer(entries(), writer, gzip=job["gzip"], watch=watch)
        writer.commit(written.digest)
    files = store.put(files_json(written.facts))
    record = LayerRecord(written.layer(job["name"]), files, tuple(components), watch.elves, tuple(findings))
    store.index_layer(Digest(job["key"]), canonical(record.json()))
    return record.json()


def collide(job: Mapping[str, Any]) -> dict[str, object]:
    """Settles which wheel keeps a path that several bring; the job has `wheels`, `python`, `winner`, `reserved`."""
    claims = [Claim(ENVIRONMENT, path, "", 0) for path in job["reserved"]]
    owners: dict[str, str] = {}
    for item in job["wheels"]:
        wheel = _open(item)
        owners[wheel.name] = item["sha256"]
        for entry in install(wheel, job["python"]).entries:
            claims.append(Claim(wheel.name, entry.path, entry.content.sha256 if entry.content else "", entry.mode))
    settled = settle(claims, job["winner"])
    drops = {owners[name]: sorted(paths) for name, paths in settled.drops.items() if name in owners}
    return {"drops": drops, "findings": [finding_json(finding) for finding in settled.findings]}


_VERBS: dict[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {"convert": convert, "collide": collide}


def _open(item: Mapping[str, str]) -> Wheel:
    path, sha256 = Path(item["path"]), Digest(item["sha256"])
    with path.open("rb") as stream:
        found = Digest.of_stream(stream)
    if found != sha256:
        raise DigestMismatch(f"expected {sha256}, got {found}", where=path.name, hint="delete the file and build again")
    return read_wheel(path)


def _component(wheel: Wheel, sha256: str) -> Component:
    return wheel_component(wheel.name, wheel.version, _licenses(wheel), sha256)


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

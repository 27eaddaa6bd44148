"""Where layers are made: each is looked up by its key first, and only what is missing is fetched and converted.

Rules: equal keys mean equal bytes; the order and number of worker processes do not matter; a record whose layer is gone
counts as none. Not here: which layers there are (`layer_plan.py`), what becomes of them (`build.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, FindingsError, StoreError
from seaway.image.crew import run_jobs
from seaway.image.facts import ElfWatch, LayerRecord, files_json, parse_finding
from seaway.image.layer import write_layer
from seaway.image.layer_plan import PlannedLayer
from seaway.image.layout import Layout
from seaway.image.model import Base, Entry, LockedWheel
from seaway.image.wheelhouse import Places as Places

Drops = Mapping[Digest, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class WheelLayer:
    """A layer of wheels as planned and as made."""

    key: Digest
    planned: PlannedLayer
    record: LayerRecord
    is_new: bool

    def check(self, expected: Mapping[Digest, Digest]) -> None:
        """Raises DigestMismatch if a lock records this key with another digest."""
        found, recorded = self.record.layer.descriptor.digest, expected.get(self.key)
        if recorded is not None and recorded != found:
            raise DigestMismatch(
                f"layer {self.planned.name!r} was recorded as {recorded} and made as {found}",
                where=f"layer key {self.key}",
                hint="the lock or a wheel was changed: seaway verify-build compares them",
            )


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes layers into a store, for the Python of a base; `workers` None: one a core."""

    store: Layout
    places: Places
    base: Base
    gzip: str
    workers: int | None = None

    @property
    def python(self) -> str:
        """The base's Python as x.y."""
        return ".".join(self.base.python.split(".")[:2])

    def settle(self, wheels: Iterable[LockedWheel], winner: Mapping[str, str], *, reserved: Sequence[str]) -> Drops:
        """Returns the paths that each wheel loses to another.

        Raises FindingsError where nobody may win (SW-1006) or a wheel is not for the base (SW-1003).
        The answer is recorded for this set of wheels, so a second build opens none.
        """
        ordered = sorted(wheels, key=lambda wheel: wheel.name)
        question: dict[str, object] = {
            "verb": "collide",
            "wheels": [wheel.sha256.hex for wheel in ordered],
            "python": self.python,
            "target": [self.base.python, self.base.libc, str(self.base.platform)],
            "winner": dict(winner),
            "reserved": list(reserved),
        }
        key = Digest.of_json(question)
        if (kept := self.store.recorded(key)) is None:
            self.fetch(ordered)
            job = {**question, **self.places.json(), "wheels": [wheel.json() for wheel in ordered]}
            kept = canonical(run_jobs([job])[0])
            self.store.index_layer(key, kept)
        answer = json.loads(kept)
        if answer["findings"]:
            raise FindingsError(tuple(parse_finding(body) for body in answer["findings"]))
        return {Digest(sha256): tuple(paths) for sha256, paths in answer["drops"].items()}

    def find_or_make(self, planned: Sequence[PlannedLayer], drops: Drops) -> tuple[WheelLayer, ...]:
        """Finds each layer of wheels in the store or has it made, the largest first."""
        keys = {layer.key(self.python, self.gzip, drops): layer for layer in planned}
        records = {key: find_record(self.store, key) for key in keys}
        missing = sorted((key for key in keys if records[key] is None), key=lambda key: -keys[key].size)
        self.fetch([wheel for key in missing for wheel in keys[key].wheels])
        jobs = [self._job(key, keys[key], drops) for key in missing]
        for key, answer in zip(missing, run_jobs(jobs, workers=self.workers), strict=True):
            records[key] = LayerRecord.parse(answer)
        return tuple(WheelLayer(key, keys[key], r, key in missing) for key, r in records.items() if r is not None)

    def fetch(self, wheels: Iterable[LockedWheel]) -> None:
        """Brings the wheels that are not on this machine into the cache."""
        absent = [wheel.json() for wheel in wheels if self.places.find(wheel) is None]
        if absent:
            run_jobs([{"verb": "fetch", "wheels": absent, **self.places.json()}], program="resolver")

    def make(self, entries: Iterable[Entry], name: str) -> LayerRecord:
        """Writes a small layer that is made anew in each build."""
        watch = ElfWatch()
        with self.store.writer() as writer:
            written = write_layer(entries, writer, gzip=self.gzip, watch=watch)
            writer.commit(written.digest)
        return LayerRecord(written.layer(name), self.store.put(files_json(written.facts)), elves=watch.elves)

    def _job(self, key: Digest, layer: PlannedLayer, drops: Drops) -> dict[str, object]:
        return {
            "verb": "convert",
            "store": str(self.store.directory.absolute()),
            "key": key.hex,
            "name": layer.name,
            "python": self.python,
            "gzip": self.gzip,
            **self.places.json(),
            "wheels": [wheel.json() for wheel in layer.wheels],
            "drops": {wheel.sha256.hex: list(drops.get(wheel.sha256, ())) for wheel in layer.wheels},
        }


def find_record(store: Layout, key: Digest) -> LayerRecord | None:
    """Returns the record under a layer's key, if the layer and its list of files are still here."""
    if (kept := store.recorded(key)) is None:
        return None
    try:
        record = LayerRecord.parse(json.loads(kept))
    except (ValueError, StoreError):
        return None  # a record is only a memory: what is damaged is made again
    is_here = store.has(record.layer.descriptor.digest) and store.has(record.files)
    return record if is_here else None

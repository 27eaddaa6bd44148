"""`seaway.lock`: what the dependencies of each service's image are, by digest, for version control.

Rules: sorted JSON that changes only when dependencies do; app layer and manifest are not in it; stale when an input's
hash differs, and then refreshed, or refused under `--locked`. Replaced as one step. Not here: working it out
(`lock.py`, `base.py`), building from it (`build.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seaway.digest import Digest
from seaway.errors import LockError, SeawayError
from seaway.image import disk
from seaway.image.crew import run_jobs
from seaway.image.model import Base, LockedWheel
from seaway.image.pinned import PinnedBase
from seaway.image.wheelhouse import Places
from seaway.image.workshop import WheelLayer

VERSION = 1
_REFRESH = "run `seaway lock`"


@dataclass(frozen=True, slots=True)
class LockedLayer:
    """A layer of wheels as a lock records it: its key says what goes in, its digest what came out."""

    key: Digest
    name: str
    wheels: tuple[Digest, ...]
    digest: Digest
    diff_id: Digest
    size: int

    def json(self) -> dict[str, object]:
        """Returns the layer as JSON."""
        return {
            "key": self.key.hex,
            "name": self.name,
            "wheels": [sha256.hex for sha256 in self.wheels],
            "digest": str(self.digest),
            "diffID": str(self.diff_id),
            "size": self.size,
        }

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> LockedLayer:
        """Reads what `json` gives; raises KeyError, TypeError or ValueError."""
        wheels = tuple(Digest(sha256) for sha256 in body["wheels"])
        digest, diff_id = Digest.parse(body["digest"]), Digest.parse(body["diffID"])
        return cls(Digest(body["key"]), str(body["name"]), wheels, digest, diff_id, int(body["size"]))


@dataclass(frozen=True, slots=True)
class ServiceLock:
    """What one service's image for one platform is made of; `inputs` are hashes of what it was worked out from."""

    base: PinnedBase
    inputs: Mapping[str, Digest]
    wheels: tuple[LockedWheel, ...]
    layers: tuple[LockedLayer, ...] = ()
    facts: Digest | None = None

    @property
    def expected(self) -> dict[Digest, Digest]:
        """The digest of each layer by its key, for `BuildRequest.expected`."""
        return {layer.key: layer.digest for layer in self.layers}

    def changed(self, inputs: Mapping[str, Digest]) -> tuple[str, ...]:
        """Names the inputs that are not as they were, sorted; empty means the lock is fresh."""
        names = set(inputs) | set(self.inputs)
        return tuple(sorted(name for name in names if inputs.get(name) != self.inputs.get(name)))

    def with_layers(self, layers: Iterable[WheelLayer], facts: Digest) -> ServiceLock:
        """Returns the lock with what a build made of it."""
        return replace(self, layers=tuple(_locked(layer) for layer in layers), facts=facts)


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: services by (name, platform), and references by name as their room pins them."""

    services: Mapping[tuple[str, str], ServiceLock] = field(default_factory=dict)
    references: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def service(self, name: str, platform: str, inputs: Mapping[str, Digest]) -> ServiceLock | None:
        """Returns a service's lock if it is fresh, else None."""
        found = self.services.get((name, platform))
        return found if found and not found.changed(inputs) else None

    def require(self, name: str, platform: str, inputs: Mapping[str, Digest]) -> ServiceLock:
        """Returns a service's lock; raises LockError, as under `--locked`, if it is missing or stale."""
        found = self.services.get((name, platform))
        if found is None:
            raise LockError(f"seaway.lock has no {name} for {platform}", where="seaway.lock", hint=_REFRESH)
        if changed := found.changed(inputs):
            says = f"seaway.lock is stale for {name}: {', '.join(changed)} changed"
            raise LockError(says, where=f"seaway.lock: services.{name}", hint=_REFRESH)
        return found

    def with_service(self, name: str, platform: str, lock: ServiceLock) -> Lock:
        """Returns the lock with one service replaced."""
        return replace(self, services={**self.services, (name, platform): lock})

    def write(self, path: Path) -> None:
        """Replaces the file, unless it says the same already."""
        text = json.dumps(self.json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            disk.replace(path, text.encode())

    def json(self) -> dict[str, object]:
        """Returns the file's content; bases are named by digest, for services share them."""
        services: dict[str, dict[str, object]] = {}
        for (name, platform), lock in self.services.items():
            services.setdefault(name, {})[platform] = _service_json(lock)
        bases = {str(lock.base.base.digest): lock.base.json() for lock in self.services.values()}
        references = {name: dict(body) for name, body in self.references.items()}
        return {"version": VERSION, "bases": bases, "services": services, "references": references}


def read(path: Path) -> Lock:
    """Reads `seaway.lock`; a missing file is an empty lock; raises LockError with the place inside the file."""
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Lock()
    except (OSError, ValueError) as error:
        raise LockError(f"seaway.lock cannot be read: {error}", where=path, hint=_REFRESH) from error
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise LockError("seaway.lock is not of a version that is read here", where=f"{path}: version", hint=_REFRESH)
    where = f"{path}: bases"
    try:
        bases = {digest: PinnedBase.parse(base) for digest, base in body["bases"].items()}
        if wrong := [digest for digest, pinned in bases.items() if str(pinned.base.digest) != digest]:
            raise ValueError(f"{wrong[0]} is of another base")
        services = {}
        for name, platforms in body["services"].items():
            for platform, service in platforms.items():
                where = f"{path}: services.{name}.{platform}"
                services[name, platform] = _service(service, bases)
        return Lock(services, body.get("references", {}))
    except (KeyError, TypeError, ValueError, AttributeError, SeawayError) as error:
        raise LockError(f"seaway.lock is damaged: {error!r}", where=where, hint=_REFRESH) from error


def lock_wheels(path: Path, base: Base, places: Places) -> tuple[LockedWheel, ...]:
    """Reads a package lock for a base, in a worker process; see `lock.Reader` for what it raises."""
    job = {"verb": "resolve", "lock": str(path.absolute()), **places.json()}
    job |= {"python": base.python, "libc": base.libc, "platform": str(base.platform)}
    return tuple(LockedWheel.parse(body) for body in run_jobs([job], program="resolver")[0]["wheels"])


def _locked(layer: WheelLayer) -> LockedLayer:
    made = layer.record.layer
    wheels = tuple(wheel.sha256 for wheel in layer.planned.wheels)
    return LockedLayer(
        layer.key, layer.planned.name, wheels, made.descriptor.digest, made.diff_id, made.descriptor.size
    )


def _service_json(lock: ServiceLock) -> dict[str, object]:
    return {
        "base": str(lock.base.base.digest),
        "inputs": {name: str(digest) for name, digest in lock.inputs.items()},
        "wheels": [wheel.json() for wheel in lock.wheels],
        "layers": [layer.json() for layer in lock.layers],
        "facts": str(lock.facts) if lock.facts else None,
    }


def _service(body: Mapping[str, Any], bases: Mapping[str, PinnedBase]) -> ServiceLock:
    return ServiceLock(
        bases[body["base"]],
        {name: Digest.parse(digest) for name, digest in body["inputs"].items()},
        tuple(LockedWheel.parse(wheel) for wheel in body["wheels"]),
        tuple(LockedLayer.parse(layer) for layer in body["layers"]),
        Digest.parse(body["facts"]) if body["facts"] else None,
    )

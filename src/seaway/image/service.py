"""One native service of an app, from its compose keys to a lock and to an image.

Rules: an image is a function of the base compose file, never of an override or the shell; what it is made of is
pinned in `seaway.lock`, which is refreshed when an input changed, or refused where it may not be (`frozen`).
Not here: services with a Dockerfile or a pinned image, the lock's format (`lockfile.py`), bytes (`build.py`).
"""

from __future__ import annotations

import platform as host
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seaway.app.extension import ReferenceKeys
from seaway.app.model import App, Service
from seaway.app.service_keys import ImageKeys
from seaway.digest import Digest
from seaway.errors import FindingsError, LockError, NotYet
from seaway.image.base import Bases
from seaway.image.build import BuildRequest, Built, build
from seaway.image.config import Run
from seaway.image.layout import Layout
from seaway.image.lockfile import Lock, ServiceLock, lock_wheels
from seaway.image.material import Material, read_material
from seaway.image.model import Layer, Platform
from seaway.image.models import data_layers, model_layers
from seaway.image.pinned import PinnedBase
from seaway.image.source import SecretRules, Source, read_source
from seaway.image.workshop import Places


@dataclass(frozen=True, slots=True)
class BuiltService:
    """An image of a service with what it was made of; `models` and `data` by their name in the image."""

    service: str
    built: Built
    lock: ServiceLock
    source: Source
    materials: Mapping[str, Material] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """What an image of a service would be made of, and where its wheels are looked for."""

    request: BuildRequest
    places: Places
    lock: ServiceLock
    source: Source
    materials: Mapping[str, Material]


@dataclass(frozen=True, slots=True)
class Builder:
    """Locks and builds the native services of one app, into a store, through a cache of downloads."""

    app: App
    store: Layout
    cache: Path
    secrets: SecretRules = field(default_factory=SecretRules)

    def services(self) -> Iterator[Service]:
        """Yields the services that are built here, by name; raises NotYet for one that needs a Dockerfile."""
        for _, service in sorted({**self.app.inactive, **self.app.services}.items()):
            keys = service.extension.image
            if keys is not None and keys.base is not None:
                yield service
            elif service.compose.get("build") is not None:
                raise NotYet(
                    f"building {service.name} with its Dockerfile",
                    where=service.where("build"),
                    hint="give it x-seaway.image.base and a lock, or build and push it and name it by digest",
                )

    def lock(self, service: Service, lock: Lock, *, upgrade: bool = False, frozen: bool = False) -> Lock:
        """Returns the lock with this service fresh; `upgrade` resolves the base anew; `frozen` raises LockError."""
        platform, inputs = self.platform(service), self._inputs(service)
        if frozen:
            lock.require(service.name, str(platform), inputs)
            return lock
        if not upgrade and lock.service(service.name, str(platform), inputs):
            return lock
        known = [one for (_, where), one in lock.services.items() if where == str(platform)]
        pinned = next((one.base for one in known if one.inputs["base"] == inputs["base"]), None)
        if pinned is None or upgrade:
            pinned = self._pin(service, platform)
        twin = next((one for one in known if one.inputs == inputs and one.base == pinned), None)
        wheels = twin.wheels if twin else lock_wheels(self._lock_path(service), pinned.base, self._places(service))
        return lock.with_service(service.name, str(platform), ServiceLock(pinned, inputs, wheels))

    def build(self, service: Service, lock: Lock) -> BuiltService:
        """Builds a service whose lock is fresh; raises FindingsError where a secret would enter."""
        planned = self.plan(service, lock)
        built = build(planned.request, self.store, places=planned.places)
        known = planned.lock.with_layers(built.wheel_layers, built.facts)
        return BuiltService(service.name, built, known, planned.source, planned.materials)

    def plan(self, service: Service, lock: Lock) -> Planned:
        """Returns what an image of a service would be made of, read anew; raises FindingsError for a secret in it."""
        locked = lock.require(service.name, str(self.platform(service)), self._inputs(service))
        source = read_source(self.context(service), self.secrets)
        if source.findings:
            raise FindingsError(source.findings)
        materials = dict(self._materials(service))
        request = BuildRequest(
            service=service.name,
            base=Bases(self.app.directory, self.store, self.cache).obtain(locked.base),
            wheels=locked.wheels,
            app=source.entries,
            run=_run(service),
            layers=_keys(service).layers,
            below=tuple(self._below(materials)),
            roots=source.import_roots,
            winner=_keys(service).winner,
            expected=locked.expected,
        )
        return Planned(request, self._places(service), locked, source, materials)

    def platform(self, service: Service) -> Platform:
        """Returns the platform a service is built for: its own, else this machine's."""
        named = (*_keys(service).platforms, str(service.compose.get("platform") or ""))
        if len(_keys(service).platforms) > 1:
            raise NotYet("images for several platforms at once", where=service.where("x-seaway", "image", "platforms"))
        return Platform.parse(named[0]) if named[0] else _here()

    def context(self, service: Service) -> Path:
        """Returns the folder whose files are the app layer."""
        build_keys = service.compose.get("build")
        context = build_keys.get("context") if isinstance(build_keys, Mapping) else None
        return self.app.directory / str(context or ".")

    def _pin(self, service: Service, platform: Platform) -> PinnedBase:
        keys = _keys(service)
        assert keys.base is not None
        return Bases(self.app.directory, self.store, self.cache).pin(keys.base, platform, packages=keys.packages)

    def _inputs(self, service: Service) -> dict[str, Digest]:
        path = self._lock_path(service)
        try:
            return {"base": _base_input(service), "lock": Digest.of(path.read_bytes())}
        except OSError as error:
            raise LockError(f"{path.name} cannot be read: {error.strerror}", where=path) from error

    def _lock_path(self, service: Service) -> Path:
        named = _keys(service).lock
        folder = self.context(service)
        if named is not None:
            return folder / named
        found = [folder / name for name in ("pylock.toml", "uv.lock", "requirements.txt") if (folder / name).is_file()]
        if not found:
            raise LockError(
                f"{service.name} has no lock of its Python packages",
                where=service.where("x-seaway", "image"),
                hint="x-seaway.image.lock: pylock.toml | uv.lock | requirements.txt with hashes",
            )
        return found[0]

    def _places(self, service: Service) -> Places:
        return Places(self._lock_path(service).parent, self.cache)

    def _materials(self, service: Service) -> Iterator[tuple[str, Material]]:
        keys = _keys(service)
        for kind, named in (("model", keys.models), ("data", keys.data)):
            for name, item in named.items():
                placed = getattr(item, "placed", "layer")
                if placed != "layer":
                    raise NotYet(f"a model as {placed}", where=service.where("x-seaway", "image"), hint="as: layer")
                yield f"{kind}/{name}", self._read(item.source)

    def _read(self, source: str) -> Material:
        reference = self.app.extension.references.get(source)
        keys = reference or ReferenceKeys(kind="model", uri=source)
        pinned = Digest.parse(keys.digest) if keys.digest else None
        return read_material(keys.uri, project=self.app.directory, cache=self.cache, pinned=pinned)

    def _below(self, materials: Mapping[str, Material]) -> Iterator[Layer]:
        for label, material in materials.items():
            kind, _, name = label.partition("/")
            make = model_layers if kind == "model" else data_layers
            yield from make(name, material, self.store)


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _here() -> Platform:
    """Returns this machine's platform."""
    machine = host.machine()
    return Platform("linux", _ARCHITECTURES.get(machine, machine))


def _keys(service: Service) -> ImageKeys:
    keys = service.extension.image
    assert keys is not None
    return keys


def _base_input(service: Service) -> Digest:
    keys = _keys(service)
    assert keys.base is not None
    names = ("image", "oci", "rootfs", "apt", "build")
    return Digest.of_json({"base": {name: getattr(keys.base, name) for name in names}, "packages": list(keys.packages)})


def _run(service: Service) -> Run:
    keys = _keys(service)
    command = keys.cmd if keys.cmd is not None else _words(service.compose.get("command"))
    build_keys = service.compose.get("build")
    labels = build_keys.get("labels") if isinstance(build_keys, Mapping) else None
    return Run(command, _words(service.compose.get("entrypoint")), keys.env, dict(labels or {}))


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list | tuple) else ()


def with_layers(lock: Lock, built: BuiltService, platform: Platform) -> Lock:
    """Returns the lock with what a build made of a service, and its references by name."""
    references = {name: _reference(material) for name, material in built.materials.items()}
    lock = lock.with_service(built.service, str(platform), built.lock)
    return replace(lock, references={**lock.references, **references})


def _reference(material: Material) -> dict[str, object]:
    return {"uri": material.uri, "digest": str(material.digest), "root": str(material.root)}

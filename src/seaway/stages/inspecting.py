"""Images looked at: which there are, why each layer exists and what a change of it costs, whether they are whole, and
whether they can be made again.

An image is named by its service (of the bundle built last), by its digest or the beginning of it. Nothing here changes
the store. Not here: how two images differ (`image/diff.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import DigestMismatch, ImageError, LockError, NameUnknown, StoreError
from seaway.image import lockfile
from seaway.image.archive import Hashed, inflated
from seaway.image.build import Built
from seaway.image.layout import Layout
from seaway.image.lockfile import LockedLayer, ServiceLock
from seaway.image.model import INDEX, Image, Layer
from seaway.image.oci_archive import NAME
from seaway.image.transfer import manifests_below
from seaway.image.verify import verify_build
from seaway.stages.building import builder_of
from seaway.stages.built import last_bundle
from seaway.workspace import Workspace

_SHORTEST = 6  # hex digits by which an image may be named


@dataclass(frozen=True, slots=True)
class Known:
    """What the store's index names: an image, a bundle or another index."""

    digest: Digest
    name: str
    kind: str
    size: int
    layers: int = 0


@dataclass(frozen=True, slots=True)
class Explained:
    """A layer: why it exists, the packages in it, and the bytes that a new version of any of them sends."""

    layer: Layer
    why: str
    wheels: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """What changes with any part of a layer: all of it."""
        return self.layer.descriptor.size


def known(space: Workspace) -> Iterator[Known]:
    """Yields what is in the store, by name."""
    for found in sorted(space.store.manifests(), key=lambda one: (one.annotations.get(NAME, "~"), one.digest)):
        name = found.annotations.get(NAME, "")
        try:
            if found.media_type == INDEX:
                body = space.store.manifest(found.digest)
                kind = "bundle" if "seaway.bundle" in str(body.get("artifactType", "")) else "index"
                yield Known(found.digest, name, kind, found.size)
            else:
                layers = space.store.image(found.digest).layers
                yield Known(found.digest, name, "image", sum(one.descriptor.size for one in layers), len(layers))
        except StoreError:
            yield Known(found.digest, name, "damaged", found.size)


def find_image(space: Workspace, name: str) -> Image:
    """Returns the image that a name means; raises NameUnknown for none or several."""
    service, _, digest = name.rpartition("@")
    wanted, services = digest.removeprefix("sha256:"), _services(space)
    if not service and wanted in services:
        return space.store.image(services[wanted])
    found = {one for one in _reached(space.store) if one.hex.startswith(wanted) and len(wanted) >= _SHORTEST}
    images = [image for one in sorted(found) if (image := _image(space.store, one))]
    if len(images) != 1:
        raise NameUnknown(f"{len(images)} images here are called {name}", hint="seaway image ls")
    return images[0]


def explain(space: Workspace, image: Image) -> tuple[Explained, ...]:
    """Says for each layer of a native image why it exists; raises LockError for an image that is not of this lock."""
    locked = _locked(space, image)
    base = {layer.descriptor.digest for layer in locked.base.base.layers}
    wheels = {layer.digest: layer for layer in locked.layers}
    names = {wheel.sha256: f"{wheel.name} {wheel.version}" for wheel in locked.wheels}
    return tuple(_explained(layer, base, wheels, names) for layer in image.layers)


def faults(store: Layout, image: Image) -> Iterator[str]:
    """Yields a sentence for each thing that is wrong with an image: all of it is read and hashed."""
    for layer in image.layers:
        try:
            _read(store, layer)
        except ImageError as error:
            yield f"{layer.descriptor.digest}: {error.says}"


def rebuild(space: Workspace, image: Image) -> Built:
    """Makes an image again from source, lock and wheels, in an empty store; raises NotReproduced if it differs."""
    builder, lock = builder_of(space), lockfile.read(space.lock_path)
    name = _service_of(space, image)
    service = next((one for one in builder.services() if one.name == name), None)
    if service is None:
        raise LockError(f"{name} is not built here", where=image.digest, hint="name an image of a native service")
    planned = builder.plan(service, lock)
    with tempfile.TemporaryDirectory(prefix="seaway-rebuild-", dir=space.directory / ".seaway") as scratch:
        fresh = Layout(Path(scratch) / "oci")
        return verify_build(planned.request, image.digest, space.store, fresh=fresh, places=planned.places)


def _reached(store: Layout) -> Iterator[Digest]:
    """Yields every manifest that the store's index leads to, also through bundles."""
    for one in store.manifests():
        try:
            yield from manifests_below(store, one.digest)
        except StoreError:
            yield one.digest  # a part of it is not here


def _services(space: Workspace) -> Mapping[str, Digest]:
    try:
        return {service: image.digest for service, image in last_bundle(space).images.items()}
    except StoreError:
        return {}


def _service_of(space: Workspace, image: Image) -> str:
    found = [service for service, digest in _services(space).items() if digest == image.digest]
    if not found:
        raise NameUnknown("the image is of no service of the last bundle", where=image.digest, hint="seaway build")
    return found[0]


def _image(store: Layout, digest: Digest) -> Image | None:
    try:
        return store.image(digest)
    except StoreError:
        return None


def _locked(space: Workspace, image: Image) -> ServiceLock:
    name = _service_of(space, image)
    found = lockfile.read(space.lock_path).services.get((name, str(image.platform)))
    if found is None:
        raise LockError(f"seaway.lock has no {name} for {image.platform}", where="seaway.lock", hint="seaway lock")
    return found


def _explained(
    layer: Layer, base: set[Digest], wheels: Mapping[Digest, LockedLayer], names: Mapping[Digest, str]
) -> Explained:
    digest = layer.descriptor.digest
    if digest in base:
        return Explained(layer, "base: changes with seaway lock --upgrade-base alone")
    if digest in wheels:
        held = tuple(names[one] for one in wheels[digest].wheels if one in names)
        return Explained(layer, _why(wheels[digest].name, len(held)), held)
    said = layer.created_by.removeprefix("seaway: ")
    reasons = {
        "app": "the app's own files: all that an edit sends",
        "environment": "the virtual environment's skeleton",
    }
    return Explained(layer, reasons.get(said, f"{said}: an edit of the app never touches it"))


def _why(name: str, count: int) -> str:
    if name.startswith("bucket"):
        return f"{name}: small wheels that share a layer, chosen by name so that a new version touches one"
    if "built from source" in name:
        return "wheels built here, apart from those that anybody can fetch"
    return "a wheel with a layer of its own" if count == 1 else "wheels that change together"


def _read(store: Layout, layer: Layer) -> None:
    with store.open(layer.descriptor.digest) as stream:
        raw = Hashed(stream)
        plain = Hashed(inflated(raw))
        diff_id = plain.digest()
        if raw.digest() != layer.descriptor.digest:
            raise DigestMismatch("its bytes have another digest")
    if diff_id != layer.diff_id:
        raise DigestMismatch(f"its tar is {diff_id} and not {layer.diff_id}")

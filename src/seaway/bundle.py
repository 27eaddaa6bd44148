"""WHAT IS RELEASED: images, compose sources and references under one digest.

A bundle is one OCI image index in canonical JSON, so one copy takes all and no garbage collection drops a part:

    index     artifactType vnd.seaway.bundle.v1, manifests:
              · the sources manifest (artifactType vnd.seaway.sources.v1): a layer a distinct file, the config below
              · our own images, annotation dev.seaway.service · model manifests, annotation dev.seaway.reference
    config    {version, app, images, sources, references}: the only part that has names

Rules: no time, no host, no environment enters, so the digest tested in staging is the one promoted. A secret env
file gives its path and the names in it, never a value or a hash of one. Reading is strict: what does not encode to
the very same bytes again is refused. Images of others are named by repository and digest; their bytes stay there.
Signing, export and the choice of files are not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn, Protocol, cast

from seaway.blobs import BlobStore
from seaway.digest import Digest, canonical
from seaway.errors import ConsistencyError, StoreError
from seaway.image.model import INDEX, MANIFEST, Descriptor

BUNDLE = "application/vnd.seaway.bundle.v1+json"
SOURCES = "application/vnd.seaway.sources.v1+json"
SOURCE = "application/vnd.seaway.source.v1"
CONFIG = "application/vnd.seaway.sources.config.v1+json"
SERVICE = "dev.seaway.service"
REFERENCE = "dev.seaway.reference"
VERSION = 1


class Role(StrEnum):
    """What a source file is to the app; any environment's files are in the one bundle."""

    COMPOSE = "compose"
    OVERRIDE = "override"
    CONFIG = "config"
    ENV = "env"
    SECRET_ENV = "secret-env"


class BundleStore(BlobStore, Protocol):
    """A blob store that keeps what a named manifest reaches; an OCI layout is one."""

    def add_manifest(self, data: bytes, annotations: Mapping[str, str] | None = None) -> Digest:
        """Stores a manifest or index and keeps all it names."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image by manifest digest; `repository` is None for our own, whose manifest has `size` bytes."""

    digest: Digest
    size: int = 0
    repository: str | None = None
    media_type: str = MANIFEST


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file the app is made of: `data` to store, or the `names` in a secret env file and nothing else of it."""

    path: str
    role: Role
    data: bytes | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A source as the bundle records it: its bytes by digest and size, or the names of a secret env file."""

    path: str
    role: Role
    digest: Digest | None
    size: int = 0
    names: tuple[str, ...] = ()

    def json(self) -> dict[str, object]:
        """Returns the record as in the config."""
        named: dict[str, object] = {"path": self.path, "role": str(self.role)}
        return named | ({"names": sorted(set(self.names))} if self.digest is None else {"sha256": self.digest.hex})


@dataclass(frozen=True, slots=True)
class Reference:
    """A model, data set, prompt or the like; `manifest` where its bytes are an OCI manifest that travels along."""

    kind: str
    uri: str
    digest: Digest | None = None
    manifest: ImageReference | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    def json(self) -> dict[str, object]:
        """Returns the reference as in the config."""
        digest = None if self.digest is None else str(self.digest)
        return dict(self.more) | {"kind": self.kind, "uri": self.uri, "digest": digest}


@dataclass(frozen=True, slots=True)
class Bundle:
    """One release by digest: images by service, sources by path, references by name."""

    digest: Digest
    app: str
    images: Mapping[str, ImageReference]
    sources: tuple[Source, ...]
    references: Mapping[str, Reference]

    @property
    def short(self) -> str:
        """The ten hex digits used in names of volumes and versions."""
        return self.digest.hex[:10]


def make_bundle(
    app: str,
    images: Mapping[str, ImageReference],
    *,
    sources: Sequence[SourceFile],
    references: Mapping[str, Reference],
    store: BundleStore,
) -> Bundle:
    """Stores the bundle's blobs, the index last, and returns it; raises ConsistencyError and then stores nothing."""
    records = _records(sources)
    _check(app, images, references)
    parts = _encode(app, images, records, references)
    for source in sources:
        if source.data is not None:
            store.put(source.data)
    for part in (parts.config, parts.sources):
        store.put(part)
    return Bundle(store.add_manifest(parts.index), app, dict(images), records, dict(references))


def read_bundle(store: BlobStore, digest: Digest) -> Bundle:
    """Reads and checks a bundle; raises StoreError for anything that `make_bundle` would not have written."""
    index = store.get(digest)
    try:
        bundle = _decode(store, digest, index)
        _check(bundle.app, bundle.images, bundle.references)
        _check_sources(bundle.sources)
        again = _encode(bundle.app, bundle.images, bundle.sources, bundle.references).index
    except (KeyError, TypeError, ValueError, AttributeError, ConsistencyError) as error:
        _damaged(digest, f"it does not have a bundle's form: {error}", cause=error)
    if again != index:
        _damaged(digest, "it is not what Seaway would write for its own contents")
    return bundle


@dataclass(frozen=True, slots=True)
class _Parts:
    """The three JSON documents of a bundle, as bytes."""

    config: bytes
    sources: bytes
    index: bytes


def _encode(
    app: str, images: Mapping[str, ImageReference], sources: Sequence[Source], references: Mapping[str, Reference]
) -> _Parts:
    config = canonical(_config(app, images, sources, references))
    manifest = canonical(_sources_manifest(config, sources))
    return _Parts(config, manifest, canonical(_index(manifest, images, references)))


def _config(
    app: str, images: Mapping[str, ImageReference], sources: Sequence[Source], references: Mapping[str, Reference]
) -> dict[str, object]:
    return {
        "version": VERSION,
        "app": app,
        "images": {name: {"digest": str(i.digest), "repository": i.repository} for name, i in images.items()},
        "sources": [source.json() for source in sorted(sources, key=lambda source: source.path)],
        "references": {name: reference.json() for name, reference in references.items()},
    }


def _sources_manifest(config: bytes, sources: Sequence[Source]) -> dict[str, object]:
    files = {source.digest: source.size for source in sources if source.digest is not None}
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SOURCES,
        "config": Descriptor(CONFIG, Digest.of(config), len(config)).json(),
        "layers": [Descriptor(SOURCE, digest, files[digest]).json() for digest in sorted(files)],
    }


def _index(
    manifest: bytes, images: Mapping[str, ImageReference], references: Mapping[str, Reference]
) -> dict[str, object]:
    own = [_descriptor(image, SERVICE, name) for name, image in sorted(images.items()) if image.repository is None]
    models = [_descriptor(r.manifest, REFERENCE, name) for name, r in sorted(references.items()) if r.manifest]
    first = Descriptor(MANIFEST, Digest.of(manifest), len(manifest)).json() | {"artifactType": SOURCES}
    return {"schemaVersion": 2, "mediaType": INDEX, "artifactType": BUNDLE, "manifests": [first, *own, *models]}


def _descriptor(image: ImageReference, key: str, name: str) -> dict[str, object]:
    return Descriptor(image.media_type, image.digest, image.size, {key: name}).json()


def _records(sources: Sequence[SourceFile]) -> tuple[Source, ...]:
    """Returns sources by path; raises ConsistencyError for one that would not be recorded as it is."""
    records = tuple(_record(source) for source in sorted(sources, key=lambda source: source.path))
    _check_sources(records)
    return records


def _check_sources(records: Sequence[Source]) -> None:
    for record in records:
        _check_path(record.path)
    if len({record.path for record in records}) != len(records):
        raise ConsistencyError("a source file is named twice", where=", ".join(r.path for r in records))
    if all(record.digest is None for record in records):
        raise ConsistencyError("a bundle needs at least one compose source")


def _record(source: SourceFile) -> Source:
    secret = source.role is Role.SECRET_ENV
    if secret and source.data is not None:
        raise ConsistencyError("the bytes of a secret env file never enter a bundle", where=source.path)
    if not secret and (source.data is None or source.names):
        raise ConsistencyError("a source file needs its bytes, and names belong to secrets only", where=source.path)
    if source.data is None:
        return Source(source.path, source.role, None, names=tuple(sorted(set(source.names))))
    return Source(source.path, source.role, Digest.of(source.data), len(source.data))


def _check_path(path: str) -> None:
    """Refuses what depends on a host: absolute paths, backslashes, control characters, redundant parts."""
    parts = path.split("/")
    odd = any(part in ("", ".") for part in parts) or ".." in parts[_climb(parts) :]
    if odd or "\\" in path or not path.isprintable():
        raise ConsistencyError(
            f"{path!r} is not a plain relative path", hint="name sources relative to the project directory"
        )


def _climb(parts: Sequence[str]) -> int:
    """Returns how many `..` lead the path: a source may lie beside the project, never in the middle of nowhere."""
    return next((index for index, part in enumerate(parts) if part != ".."), len(parts))


def _check(app: str, images: Mapping[str, ImageReference], references: Mapping[str, Reference]) -> None:
    if not app or not all(images) or not all(references):
        raise ConsistencyError("an app, a service or a reference has an empty name")
    manifests = [(name, i) for name, i in images.items() if i.repository is None]
    manifests += [(name, r.manifest) for name, r in references.items() if r.manifest is not None]
    for name, image in manifests:
        if image.size <= 0 or image.media_type not in (MANIFEST, INDEX):
            raise ConsistencyError("an image of the bundle needs its manifest's type and size", where=name)
    for name, image in images.items():
        if image.repository == "":
            raise ConsistencyError("an image of others needs its repository", where=name)


def _decode(store: BlobStore, digest: Digest, index: bytes) -> Bundle:
    listed = [_object(item) for item in _list(_object(json.loads(index))["manifests"])]
    manifest = _object(json.loads(store.get(_digest(listed[0]["digest"]))))
    config = _object(json.loads(store.get(_digest(_object(manifest["config"])["digest"]))))
    sizes = {_digest(layer["digest"]): _size(layer) for layer in map(_object, _list(manifest["layers"]))}
    services, models = _annotated(listed[1:], SERVICE), _annotated(listed[1:], REFERENCE)
    images = {name: _image(_object(body), services.get(name)) for name, body in _object(config["images"]).items()}
    references = {n: _reference(_object(body), models.get(n)) for n, body in _object(config["references"]).items()}
    sources = tuple(_source(_object(body), sizes) for body in _list(config["sources"]))
    return Bundle(digest, _text(config["app"]), images, sources, references)


def _annotated(descriptors: Iterable[Mapping[str, object]], key: str) -> dict[str, Mapping[str, object]]:
    notes = [(_object(descriptor["annotations"]), descriptor) for descriptor in descriptors]
    return {_text(note[key]): descriptor for note, descriptor in notes if key in note}


def _image(body: Mapping[str, object], descriptor: Mapping[str, object] | None) -> ImageReference:
    repository = body["repository"]
    if repository is not None:
        return ImageReference(_digest(body["digest"]), repository=_text(repository))
    if descriptor is None:
        raise ValueError("an image of its own is not listed")
    return ImageReference(_digest(body["digest"]), _size(descriptor), None, _text(descriptor["mediaType"]))


def _reference(body: Mapping[str, object], descriptor: Mapping[str, object] | None) -> Reference:
    manifest = descriptor and ImageReference(
        _digest(descriptor["digest"]), _size(descriptor), None, _text(descriptor["mediaType"])
    )
    digest = body["digest"]
    more = {key: value for key, value in body.items() if key not in ("kind", "uri", "digest")}
    pinned = None if digest is None else _digest(digest)
    return Reference(_text(body["kind"]), _text(body["uri"]), pinned, manifest or None, more)


def _source(body: Mapping[str, object], sizes: Mapping[Digest, int]) -> Source:
    path, role = _text(body["path"]), Role(_text(body["role"]))
    if role is Role.SECRET_ENV:
        return Source(path, role, None, names=tuple(_text(name) for name in _list(body["names"])))
    digest = Digest(_text(body["sha256"]))
    return Source(path, role, digest, sizes[digest])


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not an object")
    return cast("dict[str, object]", value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _digest(value: object) -> Digest:
    return Digest.parse(_text(value))


def _size(descriptor: Mapping[str, object]) -> int:
    size = descriptor["size"]
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"{size!r} is not a size")
    return size


def _damaged(digest: Digest, why: str, *, cause: BaseException | None = None) -> NoReturn:
    raise StoreError(
        f"bundle {digest.short} cannot be used: {why}", where=digest, hint="build it again, or copy it from a registry"
    ) from cause

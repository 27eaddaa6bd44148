"""Images in one tar that every engine reads: an OCI layout, and beside it what `docker load` wants.

    oci-layout · index.json · manifest.json · blobs/sha256/<hex> …

Rules: the blobs are the very bytes of the store, so digests stay what was signed; `docker load` (20.10 and newer) finds
each image in `manifest.json` by config and layers, and names it by its config's digest; podman and skopeo read it as
docker-archive or oci-archive. The same contents give the same bytes. Reading trusts nothing: only the names above, each
blob hashed before it is kept, and everything that the index names there, else nothing is named in the store.
Sources: OCI image-spec 1.1, image-layout; docker-image-spec 1.2, "combined image JSON + filesystem changeset".

Not here: reading layers (`archive.py`), what belongs into the tar (`stages/carrying.py`).
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, StoreError
from seaway.image.archive import Limits, Member, Readable, members
from seaway.image.layer import MTIME
from seaway.image.layout import Layout, descriptor_of, read_json
from seaway.image.model import CONFIG, INDEX, Descriptor, Kind
from seaway.image.transfer import blobs_of, manifests_below

NAME = "org.opencontainers.image.ref.name"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_CHUNK = 1 << 20
_BLOCK = 512
_SMALL = 4 << 20
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'
_AGAIN = "the archive is damaged: copy it again"
DEFAULT_LIMITS = Limits(size=1 << 40, members=100_000)


@dataclass(frozen=True, slots=True)
class Root:
    """What an archive is of: a manifest or index, the name people give it, and what it is if not an image."""

    digest: Digest
    name: str = ""
    artifact_type: str = ""


def write_archive(store: Layout, roots: Sequence[Root]) -> Iterator[bytes]:
    """Yields the archive, a block at a time; raises StoreError where a part is not in the store."""
    manifests = list(dict.fromkeys(found for root in roots for found in manifests_below(store, root.digest)))
    bodies = {digest: read_json(store, digest) for digest in manifests}
    blobs = {blob.digest for body in bodies.values() for blob in blobs_of(body)} | set(manifests)
    sizes = {digest: store.size(digest) for digest in sorted(blobs)}
    entries = [_entry(root, bodies[root.digest], sizes[root.digest]) for root in roots]
    yield from _file("oci-layout", _VERSION)
    yield from _file("index.json", canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
    yield from _file("manifest.json", json.dumps(list(_loadable(roots, bodies)), sort_keys=True).encode())
    for digest, size in sizes.items():
        with store.open(digest) as stream:
            yield from _member(_path(digest), size, stream)
    yield bytes(2 * _BLOCK)


def archive_size(store: Layout, roots: Sequence[Root]) -> int:
    """Returns how many bytes of blobs an archive of these roots holds."""
    manifests = {found for root in roots for found in manifests_below(store, root.digest)}
    blobs = {blob.digest for digest in manifests for blob in blobs_of(read_json(store, digest))}
    return sum(store.size(digest) for digest in blobs | manifests)


def read_archive(stream: Readable, store: Layout, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Root, ...]:
    """Brings what an archive holds into the store and returns what it is of; raises StoreError, DigestMismatch.

    Blobs that came before something wrong was met stay, unnamed, until `prune`.
    """
    index: dict[str, Any] | None = None
    for member in members(stream, limits=limits):
        path = member.entry.path
        if found := _BLOB.fullmatch(path):
            _keep(member, Digest(found[1]), store)
        elif path == "index.json":
            index = _index(member)
        elif member.entry.kind is not Kind.DIRECTORY and path not in ("oci-layout", "manifest.json"):
            raise StoreError("the archive holds what does not belong into an image archive", where=path)
    if index is None:
        raise StoreError("the archive has no index.json", hint="it is not one of seaway, skopeo or podman")
    roots = tuple(_root(entry) for entry in index["manifests"])
    for root in roots:
        _require_whole(store, root.digest)
    return roots


def _require_whole(store: Layout, root: Digest) -> None:
    for manifest in manifests_below(store, root):
        for blob in blobs_of(read_json(store, manifest)):
            if store.size(blob.digest) != blob.size:
                raise StoreError("a blob has another size than its manifest says", where=blob.digest)


def _keep(member: Member, digest: Digest, store: Layout) -> None:
    if member.data is None:
        raise StoreError("a blob is not a file", where=member.entry.path)
    if store.has(digest):
        return
    try:
        store.put_stream(member.data, digest)
    except tarfile.TarError as error:
        raise StoreError(f"the archive ends in the middle: {error}", where=member.entry.path, hint=_AGAIN) from error
    except DigestMismatch as error:
        raise DigestMismatch(error.says, where=member.entry.path, hint=_AGAIN) from error


def _index(member: Member) -> dict[str, Any]:
    content = member.entry.content
    if member.data is None or content is None or content.size > _SMALL:
        raise StoreError("the archive's index is not readable", where=member.entry.path)
    try:
        body = json.loads(member.data.read())
        for entry in body["manifests"]:
            descriptor_of(entry)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the archive's index is not readable: {error!r}", where=member.entry.path) from error
    return dict(body)


def _root(entry: dict[str, Any]) -> Root:
    found = descriptor_of(entry)
    return Root(found.digest, str(found.annotations.get(NAME, "")), str(entry.get("artifactType", "")))


def _entry(root: Root, body: dict[str, Any], size: int) -> dict[str, object]:
    found = Descriptor(str(body["mediaType"]), root.digest, size)
    if root.name:
        found = replace(found, annotations={NAME: root.name})
    kind = root.artifact_type or str(body.get("artifactType", ""))
    return found.json() | ({"artifactType": kind} if kind else {})


def _loadable(roots: Sequence[Root], bodies: dict[Digest, dict[str, Any]]) -> Iterator[dict[str, object]]:
    """Yields what `docker load` loads: every image below the roots, tagged where a root itself is one."""
    names = {root.digest: root.name for root in roots}
    for digest, body in bodies.items():
        if body.get("config", {}).get("mediaType") not in (CONFIG, _DOCKER_CONFIG):
            continue
        config, *layers = blobs_of(body)
        tags = [names[digest]] if ":" in names.get(digest, "") else []
        yield {"Config": _path(config.digest), "Layers": [_path(one.digest) for one in layers], "RepoTags": tags}


def _path(digest: Digest) -> str:
    return f"blobs/sha256/{digest.hex}"


def _file(name: str, data: bytes) -> Iterator[bytes]:
    yield from _member(name, len(data), io.BytesIO(data))


def _member(name: str, size: int, stream: BinaryIO) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, MTIME
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield from _exactly(size, stream, name)
    yield bytes(-size % _BLOCK)


def _exactly(size: int, stream: BinaryIO, name: str) -> Iterable[bytes]:
    left = size
    while left and (block := stream.read(min(left, _CHUNK))):
        left -= len(block)
        yield block
    if left:
        raise StoreError("a blob ended while it was read", where=name)

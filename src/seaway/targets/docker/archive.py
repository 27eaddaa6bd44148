"""Tar bytes in the two forms an engine takes: images for `POST /images/load`, files for `PUT …/archive`.

The image form is docker-archive: `manifest.json` names a config and layers, which are the very blobs of our store, so
what runs has the digests that were signed. Source: moby/docker-image-spec v1.2, "combined image JSON + filesystem".
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from seaway.blobs import BlobStore
from seaway.digest import Digest

_CHUNK = 1 << 20
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class File:
    """A file to put into a container, or a directory to be owned: `data` None."""

    path: str
    data: bytes | None
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


@dataclass(frozen=True, slots=True)
class Stored:
    """An image in a store: its manifest's digest, the config's, and the layers' in order, with sizes."""

    manifest: Digest
    config: Digest
    layers: tuple[tuple[Digest, int], ...]
    diff_ids: tuple[str, ...]

    @classmethod
    def of(cls, store: BlobStore, manifest: Digest) -> Stored:
        """Reads an image's manifest and config."""
        body: dict[str, Any] = json.loads(store.get(manifest))
        config = Digest.parse(body["config"]["digest"])
        layers = tuple((Digest.parse(each["digest"]), int(each["size"])) for each in body["layers"])
        return cls(manifest, config, layers, tuple(json.loads(store.get(config))["rootfs"]["diff_ids"]))


def docker_archive(store: BlobStore, image: Stored, tags: Sequence[str]) -> Iterator[bytes]:
    """Yields an image as a docker-archive, a chunk at a time."""
    names = [f"{digest.hex}.tar" for digest, _ in image.layers]
    entry = {"Config": f"{image.config.hex}.json", "RepoTags": list(tags), "Layers": names}
    yield from _whole("manifest.json", json.dumps([entry]).encode())
    yield from _whole(f"{image.config.hex}.json", store.get(image.config))
    done: set[Digest] = set()
    for name, (digest, size) in zip(names, image.layers, strict=True):
        if digest not in done:  # two equal layers are one member
            done.add(digest)
            with store.open(digest) as stream:
                yield from _member(name, size, stream)
    yield bytes(2 * _BLOCK)


def files_archive(files: Iterable[File]) -> bytes:
    """Returns files and directories as a tar; paths are absolute and lose their slash."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            info = tarfile.TarInfo(file.path.lstrip("/"))
            info.uid, info.gid, info.mode = file.uid, file.gid, file.mode
            info.type = tarfile.DIRTYPE if file.data is None else tarfile.REGTYPE
            info.size = len(file.data or b"")
            archive.addfile(info, io.BytesIO(file.data or b""))
    return sink.getvalue()


def _whole(name: str, data: bytes) -> Iterator[bytes]:
    yield from _member(name, len(data), io.BytesIO(data))


def _member(name: str, size: int, stream: BinaryIO) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    yield info.tobuf(tarfile.PAX_FORMAT)
    while block := stream.read(_CHUNK):
        yield block
    yield bytes(-size % _BLOCK)

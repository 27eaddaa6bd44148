"""An OCI image layout on disk: where images, layers and other blobs are kept by digest.

Rules: bytes go to a partial file on the same file system, are hashed while they are written, synced, and renamed to
their digest, and the directory is synced; `index.json` is replaced last, under a file lock. So a crash leaves at
most partial files and blobs that nothing names, which `prune` removes; two processes may write at once. Reads by
`get`, `manifest` and `image` verify. Source: OCI image-spec 1.1, image-layout. Not here: registries and archives.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, StoreError
from seaway.image.disk import disk_errors, make_directory, sync_directory
from seaway.image.disk import replace as replace
from seaway.image.model import INDEX, MANIFEST, Descriptor, Image, Layer, Platform

_CHUNK = 1 << 20
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


class Layout:
    """An OCI layout in a directory, made at the first write; a `BlobStore`."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self._blobs = self.directory / "blobs" / "sha256"
        self._partial = self.directory / "partial"
        self._records = self.directory / "records"
        self._durable: set[Digest] = set()
        self._ready = False

    def path(self, digest: Digest) -> Path:
        """Returns where a blob is or would be."""
        return self._blobs / digest.hex

    def has(self, digest: Digest) -> bool:
        """Tells whether the blob is here."""
        return self.path(digest).is_file()

    def size(self, digest: Digest) -> int:
        """Returns a blob's size in bytes; raises StoreError if it is absent."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError as error:
            raise StoreError("a blob is not in the store", where=digest) from error

    def open(self, digest: Digest) -> BinaryIO:
        """Opens a blob for streaming, unverified; raises StoreError if it is absent."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError as error:
            raise StoreError("a blob is not in the store", where=digest) from error

    def get(self, digest: Digest) -> bytes:
        """Returns a blob's bytes, verified; raises StoreError if it is absent or damaged."""
        with self.open(digest) as stream:
            data = stream.read()
        if Digest.of(data) != digest:
            raise StoreError("a blob is damaged", where=self.path(digest), hint="delete the file and build again")
        return data

    def put(self, data: bytes) -> Digest:
        """Stores bytes durably; storing them again is free."""
        digest = Digest.of(data)
        if not self.has(digest):
            with self.writer() as writer:
                writer.write(data)
                writer.commit()
        elif digest not in self._durable:
            # Whoever stored it may have died between its rename and its sync.
            with disk_errors(self.directory):
                sync_directory(self._blobs)
        self._durable.add(digest)
        return digest

    def put_stream(self, stream: BinaryIO, expect: Digest | None = None) -> tuple[Digest, int]:
        """Stores a stream durably and returns digest and size; raises DigestMismatch, keeping nothing."""
        with self.writer() as writer:
            while block := stream.read(_CHUNK):
                writer.write(block)
            return writer.commit(expect), writer.size

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Gives a file to write a blob into; without `commit` nothing of it stays."""
        self.prepare()
        with disk_errors(self.directory):
            writer = BlobWriter(self._partial / secrets.token_hex(8), self._blobs)
        try:
            yield writer
        finally:
            writer.close()

    def prepare(self) -> None:
        """Makes the directories and an empty index where they are missing."""
        if self._ready:
            return
        with disk_errors(self.directory):
            make_directory(self.directory)
            for directory in (self._blobs.parent, self._blobs, self._partial, self._records):
                directory.mkdir(exist_ok=True)
            # Always: whoever made them may have died before its own sync.
            for directory in (self._blobs.parent, self.directory, self.directory.parent):
                sync_directory(directory)
            if not (self.directory / "oci-layout").exists():
                replace(self.directory / "oci-layout", _VERSION)
            with self.locked():
                if not (self.directory / "index.json").exists():
                    self._write_index([])
        self._ready = True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the layout's lock; a second holder waits."""
        handle = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def add_manifest(
        self, data: bytes, annotations: Mapping[str, str] | None = None, platform: Platform | None = None
    ) -> Digest:
        """Stores a manifest or index and names it in `index.json`; the same name (`ref.name`) moves."""
        digest = self.put(data)
        media_type = str(json.loads(data).get("mediaType", MANIFEST))
        entry = Descriptor(media_type, digest, len(data), dict(annotations or {})).json()
        if platform:
            entry["platform"] = platform_json(platform)
        with disk_errors(self.directory), self.locked():
            self._write_index([*(old for old in self._index() if not _replaces(entry, old)), entry])
        return digest

    def manifests(self) -> tuple[Descriptor, ...]:
        """Returns what `index.json` names, in its order."""
        return tuple(descriptor_of(entry) for entry in self._index())

    def manifest(self, digest: Digest) -> dict[str, Any]:
        """Returns a manifest or index as JSON; raises StoreError."""
        return read_json(self, digest)

    def image(self, digest: Digest) -> Image:
        """Reads an image by its manifest's digest; raises StoreError where it is no image manifest."""
        return read_image(self, digest)

    def index_layer(self, key: Digest, record: bytes) -> None:
        """Keeps a layer's record under its key, beside the blobs; what it names must be stored before."""
        self.prepare()
        with disk_errors(self.directory):
            replace(self._records / f"{key.hex}.json", record)

    def recorded(self, key: Digest) -> bytes | None:
        """Returns the record kept under a layer's key, or None."""
        try:
            return (self._records / f"{key.hex}.json").read_bytes()
        except FileNotFoundError:
            return None

    def check(self) -> tuple[str, ...]:
        """Reads everything and returns one sentence for each thing that is wrong; empty means whole."""
        from_index = [f"index.json: {problem}" for problem in self._check_index()]
        return (*self._check_version(), *self._check_blobs(), *from_index)

    def prune(self, keep: Iterable[Digest] = ()) -> int:
        """Removes partial files and blobs that neither `index.json` nor `keep` reaches; returns the bytes freed."""
        if not self.directory.exists():
            return 0
        with disk_errors(self.directory), self.locked():
            kept = {found for root in (*(d.digest for d in self.manifests()), *keep) for found in self._reach(root)}
            stale, listed = self._judge_records(kept)
            names = {digest.hex for digest in kept | listed}
            orphans = [*stale, *(path for path in self._blobs.iterdir() if path.name not in names)]
            orphans += [path for path in self._partial.iterdir() if _is_abandoned(path)]
            orphans += [path for place in (self.directory, self._records) for path in place.glob(".*.partial")]
            freed = sum(path.stat().st_size for path in orphans)
            for path in orphans:
                path.unlink()
        return freed

    def _judge_records(self, kept: set[Digest]) -> tuple[list[Path], set[Digest]]:
        """Returns records whose layer goes, and the lists of files that belong to layers that stay."""
        stale, listed = [], set()
        for path in self._records.glob("*.json"):
            try:
                body = json.loads(path.read_bytes())
                if "layer" not in body:
                    continue  # not about a layer
                layer, files = Digest.parse(body["layer"]["digest"]), Digest.parse(body["files"])
            except (ValueError, KeyError, TypeError):
                stale.append(path)
                continue
            if layer in kept:
                listed.add(files)
            else:
                stale.append(path)
        return stale, listed

    def _index(self) -> list[dict[str, Any]]:
        try:
            index = json.loads((self.directory / "index.json").read_bytes())
            return list(index["manifests"])
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError("the index is not readable", where=self.directory / "index.json") from error

    def _write_index(self, entries: list[dict[str, Any]]) -> None:
        # A blob that another process renamed may not be in a synced directory yet; the index must not overtake it.
        sync_directory(self._blobs)
        ordered = sorted(entries, key=canonical)
        replace(
            self.directory / "index.json", canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": ordered})
        )

    def _check_version(self) -> Iterator[str]:
        version = self.directory / "oci-layout"
        if version.exists() and version.read_bytes() != _VERSION:
            yield "oci-layout: not a version that is read here"
        if (self.directory / "index.json").exists() and not version.exists():
            yield "oci-layout: missing"

    def _check_blobs(self) -> Iterator[str]:
        for path in sorted(self._blobs.iterdir()) if self._blobs.exists() else ():
            with path.open("rb") as stream:
                if Digest.of_stream(stream).hex != path.name:
                    yield f"blobs/sha256/{path.name}: its bytes have another digest"

    def _check_index(self) -> Iterator[str]:
        try:
            for entry in self.manifests():
                for found in self._reach(entry.digest):
                    if not self.has(found):
                        yield f"{found} is named and absent"
        except StoreError as error:
            yield str(error)

    def _reach(self, root: Digest) -> Iterator[Digest]:
        """Yields a digest and all that its manifest names, present or not."""
        yield root
        if not self.has(root) or self.size(root) > 4 << 20:
            return
        try:
            body = json.loads(self.get(root))
        except ValueError:
            return
        if not isinstance(body, dict) or "schemaVersion" not in body:
            return
        for child in (*body.get("manifests", ()), *body.get("layers", ()), body.get("config")):
            if child:
                yield from self._reach(Digest.parse(child["digest"]))


class BlobWriter:
    """A blob while it is written; `commit` gives it its name, anything else leaves nothing."""

    def __init__(self, partial: Path, blobs: Path) -> None:
        self._path = partial
        self._blobs = blobs
        self._file = partial.open("xb")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells `prune` that somebody still writes it
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Appends and hashes bytes; raises StoreError where the disk is full."""
        with disk_errors(self._path):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def commit(self, expect: Digest | None = None) -> Digest:
        """Syncs the bytes and names them by their digest; raises DigestMismatch if that is not `expect`."""
        digest = Digest(self._hash.hexdigest())
        if expect is not None and digest != expect:
            raise DigestMismatch(f"expected {expect}, got {digest}", where=self._path.name)
        with disk_errors(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._path.rename(self._blobs / digest.hex)
            sync_directory(self._blobs)
        self._file.close()
        return digest

    def close(self) -> None:
        """Closes the file and removes it where it was not committed."""
        try:
            self._file.close()
        except OSError:
            pass  # what could not be flushed is thrown away in the next line
        self._path.unlink(missing_ok=True)


def _is_abandoned(partial: Path) -> bool:
    """Tells whether no process writes this partial file any more."""
    with partial.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def read_json(layout: Layout, digest: Digest) -> dict[str, Any]:
    """Reads a blob that must be a JSON object; raises StoreError."""
    try:
        body = json.loads(layout.get(digest))
    except ValueError as error:
        raise StoreError("a blob is not JSON", where=digest) from error
    if not isinstance(body, dict):
        raise StoreError("a blob is not a JSON object", where=digest)
    return body


def read_image(layout: Layout, digest: Digest) -> Image:
    """Reads an image from its manifest and config; raises StoreError where the two do not fit."""
    manifest = read_json(layout, digest)
    try:
        config_digest = Digest.parse(manifest["config"]["digest"])
        config = read_json(layout, config_digest)
        layers = tuple(_layers(manifest, config))
        platform = Platform(config["os"], config["architecture"], config.get("variant", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError("this is not an image manifest", where=digest) from error
    return Image(digest, config_digest, platform, config, layers)


def _layers(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Layer]:
    """Yields the layers; a tar's size is not in a manifest, hence 0 for a compressed one."""
    history = [step.get("created_by", "") for step in config.get("history", ()) if not step.get("empty_layer")]
    diff_ids = config["rootfs"]["diff_ids"]
    history += [""] * (len(diff_ids) - len(history))
    for layer, diff_id, created_by in zip(manifest["layers"], diff_ids, history, strict=True):
        found = descriptor_of(layer)
        tar_size = found.size if found.media_type.endswith(".tar") else 0
        yield Layer(found, Digest.parse(diff_id), tar_size, created_by)


def descriptor_of(body: Mapping[str, Any]) -> Descriptor:
    """Reads a descriptor; raises KeyError or ValueError."""
    annotations = cast("Mapping[str, str]", body.get("annotations", {}))
    return Descriptor(body["mediaType"], Digest.parse(body["digest"]), int(body["size"]), annotations)


def platform_json(platform: Platform) -> dict[str, str]:
    """Returns a platform as in an index or a config."""
    body = {"os": platform.os, "architecture": platform.architecture}
    return {**body, "variant": platform.variant} if platform.variant else body


def _replaces(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Tells whether a new index entry takes an old one's place: the same digest, or the same name."""
    name = "org.opencontainers.image.ref.name"
    moved = new.get("annotations", {}).get(name)
    return bool(new["digest"] == old["digest"] or (moved and old.get("annotations", {}).get(name) == moved))

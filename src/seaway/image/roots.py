"""Image roots on disk: layers unpacked once, and a farm of hard links to them for each image.

    <directory>/lock                       one writer at a time
    <directory>/layers/<diffID>/tree/      a layer's files, 0444 or 0555, never changed
    <directory>/layers/<diffID>/entries    what the layer says, in its order, whiteouts included
    <directory>/roots/<manifest digest>/   directories made, files linked, symlinks made again

Rules: a layer is unpacked into a directory of its own, so no member can reach another layer's files; both digests
of its bytes are checked while it is unpacked. What is under way lies under a name that starts with a dot and gets
its own by one rename, after the disk has the bytes; a killed call leaves only such names, which the next removes.
Files of a farm are the store's own, so they are not writable by anybody but root; a root is mounted read-only.
Owners and setuid bits are not kept: a program runs as 65532 and reads all that the image lets anybody read or its
root own. Source: OCI image-spec 1.1, layer.md.

Not here: mounting and running (`targets`), reading tars (`archive.py`), how layers stack (`stack.py`).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from seaway.blobs import BlobStore
from seaway.digest import Digest
from seaway.errors import DigestMismatch, StoreError
from seaway.image.archive import DEFAULT_LIMITS, ArchiveRefused, Hashed, Limits, Member, inflated, members
from seaway.image.disk import disk_errors
from seaway.image.model import Kind
from seaway.image.stack import Node, Said, stack

_CHUNK = 1 << 20
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _Blob:
    """A layer by its two names."""

    digest: Digest
    diff_id: Digest


class ImageRoots:
    """The roots below one directory, which belongs to one user."""

    def __init__(self, directory: Path, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._layers = directory / "layers"
        self._roots = directory / "roots"
        self._directory = directory
        self._limits = limits

    def root(self, store: BlobStore, manifest: Digest) -> Path:
        """Returns the directory that holds an image's root file system, made if it is not there yet.

        Raises StoreError for a missing blob or a full disk, DigestMismatch and ArchiveRefused for wrong layers; then
        nothing of it stays.
        """
        place = self._roots / manifest.hex
        if place.is_dir():
            return place
        layers = _layers_of(store, manifest)
        with disk_errors(self._directory), self._locked():
            if not place.is_dir():
                self._unpack(store, [layer for layer in layers if not (self._layers / layer.diff_id.hex).is_dir()])
                self._farm(layers, place)
        return place

    def prune(self, keep: Iterable[Digest]) -> int:
        """Removes the roots of all images but `keep`, and the layers that none of these uses; returns how many went."""
        kept = {digest.hex for digest in keep}
        with disk_errors(self._directory), self._locked():
            gone = [path for path in self._roots.iterdir() if path.name not in kept]
            used = {name for path in self._roots.iterdir() if path.name in kept for name in self._uses(path.name)}
            gone += [path for path in self._layers.iterdir() if path.name not in used]
            for path in gone:
                self._discard(path)
            for note in self._directory.glob("*.layers"):
                if note.stem not in kept:
                    note.unlink()
        return len(gone)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock and removes what a killed call left."""
        for directory in (self._layers, self._roots):
            directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for parent in (self._layers, self._roots):
                for path in parent.glob(".*"):
                    shutil.rmtree(path)
            yield

    def _uses(self, manifest: str) -> list[str]:
        return (self._directory / f"{manifest}.layers").read_text().split()

    def _discard(self, path: Path) -> None:
        """Removes a directory so that a kill in the middle leaves no half of it under its name."""
        hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        path.rename(hidden)
        shutil.rmtree(hidden)

    def _unpack(self, store: BlobStore, layers: Iterable[_Blob]) -> None:
        """Unpacks layers side by side; inflating, hashing and writing run outside the interpreter's lock."""
        missing = list({layer.diff_id: layer for layer in layers}.values())
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda layer: self._unpack_one(store, layer), missing))
            if missing:
                os.sync()
            for layer in missing:
                self._partial(layer).rename(self._layers / layer.diff_id.hex)
        finally:
            for layer in missing:
                shutil.rmtree(self._partial(layer), ignore_errors=True)

    def _unpack_one(self, store: BlobStore, layer: _Blob) -> None:
        try:
            with store.open(layer.digest) as stream:
                _unpack_layer(stream, layer, self._partial(layer), self._limits)
        except ArchiveRefused as error:
            where = f"layer {layer.digest}{f', {error.where}' if error.where else ''}"
            raise ArchiveRefused(error.says, where=where, hint=error.hint) from error

    def _partial(self, layer: _Blob) -> Path:
        return self._layers / f".{layer.diff_id.hex}"

    def _farm(self, layers: Iterable[_Blob], place: Path) -> None:
        said = ((str(self._layers / one.diff_id.hex / "tree"), self._said(one)) for one in layers)
        partial = place.with_name(f".{place.name}")
        try:
            _lay_out(stack(said), partial)
            note = self._directory / f"{place.name}.layers"
            note.write_text("".join(f"{one.diff_id.hex}\n" for one in layers))
            partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _said(self, layer: _Blob) -> list[Said]:
        path = self._layers / layer.diff_id.hex / "entries"
        return [Said(*fields) for fields in json.loads(path.read_bytes())]


def _layers_of(store: BlobStore, manifest: Digest) -> list[_Blob]:
    try:
        body: dict[str, Any] = json.loads(store.get(manifest))
        config: dict[str, Any] = json.loads(store.get(Digest.parse(body["config"]["digest"])))
        digests = [Digest.parse(layer["digest"]) for layer in body["layers"]]
        diff_ids = [Digest.parse(diff_id) for diff_id in config["rootfs"]["diff_ids"]]
        return [_Blob(*names) for names in zip(digests, diff_ids, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError("this is not an image manifest", where=manifest) from error


def _unpack_layer(stream: BinaryIO, layer: _Blob, partial: Path, limits: Limits) -> None:
    packed = Hashed(stream)
    plain = Hashed(inflated(packed))
    tree = _Tree(partial / "tree")
    said = [tree.add(member) for member in members(plain, limits=limits)]
    for want, got in ((layer.diff_id, plain.digest()), (layer.digest, packed.digest())):
        if want != got:
            raise DigestMismatch(f"expected {want}, got {got}", where=layer.digest)
    (partial / "entries").write_text(json.dumps([one.fields() for one in said]))


class _Tree:
    """A layer's files while they are written; parents are made as they are needed."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = str(directory)
        self._made = {""}

    def add(self, member: Member) -> Said:
        entry = member.entry
        if member.whiteout:
            return Said(entry.path, "opaque" if member.opaque else "whiteout")
        self._make(entry.path if entry.kind is Kind.DIRECTORY else entry.path.rpartition("/")[0])
        place = f"{self._directory}/{entry.path}"
        try:
            if entry.kind is Kind.FILE:
                _write(place, member)
            elif entry.kind is Kind.HARDLINK:
                os.link(f"{self._directory}/{entry.link}", place, follow_symlinks=False)
        except FileExistsError as error:
            raise ArchiveRefused("a path that this file system cannot tell from another", where=entry.path) from error
        kind = Kind.FILE if entry.kind is Kind.HARDLINK else entry.kind
        return Said(entry.path, kind, entry.mode, entry.link if kind is Kind.SYMLINK else "")

    def _make(self, path: str) -> None:
        missing = []
        while path not in self._made:
            missing.append(path)
            path = path.rpartition("/")[0]
        for path in reversed(missing):
            try:
                Path(self._directory, path).mkdir(0o700)
            except FileExistsError as error:
                raise ArchiveRefused("a path that this file system cannot tell from another", where=path) from error
            self._made.add(path)


def _write(place: str, member: Member) -> None:
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as sink:
        if member.data is not None:
            shutil.copyfileobj(member.data, sink, _CHUNK)
        os.fchmod(handle, 0o555 if member.entry.mode & 0o111 else 0o444)


def _lay_out(root: Node, directory: Path) -> None:
    """Makes a tree's directories and symlinks, and links its files."""
    waiting = [(root, str(directory))]
    while waiting:
        node, place = waiting.pop()
        if node.kind is Kind.SYMLINK:
            Path(place).symlink_to(node.source)
        elif node.kind is Kind.FILE:
            _link(node.source, place)
        else:
            made = Path(place)
            made.mkdir(0o700)
            made.chmod(node.mode & 0o1777 | 0o700)
            waiting.extend((child, f"{place}/{name}") for name, child in node.children.items())


def _link(source: str, place: str) -> None:
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EMLINK:
            raise
        shutil.copy(source, place)

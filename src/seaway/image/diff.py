"""Two images compared: packages, files, config, layers shared, and what a node that has one must pull for the other.

Rules: what cannot be read is unreadable, never equal. Pure but for reading the store. Not here: printing.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, cast

from seaway.errors import StoreError
from seaway.image.layout import Layout
from seaway.image.model import FileFact, Image, Kind, Layer

_KINDS = {tarfile.DIRTYPE: Kind.DIRECTORY, tarfile.SYMTYPE: Kind.SYMLINK, tarfile.LNKTYPE: Kind.HARDLINK}
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs; `before` or `after` is empty where only the other image has it."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ImageDiff:
    """What differs between two images; `pull` are the bytes of the layers that only the second has."""

    files: tuple[Change, ...] = ()
    config: tuple[Change, ...] = ()
    packages: tuple[Change, ...] = ()
    shared: int = 0
    pull: int = 0
    unreadable: tuple[str, ...] = field(default=())

    @property
    def is_equal(self) -> bool:
        """True where nothing differs and everything was read."""
        return not (self.files or self.config or self.packages or self.unreadable)


def compare(before: Image, after: Image, store: Layout) -> ImageDiff:
    """Compares two images whose layers are in the store."""
    unreadable: list[str] = []
    shared = {layer.descriptor.digest for layer in before.layers} & {layer.descriptor.digest for layer in after.layers}
    old, new = (_tree(image, store, unreadable) for image in (before, after))
    return ImageDiff(
        files=_changes({path: _said(fact) for path, fact in old.items()}, {p: _said(f) for p, f in new.items()}),
        config=_changes(_settings(before), _settings(after)),
        packages=_changes(_packages(old), _packages(new)),
        shared=len(shared),
        pull=sum(layer.descriptor.size for layer in after.layers if layer.descriptor.digest not in shared),
        unreadable=tuple(sorted(set(unreadable))),
    )


def read_layer(layer: Layer, store: Layout) -> Iterator[FileFact]:
    """Yields what a layer holds, hashed from its bytes; raises StoreError for one that cannot be read."""
    try:
        with store.open(layer.descriptor.digest) as stream:
            plain = gzip.GzipFile(fileobj=stream) if layer.descriptor.media_type.endswith("gzip") else stream
            with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|") as archive:
                for member in archive:
                    yield _fact(member, archive)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise StoreError(f"a layer cannot be read: {error}", where=layer.descriptor.digest) from error


def _fact(member: tarfile.TarInfo, archive: tarfile.TarFile) -> FileFact:
    kind = _KINDS.get(member.type, Kind.FILE)
    sha256 = ""
    if kind is Kind.FILE and (stream := archive.extractfile(member)):
        state = hashlib.sha256()
        while block := stream.read(_CHUNK):
            state.update(block)
        sha256 = state.hexdigest()
    return FileFact(member.name, kind, member.mode, member.size, sha256, member.linkname)


def _tree(image: Image, store: Layout, unreadable: list[str]) -> dict[str, FileFact]:
    """Returns what a container of the image sees; a whiteout removes what lies below it."""
    tree: dict[str, FileFact] = {}
    for layer in image.layers:
        try:
            for fact in read_layer(layer, store):
                _lay(tree, fact)
        except StoreError as error:
            unreadable.append(str(error))
    return tree


def _lay(tree: dict[str, FileFact], fact: FileFact) -> None:
    parent, _, name = fact.path.rpartition("/")
    if not name.startswith(".wh."):
        tree[fact.path] = fact
        return
    gone = parent if name == ".wh..wh..opq" else f"{parent}/{name.removeprefix('.wh.')}".lstrip("/")
    for path in [path for path in tree if path.startswith(f"{gone}/") or (path == gone and gone != parent)]:
        del tree[path]


def _said(fact: FileFact) -> str:
    return f"{fact.kind} {fact.mode:04o} {fact.sha256[:12] or fact.link}".rstrip()


def _settings(image: Image) -> dict[str, str]:
    container = cast("Mapping[str, object]", image.config.get("config") or {})
    found = {key: str(value) for key, value in container.items() if key not in ("Env", "Labels")}
    for entry in cast("list[str]", container.get("Env") or []):
        name, _, value = entry.partition("=")
        found[f"Env.{name}"] = value
    labels = cast("Mapping[str, str]", container.get("Labels") or {})
    return {**found, **{f"Labels.{key}": value for key, value in labels.items()}, "platform": str(image.platform)}


def _packages(tree: Mapping[str, FileFact]) -> dict[str, str]:
    """Returns the Python packages of an image by the names of their metadata directories."""
    found = {}
    for path in tree:
        directory, _, name = path.rpartition("/")
        if name == "METADATA" and directory.endswith(".dist-info") and "/site-packages/" in f"/{directory}":
            package, _, version = directory.rpartition("/")[2].removesuffix(".dist-info").rpartition("-")
            found[package] = version
    return found


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = sorted(set(before) | set(after))
    pairs = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(Change(*pair) for pair in pairs if pair[1] != pair[2])

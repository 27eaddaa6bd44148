"""Entries to tar bytes: the layer format of profile 1, frozen; any change of a byte is profile 2.

Rules: ustar with pax records only where a field cannot hold a value; owner root and one constant time; parents are
written once, outermost first, before the first entry below them; a path comes once; a name that would delete
what lies below (`.wh.`) is refused. Not here: compression (`splice.py`), which entries there are (`wheel.py`,
`source.py`, `apt.py`, `models.py`), where the bytes are kept (`layout.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from seaway.digest import Digest
from seaway.errors import FindingsError, WheelError
from seaway.findings import Finding, Level
from seaway.image.model import LAYER_GZIP, LAYER_TAR, Content, Descriptor, Entry, FileFact, Kind, Layer
from seaway.image.splice import Compressor, Members, Plain, Single, Sink, can_splice

PROFILE = "1"
MTIME = 315_619_200  # 1980-01-02T00:00:00Z: one day after the zip epoch, so zipfile takes the files in every zone
_BLOCK = 512
_CHUNK = 1 << 20
_FIELD = 100
_BIG = 8 << 30
_TYPES = {Kind.FILE: b"0", Kind.HARDLINK: b"1", Kind.SYMLINK: b"2", Kind.DIRECTORY: b"5"}
_COMPRESSORS: dict[str, Callable[[Sink], Compressor]] = {"members": Members, "single": Single, "none": Plain}

Watch = Callable[[Entry], Callable[[bytes], None] | None]


@dataclass(frozen=True, slots=True)
class WrittenLayer:
    """A layer after writing: `digest` and `size` of the compressed bytes, `diff_id` and `tar_size` of the tar."""

    digest: Digest
    diff_id: Digest
    size: int
    tar_size: int
    facts: tuple[FileFact, ...]
    compressed: bool = True

    def layer(self, created_by: str) -> Layer:
        """Returns the layer as a manifest and a config name it."""
        media_type = LAYER_GZIP if self.compressed else LAYER_TAR
        return Layer(Descriptor(media_type, self.digest, self.size), self.diff_id, self.tar_size, created_by)


def write_layer(
    entries: Iterable[Entry], sink: Sink, *, gzip: str = "members", watch: Watch | None = None
) -> WrittenLayer:
    """Writes entries, in their order, as a layer of profile 1.

    `gzip` is `members`, `single` or `none` (a plain tar). `watch` may return, for an entry, a function that is given
    the file's bytes as they pass. Raises WheelError for a path or content that is not allowed, FindingsError
    (SW-1006) for a path that comes twice, ToolMissing where the pinned encoder is another.
    """
    writer = _Writer(_COMPRESSORS[gzip](sink), watch)
    for entry in entries:
        writer.add(entry)
    return writer.finish(compressed=gzip != "none")


def header(entry: Entry, path: str, size: int) -> bytes:
    """Returns the blocks before an entry's content: a pax record where needed, then the ustar header.

    `path` ends in a slash for a directory.
    """
    name, link = path.encode(), entry.link.encode()
    records = b"".join(_records(name, link, size, entry.capability))
    pax = _pax_blocks(records) if records else b""
    fields = _Fields(name, _TYPES[entry.kind], entry.mode, size, link, entry.uid, entry.gid)
    return pax + _ustar(fields)


@dataclass(frozen=True, slots=True)
class _Fields:
    name: bytes
    type: bytes
    mode: int
    size: int
    link: bytes = b""
    uid: int = 0
    gid: int = 0


def _records(name: bytes, link: bytes, size: int, capability: bytes) -> Iterator[bytes]:
    if capability:
        yield _record(b"SCHILY.xattr.security.capability", capability)
    if _needs_pax(link):
        yield _record(b"linkpath", link)
    if _needs_pax(name):
        yield _record(b"path", name)
    if size >= _BIG:
        yield _record(b"size", str(size).encode())


def _needs_pax(value: bytes) -> bool:
    return len(value) > _FIELD or not value.isascii()


def _record(key: bytes, value: bytes) -> bytes:
    """Returns `<length> key=value\\n`, where the length counts its own digits (POSIX pax, extended header)."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _pax_blocks(records: bytes) -> bytes:
    head = _ustar(_Fields(b"././@PaxHeader", b"x", 0o644, len(records)))
    return head + records + bytes(-len(records) % _BLOCK)


def _ustar(fields: _Fields) -> bytes:
    size = 0 if fields.size >= _BIG else fields.size
    block = b"".join(
        (
            _ascii(fields.name),
            b"%07o\0%07o\0%07o\0" % (fields.mode, fields.uid, fields.gid),
            b"%011o\0%011o\0" % (size, MTIME),
            b" " * 8,
            fields.type,
            _ascii(fields.link),
            b"ustar\x0000",
            bytes(64),
            b"0000000\x000000000\x00",
            bytes(155 + 12),
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _ascii(value: bytes) -> bytes:
    """Cuts a name to its field, every byte above ASCII as `_`; the pax record then holds the true one."""
    cut = value[:_FIELD]
    if not cut.isascii():
        cut = bytes(byte if byte < 0x80 else 0x5F for byte in cut)
    return cut.ljust(_FIELD, b"\0")


class _Writer:
    """The state of one layer while it is written."""

    def __init__(self, compressor: Compressor, watch: Watch | None) -> None:
        self._compressor = compressor
        self._watch = watch
        self._tar = hashlib.sha256()
        self._tar_size = 0
        self._seen: dict[str, Kind] = {}
        self._facts: list[FileFact] = []

    def add(self, entry: Entry) -> None:
        _check_path(entry)
        parents = entry.path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            self._parent("/".join(parents[:depth]))
        self._claim(entry)
        if entry.kind is Kind.FILE:
            self._file(entry)
        else:
            self._node(entry)

    def finish(self, *, compressed: bool) -> WrittenLayer:
        self._write(bytes(2 * _BLOCK))
        digest, size = self._compressor.finish()
        diff_id = Digest(self._tar.hexdigest())
        return WrittenLayer(digest, diff_id, size, self._tar_size, tuple(self._facts), compressed)

    def _parent(self, path: str) -> None:
        kind = self._seen.get(path)
        if kind is None:
            self._seen[path] = Kind.DIRECTORY
            self._node(Entry(path, Kind.DIRECTORY, 0o755))
        elif kind is not Kind.DIRECTORY:
            raise WheelError("an entry lies below something that is not a directory", where=path)

    def _claim(self, entry: Entry) -> None:
        if entry.path in self._seen:
            raise FindingsError((Finding("SW-1006", Level.ERROR, "a path comes twice in one layer", entry.path),))
        self._seen[entry.path] = entry.kind

    def _node(self, entry: Entry) -> None:
        path = f"{entry.path}/" if entry.kind is Kind.DIRECTORY else entry.path
        self._write(header(entry, path, 0))
        self._facts.append(FileFact(entry.path, entry.kind, entry.mode, link=entry.link))

    def _file(self, entry: Entry) -> None:
        content = entry.content
        if content is None:
            raise WheelError("a file has no content", where=entry.path)
        self._write(header(entry, entry.path, content.size))
        taker = self._watch(entry) if self._watch else None
        state = hashlib.sha256()
        for block in self._blocks(content, entry.path):
            state.update(block)
            if taker:
                taker(block)
        self._end(entry, content, state.hexdigest())

    def _end(self, entry: Entry, content: Content, sha256: str) -> None:
        if content.sha256 and content.sha256 != sha256:
            raise WheelError(f"a file has sha256 {sha256} and not {content.sha256}, as recorded", where=entry.path)
        self._write(bytes(-content.size % _BLOCK))
        self._facts.append(FileFact(entry.path, entry.kind, entry.mode, content.size, sha256))

    def _blocks(self, content: Content, path: str) -> Iterator[bytes]:
        """Yields a file's plain bytes while they go into the tar, spliced where they can be."""
        if can_splice(content):
            for block in self._compressor.splice(content, path):
                self._count(block)
                yield block
            return
        left = content.size
        with content.open() as stream:
            while block := stream.read(_CHUNK):
                left -= len(block)
                if left < 0:
                    break
                self._write(block)
                yield block
        if left:
            raise WheelError(f"a file does not have the {content.size} bytes it was said to have", where=path)

    def _write(self, data: bytes) -> None:
        if data:
            self._count(data)
            self._compressor.write(data)

    def _count(self, data: bytes) -> None:
        self._tar.update(data)
        self._tar_size += len(data)


def _check_path(entry: Entry) -> None:
    """Refuses what could leave the root, delete what lies below or cannot be named."""
    segments = entry.path.split("/")
    if any(segment in ("", ".", "..") for segment in segments) or "\0" in entry.path or "\0" in entry.link:
        raise WheelError("a path is absolute, empty or leaves the layer", where=repr(entry.path))
    if any(segment.startswith(".wh.") for segment in segments):
        raise WheelError("a name starting with .wh. would delete files of the layers below", where=entry.path)
    try:
        entry.path.encode(), entry.link.encode()
    except UnicodeEncodeError as error:
        raise WheelError("a path is not UTF-8", where=repr(entry.path)) from error
    if bool(entry.link) is not (entry.kind in (Kind.SYMLINK, Kind.HARDLINK)):
        raise WheelError("a link has no target, or something else has one", where=entry.path)

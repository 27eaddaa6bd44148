"""Tar archives from elsewhere, read without trusting them: .deb payloads, root file systems, image layers.

Rules, each refusing with the member named: a path that is absolute, has a `..` segment or a NUL; a member below a
symlink of the same archive; a hard link whose target is not a file that came before; a device, socket or pipe; a
path twice; a whiteout that names nothing; more than `Limits` allow. Setuid and setgid bits are dropped. Nothing is
ever extracted by `tarfile` itself: this file turns members into `Entry` values and whiteouts, `roots.py` lays them
out. Source: OCI image-spec 1.1, layer.md (whiteouts, change sets).

Not here: what enters an image of ours (`debian.py`, `base.py`), writing archives (`layer.py`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tarfile import InvalidHeaderError, ReadError, TruncatedHeaderError  # type: ignore[attr-defined]  # not in typeshed
from typing import BinaryIO, Protocol, Self, cast

from seaway.digest import Digest
from seaway.errors import BaseError, NotYet
from seaway.image.model import Content, Entry, Kind

WHITEOUT = ".wh."
_XATTR = "SCHILY.xattr."
OPAQUE = ".wh..wh..opq"
_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK = 1 << 20
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, UnicodeError)


class ArchiveRefused(BaseError):
    """An archive is damaged or holds a member that must not be unpacked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold: `size` in bytes of all files together, `members` in number, `devices` are skipped."""

    size: int = 20 << 30
    members: int = 1_000_000
    devices: bool = False


DEFAULT_LIMITS = Limits()


class Readable(Protocol):
    """What a tar can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Reads up to `size` bytes."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member as read: an entry, or with `whiteout` a deletion of `entry.path` (`opaque`: of all below it).

    `data` reads the file's bytes and is good only until the next member is taken.
    """

    entry: Entry
    data: BinaryIO | None = None
    offset: int = 0
    whiteout: bool = False
    opaque: bool = False


def inflated(stream: Readable) -> BinaryIO:
    """Returns the plain bytes of a stream that may be gzip or xz, told by its first bytes; raises NotYet for zstd."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_Raw(stream))
    start = buffered.peek(6)
    kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), "plain")
    if kind == "gzip":
        return gzip.GzipFile(fileobj=buffered)  # type: ignore[return-value]  # a BinaryIO in all but name
    if kind == "xz":
        return lzma.LZMAFile(buffered)  # type: ignore[return-value]
    if kind == "zstd":
        raise NotYet("reading archives compressed with zstd", hint="use a Debian suite, or recompress it as gzip or xz")
    return buffered


def members(stream: Readable, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Member]:
    """Yields the members of a plain tar stream in order, each checked against the rules of this file."""
    check = _Check(limits)
    try:
        with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", encoding="utf-8", tarinfo=_StrictInfo) as archive:
            for info in archive:
                path = _segments(info.name, info.name)
                if path and not (limits.devices and (info.isdev() or info.isfifo())):
                    yield check.member(info, path, archive)
    except _DAMAGED as error:
        raise ArchiveRefused(f"the archive cannot be read: {error}") from error


def entries(tar: Path, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Entry, ...]:
    """Returns the entries of a plain tar file, whose contents read from that file; whiteouts are refused."""
    found = []
    with tar.open("rb") as stream:
        for member in members(stream, limits=limits):
            if member.whiteout:
                raise ArchiveRefused("a whiteout where there is nothing below", where=member.entry.path)
            found.append(_backed(member, tar))
    return tuple(found)


def _backed(member: Member, tar: Path) -> Entry:
    entry = member.entry
    if entry.kind is not Kind.FILE or entry.content is None:
        return entry
    size, offset = entry.content.size, member.offset
    return replace(entry, content=Content(size, lambda: open_slice(tar, offset, size)))


def open_slice(path: Path, offset: int, size: int) -> BinaryIO:
    """Opens `size` bytes of a file from `offset` on as a stream of their own."""
    return io.BufferedReader(_Slice(path, offset, size), 1 << 16)


class _StrictInfo(tarfile.TarInfo):
    """tarfile takes a damaged header for the end of the archive; here it is an error."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except (TruncatedHeaderError, InvalidHeaderError) as error:
            raise ReadError(f"the archive ends in the middle: {error}") from error


class _Check:
    """What has been seen of one archive."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kinds: dict[str, Kind] = {}
        self._size = 0
        self._count = 0

    def member(self, info: tarfile.TarInfo, path: str, archive: tarfile.TarFile) -> Member:
        self._measure(info, path)
        self._parents(path)
        name = path.rsplit("/", 1)[-1]
        if name.startswith(WHITEOUT):
            return _whiteout(path, name)
        kind = _kind(info, path)
        if path in self._kinds and (kind, self._kinds[path]) != (Kind.DIRECTORY, Kind.DIRECTORY):
            raise ArchiveRefused("a path comes twice in one archive", where=path)
        self._kinds[path] = kind
        return self._entry(info, path, kind, archive)

    def _entry(self, info: tarfile.TarInfo, path: str, kind: Kind, archive: tarfile.TarFile) -> Member:
        mode = info.mode & 0o7777
        if kind is Kind.FILE:
            data = archive.extractfile(info)
            capability = _capability(info, path)
            content = Content(info.size, io.BytesIO)
            entry = Entry(path, kind, mode, content, uid=info.uid, gid=info.gid, capability=capability)
            return Member(entry, data, info.offset_data)  # type: ignore[arg-type]  # IO[bytes] is a BinaryIO
        link = info.linkname if kind is Kind.SYMLINK else ""
        if kind is Kind.HARDLINK:
            link = self._target(info, path)
        if kind is Kind.SYMLINK and (not link or "\0" in link):
            raise ArchiveRefused("a symlink without a target", where=path)
        return Member(Entry(path, kind, mode, link=link, uid=info.uid, gid=info.gid))

    def _measure(self, info: tarfile.TarInfo, path: str) -> None:
        self._count += 1
        self._size += max(info.size, 0)
        if self._count > self._limits.members:
            raise ArchiveRefused(f"more than {self._limits.members} members", where=path)
        if self._size > self._limits.size:
            raise ArchiveRefused(f"more than {self._limits.size} bytes unpacked", where=path)

    def _parents(self, path: str) -> None:
        at = path.find("/")
        while at != -1:
            parent = self._kinds.setdefault(path[:at], Kind.DIRECTORY)
            if parent is not Kind.DIRECTORY:
                raise ArchiveRefused(f"a member below {path[:at]}, which is a {parent}", where=path)
            at = path.find("/", at + 1)

    def _target(self, info: tarfile.TarInfo, path: str) -> str:
        target = _segments(info.linkname, path)
        if self._kinds.get(target) not in (Kind.FILE, Kind.HARDLINK):
            raise ArchiveRefused(f"a hard link to {info.linkname}, which is no file that came before", where=path)
        return target


def _segments(name: str, where: str) -> str:
    if name.startswith("/") or "\0" in name:
        raise ArchiveRefused("a path that is absolute or holds a NUL", where=where)
    segments = [segment for segment in name.split("/") if segment not in ("", ".")]
    if ".." in segments:
        raise ArchiveRefused("a path that leaves the archive", where=where)
    if any("\udc80" <= sign <= "\udcff" for sign in name):
        raise ArchiveRefused("a path that is not UTF-8", where=repr(where))
    return "/".join(segments)


def _kind(info: tarfile.TarInfo, path: str) -> Kind:
    if info.isdir():
        return Kind.DIRECTORY
    if info.issym():
        return Kind.SYMLINK
    if info.islnk():
        return Kind.HARDLINK
    if info.isreg():
        return Kind.FILE
    raise ArchiveRefused("a device, pipe or unknown kind of member", where=path)


def _capability(info: tarfile.TarInfo, path: str) -> bytes:
    """Returns the one extended attribute that is kept; others would be lost in silence, so they are refused."""
    found = {name: value for name, value in info.pax_headers.items() if name.startswith(_XATTR)}
    capability = found.pop(f"{_XATTR}security.capability", "")
    if found:
        raise ArchiveRefused(f"an extended attribute that is not kept: {min(found).removeprefix(_XATTR)}", where=path)
    return capability.encode("utf-8", "surrogateescape")


def _whiteout(path: str, name: str) -> Member:
    parent = path[: -len(name)].rstrip("/")
    if name == OPAQUE:
        return Member(Entry(parent, Kind.DIRECTORY), whiteout=True, opaque=True)
    hidden = name.removeprefix(WHITEOUT)
    if hidden in ("", ".", "..") or hidden.startswith(WHITEOUT):
        raise ArchiveRefused("a whiteout that names nothing", where=path)
    return Member(Entry(f"{parent}/{hidden}".lstrip("/")), whiteout=True)


class Hashed:
    """A reader that hashes what passes; `digest` reads what is left and tells the digest of all."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._state = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Reads and hashes; damaged compression raises ArchiveRefused."""
        try:
            data = self._stream.read(size)
        except _DAMAGED as error:
            raise ArchiveRefused(f"the archive cannot be read: {error}") from error
        self._state.update(data)
        self.size += len(data)
        return data

    def digest(self) -> Digest:
        """Returns the digest of the whole stream."""
        while self.read(_CHUNK):
            pass
        return Digest(self._state.hexdigest())


class _Raw(io.RawIOBase):
    """Any readable object as a raw stream, so that it can be buffered and peeked."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Slice(io.RawIOBase):
    """A part of a file; the file is opened when the slice is and closed with it."""

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(offset)
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left)) or b""
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

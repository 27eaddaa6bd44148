"""A zip file's members as its central directory lists them, and where their bytes are.

Rules: the central directory is authoritative; a local header only tells where the data starts and must agree on the
name. Refused: encryption, methods other than stored and deflate, members that come twice or overlap, bytes before,
between or after the parts, names that leave the root, links and devices, more than 20 GiB. Source: APPNOTE 6.3.10,
sections 4.3 and 4.5.3. Not here: what the members mean (`wheel.py`).
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

from seaway.errors import WheelError
from seaway.image.model import Content
from seaway.image.splice import inflate

STORED, DEFLATED = 0, 8
UNPACKED_LIMIT = 20 << 30
_DIRECTORY_LIMIT = 256 << 20
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_TAIL = 65_535 + _END.size + _LOCATOR.size + _END64.size

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a zip; `offset` is where its data starts, once `read_members` has looked at the local header."""

    name: str
    raw_name: bytes
    method: int
    mode: int
    crc32: int
    size: int
    deflated_size: int
    header: int
    offset: int = 0


def read_members(file: BinaryIO) -> tuple[Member, ...]:
    """Returns the files of a zip in the order of their data, without directories; raises WheelError with the rule."""
    start, length, count = _find_directory(file)
    file.seek(start)
    members = tuple(_parse_directory(file.read(length), count))
    _check_names(members)
    placed = sorted((_place(file, member) for member in members), key=lambda member: member.header)
    _check_extents(placed, start)
    return tuple(member for member in placed if not member.name.endswith("/"))


def content(opener: Opener, member: Member, sha256: str = "") -> Content:
    """Returns a member's bytes as content: plain or, where it is deflated, also as DEFLATE."""
    deflated = (lambda: _seek(opener, member.offset)) if member.method == DEFLATED else None
    there = Content(member.size, BytesIO, deflated, member.deflated_size, member.crc32, sha256)
    return replace(there, open=lambda: _open(opener, member, there))


def _open(opener: Opener, member: Member, there: Content) -> BinaryIO:
    if member.method == DEFLATED:
        return _Inflated(inflate(there, member.name))  # type: ignore[return-value]  # only `read` and `close` are used
    return _Stored(_seek(opener, member.offset), member)  # type: ignore[return-value]


def _seek(opener: Opener, offset: int) -> BinaryIO:
    stream = opener()
    stream.seek(offset)
    return stream


class _Inflated:
    """A deflated member's plain bytes, checked as they are read."""

    def __init__(self, blocks: Iterator[tuple[bytes, bytes]]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes, all by default."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._rest += block[1]
        cut = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:cut], self._rest[cut:]
        return data

    def __enter__(self) -> _Inflated:
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks = iter(())


class _Stored:
    """A stored member's bytes, checked as they are read."""

    def __init__(self, stream: BinaryIO, member: Member) -> None:
        self._stream = stream
        self._member = member
        self._left = member.size
        self._crc = 0

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes, all by default."""
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        if (self._left and size and not data) or (not self._left and self._crc != self._member.crc32):
            raise WheelError("a member's bytes do not match its size, checksum or end", where=self._member.name)
        return data

    def __enter__(self) -> _Stored:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Returns start, length and member count of the central directory, which must end where its end records start."""
    size = file.seek(0, 2)
    tail_start = max(0, size - _TAIL)
    file.seek(tail_start)
    tail = file.read()
    at = _end_record(tail)
    _, disk, other, here, count, length, start, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(b"PK\x06\x07"):
        disk, other, here, count, length, start, end = _end64(file, tail, at - _LOCATOR.size)
    if disk or other or here != count:
        raise WheelError("a zip on several disks is refused")
    if start + length != end or length > _DIRECTORY_LIMIT:
        raise WheelError("the central directory is not where the end record says")
    return start, length, count


def _end_record(tail: bytes) -> int:
    """Returns where the end record is; two that both fit make the file ambiguous and are refused."""
    fits, at = [], tail.find(b"PK\x05\x06")
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            fits.append(at)
        at = tail.find(b"PK\x05\x06", at + 1)
    if not fits:
        raise WheelError("this is not a zip file, or bytes follow its end")
    if len(fits) > 1:
        raise WheelError("a zip with two ends is refused")
    return fits[0]


def _end64(file: BinaryIO, tail: bytes, at: int) -> tuple[int, int, int, int, int, int, int]:
    _, _, where, disks = _LOCATOR.unpack_from(tail, at)
    file.seek(where)
    record = file.read(_END64.size)
    if disks != 1 or len(record) != _END64.size or not record.startswith(b"PK\x06\x06"):
        raise WheelError("the zip64 end record is not where its locator says")
    _, _, _, _, disk, other, here, count, length, start = _END64.unpack(record)
    return disk, other, here, count, length, start, where


def _parse_directory(data: bytes, count: int) -> Iterator[Member]:
    """Yields the entries of a central directory, which must hold exactly `count`."""
    at = 0
    for _ in range(count):
        if len(data) - at < _CENTRAL.size or data[at : at + 4] != b"PK\x01\x02":
            raise WheelError("the central directory is cut short or damaged")
        fields = _CENTRAL.unpack_from(data, at)
        name_end = at + _CENTRAL.size + fields[10]
        extra_end = name_end + fields[11]
        raw, extra = data[at + _CENTRAL.size : name_end], data[name_end:extra_end]
        at = extra_end + fields[12]
        if at > len(data):
            raise WheelError("the central directory is cut short or damaged")
        yield _member(fields, raw, extra)
    if at != len(data):
        raise WheelError("the central directory has bytes that belong to no member")


def _member(fields: tuple[int, ...], raw: bytes, extra: bytes) -> Member:
    flags, method, crc, deflated, size, external, header = (fields[i] for i in (3, 4, 7, 8, 9, 15, 16))
    name = _decode(raw, flags)
    if flags & _ENCRYPTED:
        raise WheelError("an encrypted member is refused", where=name)
    if method not in (STORED, DEFLATED):
        raise WheelError(f"compression method {method} is refused; only stored and deflate are read", where=name)
    size, deflated, header = _zip64(name, extra, size, deflated, header)
    if method == STORED and size != deflated:
        raise WheelError("a stored member has two sizes", where=name)
    return Member(name, raw, method, external >> 16, crc, size, deflated, header)


def _decode(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise WheelError("a member's name is not UTF-8", where=repr(raw)) from error


def _zip64(name: str, extra: bytes, *values: int) -> tuple[int, int, int]:
    """Replaces the 32-bit values that are all ones by those of the zip64 field, in their order (4.5.3)."""
    field, at = b"", 0
    while len(extra) - at >= 4:
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
        at += 4 + length
    found: list[int] = []
    for value in values:
        if value == 0xFFFFFFFF:
            if len(field) < 8:
                raise WheelError("a zip64 field is missing or short", where=name)
            value, field = struct.unpack_from("<Q", field)[0], field[8:]
        found.append(value)
    return found[0], found[1], found[2]


def _check_names(members: tuple[Member, ...]) -> None:
    seen: set[str] = set()
    for member in members:
        check_name(member.name)
        if member.name in seen:
            raise WheelError("a member comes twice", where=member.name)
        seen.add(member.name)
        kind = stat.S_IFMT(member.mode)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise WheelError("a link or device is refused", where=member.name)
        if member.name.endswith("/") and member.size:
            raise WheelError("a directory has content", where=member.name)
    if sum(member.size for member in members) > UNPACKED_LIMIT:
        raise WheelError("a wheel of more than 20 GiB unpacked is refused")


def check_name(name: str) -> None:
    """Refuses a name that is absolute, has empty, `.` or `..` segments, a backslash or a NUL."""
    if "\\" in name or "\0" in name:
        raise WheelError("a name with a backslash or NUL is refused", where=repr(name))
    if any(segment in ("", ".", "..") for segment in name.removesuffix("/").split("/")):
        raise WheelError("a name that is absolute or leaves its root is refused", where=repr(name))


def _place(file: BinaryIO, member: Member) -> Member:
    """Finds where the data starts, by the local header, which must have the same name."""
    file.seek(member.header)
    local = file.read(_LOCAL.size + len(member.raw_name))
    if len(local) != _LOCAL.size + len(member.raw_name) or not local.startswith(b"PK\x03\x04"):
        raise WheelError("a member has no local header where the directory says", where=member.name)
    name_length, extra_length = _LOCAL.unpack_from(local)[9:11]
    if name_length != len(member.raw_name) or local[_LOCAL.size :] != member.raw_name:
        raise WheelError("a local header has another name than the directory", where=member.name)
    return replace(member, offset=member.header + _LOCAL.size + name_length + extra_length)


def _check_extents(placed: list[Member], directory: int) -> None:
    """Refuses members that overlap each other or the directory, and bytes before the first."""
    if placed and placed[0].header != 0:
        raise WheelError("bytes before the first member are refused")
    ends = [member.header for member in placed[1:]] + [directory]
    for member, limit in zip(placed, ends, strict=True):
        if member.offset + member.deflated_size > limit:
            raise WheelError("members overlap", where=member.name)

"""What an ELF file needs and provides, read from its dynamic section.

Rules: nothing is executed; offsets are checked before they are followed; a file that only looks like ELF is no ELF.
Source: System V ABI, object files and dynamic linking. Not here: whether all is there (`closure.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ReadAt = Callable[[int, int], bytes]

MAGIC = b"\x7fELF"
MACHINES = {3: "386", 40: "arm", 62: "amd64", 183: "arm64", 21: "ppc64le", 22: "s390x", 243: "riscv64"}
_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_STRINGS_LIMIT = 256 << 20
_DYNAMIC_LIMIT = 1 << 20
_SEGMENTS_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Elf:
    """One ELF file: `machine` as OCI names architectures, `needed` and `soname` from its dynamic section."""

    path: str
    machine: str
    needed: tuple[str, ...] = ()
    soname: str = ""
    search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def read_elf(path: str, read_at: ReadAt) -> Elf | None:
    """Returns what a file needs and provides, or None where it is no ELF that can be read.

    `read_at(offset, size)` returns the bytes there, fewer at the end of the file.
    """
    try:
        return _read(path, read_at)
    except (struct.error, ValueError, IndexError):
        return None


def _read(path: str, read_at: ReadAt) -> Elf | None:
    head = read_at(0, 64)
    if len(head) < 52 or head[:4] != MAGIC or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    order, wide = "<" if head[5] == 1 else ">", head[4] == 2
    machine = MACHINES.get(struct.unpack_from(f"{order}H", head, 18)[0], "other")
    segments = list(_segments(head, order, wide, read_at))
    dynamic = next((segment for segment in segments if segment.kind == _DYNAMIC), None)
    if dynamic is None:
        return Elf(path, machine)
    tags = list(_tags(read_at(dynamic.offset, min(dynamic.size, _DYNAMIC_LIMIT)), order, wide))
    strings = _strings(dict(tags), segments, read_at)
    names = [(tag, _string(strings, value)) for tag, value in tags if tag in (_NEEDED, _SONAME, _RPATH, _RUNPATH)]
    return Elf(
        path,
        machine,
        tuple(name for tag, name in names if tag == _NEEDED),
        next((name for tag, name in names if tag == _SONAME), ""),
        tuple(part for tag, name in names if tag in (_RPATH, _RUNPATH) for part in name.split(":")),
    )


def _segments(head: bytes, order: str, wide: bool, read_at: ReadAt) -> Iterator[_Segment]:
    table, size, count = (
        (struct.unpack_from(f"{order}Q", head, 32)[0], *struct.unpack_from(f"{order}2H", head, 54))
        if wide
        else (struct.unpack_from(f"{order}L", head, 28)[0], *struct.unpack_from(f"{order}2H", head, 42))
    )
    data = read_at(table, size * min(count, _SEGMENTS_LIMIT))
    for at in range(0, size * count, size or 1):
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(f"{order}2L4Q", data, at)
        else:
            kind, offset, address, _, length = struct.unpack_from(f"{order}5L", data, at)
        yield _Segment(kind, offset, address, length)


def _tags(data: bytes, order: str, wide: bool) -> Iterator[tuple[int, int]]:
    form = struct.Struct(f"{order}2Q" if wide else f"{order}2L")
    for at in range(0, len(data) - form.size + 1, form.size):
        tag, value = form.unpack_from(data, at)
        if tag == _NULL:
            return
        yield tag, value


def _strings(tags: dict[int, int], segments: list[_Segment], read_at: ReadAt) -> bytes:
    """Returns the string table, whose address is one in memory, found through the segment that loads it."""
    address = tags.get(_STRTAB, 0)
    for segment in segments:
        if segment.kind == _LOAD and segment.address <= address < segment.address + segment.size:
            return read_at(address - segment.address + segment.offset, min(tags.get(_STRSZ, 0), _STRINGS_LIMIT))
    return b""


def _string(strings: bytes, at: int) -> str:
    end = strings.index(b"\0", at)
    return strings[at:end].decode("utf-8", "replace")

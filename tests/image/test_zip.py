"""Zip files, honest and hostile: the central directory is authoritative and every oddity is refused by name."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import IO, Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seaway.errors import WheelError
from seaway.image.zip import Member, content, read_members

pytestmark = pytest.mark.rootless

_FIRST = b"a/one.txt"
_BODY = b"hello " * 100


def _zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members or (("a/one.txt", _BODY), ("two", b"2")):
            archive.writestr(zipfile.ZipInfo(name), data, method)
        archive.comment = comment
    return file.getvalue()


def _read(data: bytes) -> dict[str, bytes]:
    found = {}
    for member in read_members(io.BytesIO(data)):
        with content(lambda: io.BytesIO(data), member).open() as stream:
            found[member.name] = stream.read()
            assert stream.read() == b""
    return found


def _central(data: bytes) -> int:
    return data.index(b"PK\x01\x02")


def _patch(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


@given(
    st.dictionaries(
        st.from_regex(r"[a-zé]{1,8}(/[a-z]{1,8}){0,2}", fullmatch=True), st.binary(max_size=500), max_size=6
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.binary(max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_every_honest_zip_is_read(files: dict[str, bytes], method: int, comment: bytes) -> None:
    """What zipfile writes is read back, stored or deflated, with a comment or without."""
    assert _read(_zip(*(files or {"x": b""}).items(), method=method, comment=comment)) == (files or {"x": b""})


@given(st.integers(0, 2000), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
@example(14, 1)
def test_a_flipped_byte_is_refused_or_harmless(at: int, flip: int) -> None:
    """Whatever byte is damaged, members come back whole or the file is refused; nothing else is raised."""
    data = bytearray(_zip())
    data[at % len(data)] ^= flip
    try:
        found = _read(bytes(data))
    except WheelError:
        return
    assert sorted(found.values()) == sorted([_BODY, b"2"])


@given(st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_a_cut_zip_is_refused(length: int) -> None:
    """A zip that ends early is refused at any length."""
    data = _zip()
    with pytest.raises(WheelError):
        _read(data[: min(length, len(data) - 1)])


class _Unseekable(io.RawIOBase):
    """A stream that zipfile cannot go back in, so it writes sizes after the data."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def test_data_descriptors_are_read() -> None:
    """Sizes after the data (a streamed zip) do not matter: the central directory has them."""

    file = _Unseekable()
    with zipfile.ZipFile(cast("IO[bytes]", file), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"streamed")
    assert file.data[6] & 8
    assert _read(file.data) == {"a": b"streamed"}


def test_zip64_is_read() -> None:
    """A member with zip64 sizes and an archive with zip64 end records are read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"large")
    assert _read(file.getvalue()) == {"a": b"large"}
    assert _read(_as_zip64(_zip(("b", b"x")))) == {"b": b"x"}


def _as_zip64(data: bytes) -> bytes:
    end = data.rindex(b"PK\x05\x06")
    count, length, start = struct.unpack_from("<HLL", data, end + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    closed = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + record + locator + closed


def test_a_local_header_may_lie_about_all_but_the_name() -> None:
    """Sizes, checksum and method of the local header are not used."""
    data = _zip()
    assert _read(_patch(data, 8, b"\x63\x00" + b"\xff" * 16)) == {"a/one.txt": _BODY, "two": b"2"}


def test_directories_are_no_files() -> None:
    """Entries that end in a slash bring nothing."""
    assert _read(_zip(("d/", b""), ("d/x", b"1"))) == {"d/x": b"1"}


def _two_ends() -> bytes:
    inner = _zip()
    end = inner[inner.rindex(b"PK\x05\x06") :]
    return _zip(comment=end)


def _overlapping() -> bytes:
    """Two members whose data is one: the second's local header lies in the first's data."""
    inner = _zip(("b", b"x" * 50), method=zipfile.ZIP_STORED)
    local = inner[: _central(inner)]
    data = _zip(("a", local), ("b", b"x" * 50), method=zipfile.ZIP_STORED)
    second = data.index(b"PK\x01\x02", _central(data) + 4)
    inside = struct.pack("<L", 30 + 1)
    return _patch(data, second + 42, inside)


def _self_extracting() -> bytes:
    """A program before the members, with offsets that count it."""
    file = io.BytesIO(b"#!/bin/sh\n")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a", b"x")
    return file.getvalue()


def _one_byte_too_long() -> bytes:
    """A stored member whose data reaches one byte into the next."""
    data = _zip(("a", b"12345"), ("b", b"x"), method=zipfile.ZIP_STORED)
    return _patch(data, _central(data) + 20, struct.pack("<LL", 6, 6))


_HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (lambda: _patch(_zip(), _central(_zip()) + 8, b"\x01\x00"), "encrypted"),
    "strong encryption": (lambda: _patch(_zip(), _central(_zip()) + 8, b"\x40\x00"), "encrypted"),
    "masked headers": (lambda: _patch(_zip(), _central(_zip()) + 8, b"\x00\x20"), "encrypted"),
    "self-extracting": (_self_extracting, "bytes before the first member"),
    "one byte too long": (_one_byte_too_long, "overlap"),
    "two counts": (lambda: _patch(_zip(), _zip().rindex(b"PK\x05\x06") + 10, b"\x01\x00"), "several disks"),
    "bzip2": (lambda: _zip(method=zipfile.ZIP_BZIP2), "compression method 12"),
    "lzma": (lambda: _zip(method=zipfile.ZIP_LZMA), "compression method 14"),
    "absolute": (lambda: _zip(("/etc/passwd", b"x")), "absolute"),
    "parent": (lambda: _zip(("a/../../x", b"x")), "leaves its root"),
    "dot": (lambda: _zip(("./a", b"x")), "leaves its root"),
    "empty segment": (lambda: _zip(("a//b", b"x")), "leaves its root"),
    "backslash": (lambda: _zip(("a/b", b"x")).replace(b"a/b", b"a\\b"), "backslash"),
    "NUL": (lambda: _zip(("a/b", b"x")).replace(b"a/b", b"a\0b"), "NUL"),
    "symlink": (lambda: _patch(_zip(), _central(_zip()) + 38, struct.pack("<L", 0o120777 << 16)), "link or device"),
    "device": (lambda: _patch(_zip(), _central(_zip()) + 38, struct.pack("<L", 0o060644 << 16)), "link or device"),
    "twice": (lambda: _zip(("aa", b"1"), ("ab", b"2")).replace(b"ab", b"aa"), "twice"),
    "overlap": (_overlapping, "overlap"),
    "other local name": (lambda: _patch(_zip(), 30, b"b"), "another name"),
    "no local header": (lambda: _patch(_zip(), 0, b"XX"), "no local header"),
    "prefix": (lambda: b"#!/bin/sh\n" + _zip(), "not where the end record says"),
    "suffix": (lambda: _zip() + b"\n", "bytes follow its end"),
    "two ends": (_two_ends, "two ends"),
    "empty": (lambda: b"", "not a zip"),
    "several disks": (lambda: _patch(_zip(), _zip().rindex(b"PK\x05\x06") + 4, b"\x01\x00"), "several disks"),
    "too few entries": (
        lambda: _patch(_zip(), _zip().rindex(b"PK\x05\x06") + 8, b"\x01\0\x01\0"),
        "belong to no member",
    ),
    "too many entries": (lambda: _patch(_zip(), _zip().rindex(b"PK\x05\x06") + 8, b"\x03\0\x03\0"), "cut short"),
    "bomb": (lambda: _patch(_zip(), _central(_zip()) + 24, struct.pack("<L", 0xFFFFFFFE)), "do not match"),
    "missing zip64": (lambda: _patch(_zip(), _central(_zip()) + 24, b"\xff" * 4), "zip64 field"),
    "wrong checksum": (lambda: _patch(_zip(), _central(_zip()) + 16, b"\0\0\0\0"), "do not match"),
    "stored, two sizes": (
        lambda: _patch(_zip(method=0), _central(_zip(method=0)) + 24, struct.pack("<L", 1)),
        "two sizes",
    ),
    "name not UTF-8": (lambda: _zip(("é", b"x")).replace("é".encode(), b"\xff\xfe"), "not UTF-8"),
    "directory with content": (lambda: _zip(("a/b", b"x")).replace(b"a/b", b"ab/"), "directory has content"),
    "foreign locator": (
        lambda: _as_zip64(_zip()).replace(b"PK\x06\x06", b"PK\x06\x05"),
        "zip64 end record",
    ),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_zip_oddities(name: str) -> None:
    """Each way to be a zip that readers disagree about, or that harms, is refused with its rule."""
    make, says = _HOSTILE[name]
    with pytest.raises(WheelError, match=says):
        _read(make())


def test_more_than_20_gib_is_refused() -> None:
    """The sum of the sizes is checked before a byte is inflated."""
    data = _zip(*((f"{i}", b"x") for i in range(6)))
    at = _central(data)
    while at >= 0:
        data = _patch(data, at + 24, struct.pack("<L", 0xFFFFFFFE))
        at = data.find(b"PK\x01\x02", at + 4)
    with pytest.raises(WheelError, match="20 GiB"):
        read_members(io.BytesIO(data))


def test_a_large_member_is_read_in_pieces() -> None:
    """Reads of any size give the same bytes, and the checks come at the end."""
    body = bytes(range(256)) * 20_000
    data = _zip(("a", body))
    member: Member = read_members(io.BytesIO(data))[0]
    with content(lambda: io.BytesIO(data), member).open() as stream:
        parts = []
        while part := stream.read(99_991):
            parts.append(part)
    assert b"".join(parts) == body

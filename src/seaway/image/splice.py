"""Tar bytes to gzip members: the compressed half of profile 1.

A stream is cut into segments, one gzip member each. A file that a wheel holds as raw DEFLATE is copied verbatim
as a member of its own and inflated once on the way, only to check it; everything else gathers in a pending
segment that the one pinned encoder compresses. No output of zlib, zlib-ng, isal or zstd is ever hashed: their bytes
vary by version and CPU. Not here: what the tar bytes are (`layer.py`) and where the members go.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol

import deflate

from seaway.digest import Digest
from seaway.errors import ToolMissing, WheelError
from seaway.image.model import Content

SEGMENT = 4 << 20
SPLICE_FROM = 1 << 16
SPLICE_BELOW = 1 << 32
_CHUNK = 1 << 20
_HEAD = bytes.fromhex("1f8b08000000000000ff")
_KNOWN_ANSWER = "5d83f3753a40c225040f9e3284f88379bcd37aa3e3e148cbcf5beed6a75aa22a"


class Sink(Protocol):
    """Where compressed bytes go: an open file, or a blob while it is written."""

    def write(self, data: bytes, /) -> int:
        """Takes bytes."""


class Compressor(Protocol):
    """What a layer writer sends its tar bytes to."""

    def write(self, data: bytes) -> None:
        """Takes tar bytes."""

    def splice(self, content: Content, path: str) -> Iterator[bytes]:
        """Takes the deflated bytes of a file and yields its plain ones, checked."""

    def finish(self) -> tuple[Digest, int]:
        """Writes what is pending and returns digest and size of the compressed bytes."""


@functools.cache
def check_encoder() -> None:
    """Proves that the pinned encoder gives the bytes of profile 1; raises ToolMissing, for there is no other."""
    probe = b"".join(hashlib.sha256(struct.pack("<Q", i)).hexdigest().encode() for i in range(16384))
    if hashlib.sha256(encode(probe)).hexdigest() != _KNOWN_ANSWER:
        raise ToolMissing(
            "the encoder `deflate` gives other bytes than profile 1 needs",
            hint="install deflate==0.9.0 from a wheel: pip install --force-reinstall deflate==0.9.0",
        )


def encode(data: bytes | bytearray) -> bytes:
    """Returns raw DEFLATE of `data` by libdeflate, level 6."""
    return bytes(deflate.deflate_compress(bytes(data), 6))


def can_splice(content: Content) -> bool:
    """Tells whether a file is copied as its own member: deflated in the wheel, 64 KiB or more, below 4 GiB."""
    return content.deflated is not None and SPLICE_FROM <= content.size < SPLICE_BELOW


def inflate(content: Content, path: str) -> Iterator[tuple[bytes, bytes]]:
    """Yields (deflated, plain) blocks of a file and refuses a stream that is not exactly what its directory says.

    Checked are the end of the stream at `deflated_size`, no byte left over, `size` and `crc32`.
    """
    assert content.deflated is not None
    engine, left, size, crc = zlib.decompressobj(-15), content.deflated_size, 0, 0
    with content.deflated() as stream:
        while left and (raw := stream.read(min(_CHUNK, left))):
            left -= len(raw)
            for plain in _inflate_block(engine, raw, path):
                size, crc = size + len(plain), zlib.crc32(plain, crc)
                if size > content.size:
                    raise WheelError("a member is longer than its directory says", where=path)
                yield raw, plain
                raw = b""
    if left or not engine.eof or engine.unused_data or size != content.size or crc != content.crc32:
        raise WheelError("a member's bytes do not match its size, checksum or end", where=path)


def _inflate_block(engine: zlib._Decompress, raw: bytes, path: str) -> Iterator[bytes]:
    """Yields what a block inflates to, at most a mebibyte at a time, so that a bomb fills no memory."""
    try:
        plain = engine.decompress(raw, _CHUNK)
        yield plain
        # A full block may have left output inside the engine even where no input is left over.
        while not engine.eof and (engine.unconsumed_tail or len(plain) == _CHUNK):
            plain = engine.decompress(engine.unconsumed_tail, _CHUNK)
            yield plain
    except zlib.error as error:
        raise WheelError(f"a member is not DEFLATE: {error}", where=path) from error


class Members:
    """Writes a stream as gzip members, the default of profile 1."""

    def __init__(self, sink: Sink) -> None:
        check_encoder()
        self._sink = sink
        self._pending = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Adds bytes to the pending segment, which closes at exactly 4 MiB."""
        view = memoryview(data)
        while len(view):
            room = SEGMENT - len(self._pending)
            self._pending += view[:room]
            view = view[room:]
            if len(self._pending) == SEGMENT:
                self._close()

    def splice(self, content: Content, path: str) -> Iterator[bytes]:
        """Copies a file's DEFLATE bytes as one member and yields its plain bytes."""
        self._close()
        self._emit(_HEAD)
        for raw, plain in inflate(content, path):
            self._emit(raw)
            yield plain
        self._emit(struct.pack("<II", content.crc32, content.size))

    def finish(self) -> tuple[Digest, int]:
        """Closes the last segment."""
        self._close()
        return Digest(self._hash.hexdigest()), self._size

    def _close(self) -> None:
        if self._pending:
            self._emit(_member(self._pending))
            self._pending.clear()

    def _emit(self, data: bytes) -> None:
        self._sink.write(data)
        self._hash.update(data)
        self._size += len(data)


class Single:
    """Writes a stream as one gzip member, for readers that stop after the first; holds the whole tar in memory."""

    def __init__(self, sink: Sink) -> None:
        check_encoder()
        self._sink = sink
        self._tar = bytearray()

    def write(self, data: bytes) -> None:
        """Keeps the bytes."""
        self._tar += data

    def splice(self, content: Content, path: str) -> Iterator[bytes]:
        """Keeps the plain bytes of a deflated file and yields them."""
        for _, plain in inflate(content, path):
            self._tar += plain
            yield plain

    def finish(self) -> tuple[Digest, int]:
        """Compresses everything by one call of the encoder."""
        data = _member(self._tar)
        self._sink.write(data)
        return Digest.of(data), len(data)


class Plain:
    """Writes a stream as it is, for layers of models, which do not compress."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Passes bytes on."""
        self._sink.write(data)
        self._hash.update(data)
        self._size += len(data)

    def splice(self, content: Content, path: str) -> Iterator[bytes]:
        """Passes the plain bytes of a deflated file on and yields them."""
        for _, plain in inflate(content, path):
            self.write(plain)
            yield plain

    def finish(self) -> tuple[Digest, int]:
        """Returns digest and size; here they are those of the tar."""
        return Digest(self._hash.hexdigest()), self._size


def _member(data: bytearray) -> bytes:
    return _HEAD + encode(data) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)

"""A search for secret values: raw, in base64 at every offset, in hex, and inside whatever is compressed."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def find_leaks(secrets: Mapping[str, bytes], folders: Iterable[Path], *, spared: Iterable[Path] = ()) -> list[str]:
    """Returns `name in file` for each secret found below the folders; what lies below `spared` is not read."""
    left_out = tuple(spared)
    needles = {name: list(_spelt(value)) for name, value in secrets.items()}
    found = []
    for path in sorted(each for folder in folders for each in folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.is_relative_to(each) for each in left_out):
            continue
        texts = list(_read(path.read_bytes()))
        found += [
            f"{name} in {path}"
            for name, spelt in needles.items()
            if any(one in text for one in spelt for text in texts)
        ]
    return found


def _spelt(value: bytes) -> Iterator[bytes]:
    """Yields a value as it may be written; base64 without the signs that depend on its neighbours."""
    yield value
    yield value.hex().encode()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + value)
        start = (before * 8 + 5) // 6
        yield text.rstrip(b"=")[start : len(text.rstrip(b"=")) - 1]


def _read(data: bytes) -> Iterator[bytes]:
    """Yields a file's bytes, and what they are when decompressed; a member that is not whole ends the reading."""
    yield data
    if data[:2] != b"\x1f\x8b":
        return
    try:
        yield gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        yield zlib.decompressobj(31).decompress(data)

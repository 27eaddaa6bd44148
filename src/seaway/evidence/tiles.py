"""C2SP tlog-tiles: how a Merkle tree lies in files of 256 hashes, and how it grows.

A tile of level L holds the hashes of nodes at tree level 8·L; `tile/<L>/<N>` is full (8,192 bytes), `….p/<W>` has its
first W hashes. `tile/entries/<N>` holds the leaves themselves, each a big-endian uint16 length and the bytes. `<N>` is
written in groups of three digits, all but the last with `x` (c2sp.org/tlog-tiles). Partial tiles never hash upward.

Pure: names, bytes and hashes. Reading and writing files is `files.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from seaway.errors import EvidenceInvalid
from seaway.evidence.merkle import EMPTY, leaf_hash, node_hash

WIDTH = 256
HEIGHT = 8
HASH = 32
ENTRIES = "entries"
MAX_ENTRY = 0xFFFF


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile by its place: level (or `entries`), number and width, 1 to 256."""

    level: str
    number: int
    width: int

    @property
    def path(self) -> str:
        """The file's name below the ledger's directory."""
        name = f"tile/{self.level}/{numbered(self.number)}"
        return name if self.width == WIDTH else f"{name}.p/{self.width}"

    @property
    def full(self) -> Tile:
        """The same tile once it is full."""
        return Tile(self.level, self.number, WIDTH)


def numbered(number: int) -> str:
    """Writes a tile number: 1234067 is `x001/x234/067`."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


_PATH = re.compile(r"tile/(entries|[0-9]|[1-5][0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def tile_named(path: str) -> Tile | None:
    """Reads a file's name; None if it is not one `Tile.path` gives."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    number = int(match[2].replace("x", "").replace("/", ""))
    tile = Tile(match[1], number, int(match[3] or WIDTH))
    return tile if tile.path == path else None


def bundle(entries: Sequence[bytes]) -> bytes:
    """Writes an entry bundle."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(data: bytes, count: int, *, where: object = "entries") -> list[bytes]:
    """Reads an entry bundle of exactly `count` entries; raises EvidenceInvalid."""
    entries, position = [], 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 2], "big")
        entry = data[position + 2 : position + 2 + length]
        if position + 2 > len(data) or len(entry) != length:
            raise EvidenceInvalid("an entry is cut off", where=where)
        entries.append(entry)
        position += 2 + length
    if len(entries) != count:
        raise EvidenceInvalid(f"{len(entries)} entries where {count} belong", where=where)
    return entries


def split_hashes(data: bytes, count: int, *, where: object = "tile") -> list[bytes]:
    """Reads a hash tile of exactly `count` hashes; raises EvidenceInvalid."""
    if len(data) != count * HASH:
        raise EvidenceInvalid(f"{len(data)} bytes where {count} hashes belong", where=where)
    return [data[start : start + HASH] for start in range(0, len(data), HASH)]


def tiles_of(size: int) -> Iterator[Tile]:
    """Yields every hash tile of a tree, those of each level in order, the partial one last."""
    level, count = 0, size
    while count:
        yield from _row(str(level), count)
        level, count = level + 1, count // WIDTH


def entry_tiles_of(size: int) -> Iterator[Tile]:
    """Yields every entry bundle of a tree."""
    yield from _row(ENTRIES, size)


def _row(level: str, count: int) -> Iterator[Tile]:
    for number in range(count // WIDTH):
        yield Tile(level, number, WIDTH)
    if count % WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Hashes of any complete subtree below `size`, read from tiles: the `read` of `merkle.py`.

    `rows(tile)` gives a tile's hashes and, above them, those of its complete inner nodes.
    """

    size: int
    rows: Callable[[Tile], list[list[bytes]]]

    def __call__(self, level: int, index: int) -> bytes:
        """Returns the hash of node `(level, index)`."""
        tile_level, height = divmod(level, HEIGHT)
        number = (index << height) // WIDTH
        count = self.size >> (HEIGHT * tile_level)
        tile = Tile(str(tile_level), number, min(WIDTH, count - number * WIDTH))
        return self.rows(tile)[height][index - ((number * WIDTH) >> height)]


def inner_rows(hashes: list[bytes]) -> list[list[bytes]]:
    """Returns a row of hashes and the rows of complete inner nodes above it, up to the tile's head."""
    rows = [hashes]
    while len(rows[-1]) > 1:
        below = rows[-1]
        rows.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
    return rows


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Returns the head of a perfect subtree over 2^k hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


@dataclass(slots=True)
class Edge:
    """The right edge of a growing tree: per tile level the hashes of its unfilled tile, and the unfilled bundle."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)

    def copy(self) -> Edge:
        """Returns an edge that can grow on its own."""
        return Edge(self.size, [list(level) for level in self.levels], list(self.entries))

    def add(self, entry: bytes) -> dict[Tile, bytes]:
        """Appends a leaf; returns the tiles that became full by it."""
        full = self.add_hash(leaf_hash(entry))
        self.entries.append(entry)
        if len(self.entries) == WIDTH:
            full[Tile(ENTRIES, (self.size - 1) // WIDTH, WIDTH)] = bundle(self.entries)
            self.entries.clear()
        return full

    def add_hash(self, digest: bytes) -> dict[Tile, bytes]:
        """Appends a leaf known by its hash only; returns the hash tiles that became full by it."""
        full: dict[Tile, bytes] = {}
        self.size += 1
        self._push(0, digest, full)
        return full

    def _push(self, level: int, digest: bytes, full: dict[Tile, bytes]) -> None:
        if level == len(self.levels):
            self.levels.append([])
        hashes = self.levels[level]
        hashes.append(digest)
        if len(hashes) == WIDTH:
            number = (self.size >> (HEIGHT * (level + 1))) - 1
            full[Tile(str(level), number, WIDTH)] = b"".join(hashes)
            digest = subtree(hashes)
            hashes.clear()
            self._push(level + 1, digest, full)

    def partial(self) -> dict[Tile, bytes]:
        """Returns the unfilled tiles as they are now."""
        result = {}
        if self.entries:
            result[Tile(ENTRIES, self.size // WIDTH, len(self.entries))] = bundle(self.entries)
        for level, hashes in enumerate(self.levels):
            if hashes:
                number = self.size >> (HEIGHT * (level + 1))
                result[Tile(str(level), number, len(hashes))] = b"".join(hashes)
        return result

    def root(self) -> bytes:
        """Returns the head of the tree (RFC 6962 §2.1): the complete subtrees joined from the right."""
        result: bytes | None = None
        for hashes in self.levels:
            for start, end in reversed(list(pairwise(_cuts(len(hashes))))):
                head = subtree(hashes[start:end])
                result = head if result is None else node_hash(head, result)
        return EMPTY if result is None else result


def _cuts(count: int) -> list[int]:
    """Returns where a row of `count` hashes falls into perfect subtrees, the largest first: 6 is 0, 4, 6."""
    cuts = [0]
    while cuts[-1] < count:
        cuts.append(cuts[-1] + (1 << ((count - cuts[-1]).bit_length() - 1)))
    return cuts

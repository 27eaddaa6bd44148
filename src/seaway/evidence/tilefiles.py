"""The tiles of one tree as files, for reading.

A tile file never changes once written, and a wider one begins with what a narrower one holds; so a reader whose narrow
file was cleared away reads a wider one. Leaves are kept as entries and as hashes, and a leaf is given out only where
both agree: a proof from hashes alone would let a damaged entry pass, and the next append would copy it on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence.merkle import leaf_hash
from seaway.evidence.tiles import ENTRIES, WIDTH, Edge, Nodes, Tile, inner_rows, split_hashes, unbundle

_KEPT = 512
_Parse = Callable[[bytes, int, Path], list[bytes]]


@dataclass(slots=True)
class TileFiles:
    """The tiles of a tree of `size` leaves below a ledger's directory; what was parsed is kept for a while."""

    directory: Path
    size: int
    _kept: dict[Tile, list[bytes]] = field(default_factory=dict)
    _rows: dict[Tile, list[list[bytes]]] = field(default_factory=dict)
    _sound: set[Tile] = field(default_factory=set)

    def hashes(self, tile: Tile) -> list[bytes]:
        """Returns the hashes of a tile; raises EvidenceMissing or EvidenceInvalid naming the file."""
        return self._parts(tile, lambda data, count, path: split_hashes(data, count, where=path))

    def leaf(self, index: int) -> bytes:
        """Returns the bytes of a leaf; raises EvidenceInvalid where its bundle is not what the hashes say."""
        number, offset = divmod(index, WIDTH)
        tile = Tile(ENTRIES, number, min(WIDTH, self.size - number * WIDTH))
        if tile not in self._sound:
            self._compare(tile)
            self._sound.add(tile)
        return self.entries(tile)[offset]

    def entries(self, tile: Tile) -> list[bytes]:
        """Returns the leaves of an entry bundle as its file has them."""
        return self._parts(tile, lambda data, count, path: unbundle(data, count, where=path))

    def _compare(self, tile: Tile) -> None:
        row = Tile("0", tile.number, tile.width)
        if list(map(leaf_hash, self.entries(tile))) != self.hashes(row):
            says = f"the entries are not those that {row.path} has the hashes of"
            raise EvidenceInvalid(says, where=self.directory / tile.path, hint="seaway ledger verify")

    def edge(self) -> Edge:
        """Returns the right edge, from which the tree grows."""
        edge, count = Edge(self.size), self.size
        while count:
            width = count % WIDTH
            edge.levels.append(self.hashes(Tile(str(len(edge.levels)), count // WIDTH, width)) if width else [])
            count //= WIDTH
        edge.entries = [self.leaf(index) for index in range(self.size - self.size % WIDTH, self.size)]
        return edge.copy()

    def nodes(self) -> Nodes:
        """Returns the `read` of the Merkle functions."""
        return Nodes(self.size, self._inner)

    def _inner(self, tile: Tile) -> list[list[bytes]]:
        if tile not in self._rows:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            self._rows[tile] = inner_rows(self.hashes(tile))
        return self._rows[tile]

    def _parts(self, tile: Tile, parse: _Parse) -> list[bytes]:
        if tile not in self._kept:
            path, width = self._find(tile)
            parts = parse(path.read_bytes(), width, path)[: tile.width]
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[tile] = parts
        return self._kept[tile]

    def _find(self, tile: Tile) -> tuple[Path, int]:
        full = self.directory / tile.full.path
        for path, width in ((self.directory / tile.path, tile.width), (full, WIDTH)):
            if path.is_file():
                return path, width
        narrow = full.with_name(f"{full.name}.p")
        wider = sorted(int(path.name) for path in narrow.glob("[0-9]*") if int(path.name) > tile.width)
        if not wider:
            raise EvidenceMissing("a tile of the ledger is missing", where=self.directory / tile.path)
        return narrow / str(wider[0]), wider[0]

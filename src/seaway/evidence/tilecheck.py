"""Tiles and entry bundles against the head: which file is not as it was written.

Leaves and their hashes are kept twice, in entry bundles and in tiles of level 0. Whichever of the two leads to the
head's root is right, and shows which file of the other is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from seaway.evidence.merkle import leaf_hash
from seaway.evidence.report import Report
from seaway.evidence.tilefiles import TileFiles
from seaway.evidence.tiles import ENTRIES, HASH, WIDTH, Edge, Tile, bundle, entry_tiles_of, tile_named

Known = Sequence[bytes | None]


@dataclass(slots=True)
class TileCheck:
    """One pass over the tiles of a tree of `size` leaves under `root`; `pending` if more leaves are committed."""

    report: Report
    size: int
    root: bytes
    pending: bool = False
    _leaves: list[bytes | None] = field(default_factory=list)
    _hashes: list[bytes | None] = field(default_factory=list)

    def run(self) -> Known:
        """Reports every damaged file; returns the leaves, None where one cannot be trusted."""
        files = TileFiles(self.report.directory, self.size)
        for tile in entry_tiles_of(self.size):
            self._read(files, tile)
        own = [None if leaf is None else leaf_hash(leaf) for leaf in self._leaves]
        right = next((known for known in (self._hashes, own) if self._leads_to_root(known)), None)
        if right is None:
            self._blame_both(own)
            return [None] * self.size
        self._leaves = [leaf if digest == sure else None for leaf, digest, sure in self._compared(own, right)]
        self._check_files(self._expected(right))
        return self._leaves

    def _read(self, files: TileFiles, tile: Tile) -> None:
        nothing = [None] * tile.width
        path = self.report.directory / tile.path
        self._leaves += self.report.tried(path, lambda: files.entries(tile)) or nothing
        row = Tile("0", tile.number, tile.width)
        path = self.report.directory / row.path
        self._hashes += self.report.tried(path, lambda: files.hashes(row)) or nothing

    def _leads_to_root(self, known: Known) -> bool:
        edge = Edge()
        for digest in known:
            if digest is None:
                return False
            edge.add_hash(digest)
        return edge.root() == self.root

    def _compared(self, own: Known, right: Known) -> list[tuple[bytes | None, bytes | None, bytes | None]]:
        return list(zip(self._leaves, own, right, strict=True))

    def _blame_both(self, own: Known) -> None:
        differing = {place // WIDTH for place in range(self.size) if own[place] != self._hashes[place]}
        for number in sorted(differing):
            width = min(WIDTH, self.size - number * WIDTH)
            self.report.problem(self.report.directory / Tile(ENTRIES, number, width).path, "differs from its tile")
            self.report.problem(self.report.directory / Tile("0", number, width).path, "differs from its entries")
        if not differing:
            self.report.problem(self.report.directory / "tile", "has another root than the head")

    def _expected(self, right: Known) -> dict[tuple[str, int], bytes]:
        edge, tiles = Edge(), dict[Tile, bytes]()
        for digest in right:
            tiles |= edge.add_hash(digest or b"")
        return {(tile.level, tile.number): data for tile, data in (tiles | edge.partial()).items()}

    def _check_files(self, expected: dict[tuple[str, int], bytes]) -> None:
        """Compares every file below `tile`: narrow files that were left behind must begin what replaced them."""
        widest: dict[tuple[str, int], int] = {}
        for path in sorted(self.report.directory.glob("tile/**/*")):
            tile = tile_named(path.relative_to(self.report.directory).as_posix())
            if path.is_dir() or path.name.startswith(".tmp-"):
                continue
            if tile is None:
                self.report.problem(path, "does not belong here")
            elif not self._is_as_written(tile, path.read_bytes(), expected):
                self.report.problem(path, "has other bytes than the log")
            else:
                place = (tile.level, tile.number)
                widest[place] = max(tile.width, widest.get(place, 0))
        for (level, number), data in expected.items():
            width = len(data) // HASH
            if widest.get((level, number), 0) < width:
                path = self.report.directory / Tile(level, number, width).path
                self.report.problem(path, "is missing or damaged")

    def _is_as_written(self, tile: Tile, data: bytes, expected: dict[tuple[str, int], bytes]) -> bool:
        if tile.level == ENTRIES:
            start = tile.number * WIDTH
            leaves = self._leaves[start : start + tile.width]
            known = [leaf for leaf in leaves if leaf is not None]
            if len(known) < len(leaves):
                return False
            whole = bundle(known)
            return data == whole if len(known) == tile.width else self.pending and data.startswith(whole)
        whole = expected.get((tile.level, tile.number), b"")
        if len(whole) >= tile.width * HASH:
            return data == whole[: tile.width * HASH]
        return self.pending and data.startswith(whole)

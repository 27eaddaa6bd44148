"""The files a ledger wrote since its last roll, which the roll makes durable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence import disk
from seaway.evidence.payloads import Payloads
from seaway.evidence.tiles import WIDTH, Tile


@dataclass(slots=True)
class Unsynced:
    """Writes whole files without a sync and remembers which; outside a replay other bytes in place are damage."""

    directory: Path
    payloads: Payloads
    replay: bool = False
    _files: set[Path] = field(default_factory=set)
    _directories: set[Path] = field(default_factory=set)
    _tiles: dict[tuple[str, int], int] = field(default_factory=dict)

    def write_tiles(self, tiles: Mapping[Tile, bytes]) -> None:
        """Writes tiles; each stands for the narrower ones of its place."""
        for tile, data in tiles.items():
            path = self.directory / tile.path
            self._directories.update(disk.make_directory(path.parent))
            if self.replay or not self._is_there(path, data):
                disk.write_file(path, data)
            place = (tile.level, tile.number)
            self._tiles[place] = max(tile.width, self._tiles.get(place, 0))

    def write_payload(self, data: bytes) -> None:
        """Writes an envelope's blob."""
        self._note(self.payloads.write(Digest.of(data), data, replay=self.replay))

    def write_checkpoint(self, note: bytes) -> None:
        """Publishes a checkpoint."""
        disk.write_file(self.directory / "checkpoint", note)
        self._note(self.directory / "checkpoint")

    def sync(self) -> None:
        """Makes all of it durable: files first, then the names in their directories."""
        for (level, number), width in self._tiles.items():
            self._note(self.directory / Tile(level, number, width).path)
        for path in (*sorted(self._files), *sorted(self._directories)):
            disk.sync_path(path)
        self._files.clear()
        self._directories.clear()

    def clear_narrow(self) -> None:
        """Removes the tiles that wider ones, synced by now, stand for."""
        for (level, number), width in self._tiles.items():
            full = self.directory / Tile(level, number, WIDTH).path
            narrow = full.with_name(f"{full.name}.p")
            for path in sorted(narrow.glob("[0-9]*")):
                if int(path.name) < width:
                    path.unlink()
            if width == WIDTH and narrow.is_dir():
                narrow.rmdir()
        self._tiles.clear()

    def _note(self, path: Path) -> None:
        self._files.add(path)
        self._directories.add(path.parent)

    def _is_there(self, path: Path, data: bytes) -> bool:
        if not path.exists():
            return False
        if path.read_bytes() != data:
            raise EvidenceInvalid("the file has other bytes than the log", where=path, hint="seaway ledger verify")
        return True

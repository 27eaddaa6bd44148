"""Tiles: names, bytes, and a tree that grows over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.errors import EvidenceInvalid
from seaway.evidence.merkle import inclusion_proof, leaf_hash, root_hash, verify_inclusion
from seaway.evidence.tiles import (
    ENTRIES,
    WIDTH,
    Edge,
    Nodes,
    Tile,
    bundle,
    entry_tiles_of,
    inner_rows,
    numbered,
    split_hashes,
    tile_named,
    tiles_of,
    unbundle,
)

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    ("number", "path"), [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")]
)
def test_numbers_are_written_in_groups(number: int, path: str) -> None:
    """The design's example and the edges."""
    assert numbered(number) == path


@given(st.integers(0, 10**9), st.integers(1, WIDTH), st.sampled_from(["0", "3", ENTRIES]))
def test_a_name_is_read_back(number: int, width: int, level: str) -> None:
    """Every tile's path names that tile."""
    tile = Tile(level, number, width)
    assert tile_named(tile.path) == tile


@pytest.mark.parametrize(
    "path", ["tile/0/0", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/x000/001", "tile/x/000", "tile/0/000.p/07", "x"]
)
def test_other_names_are_none(path: str) -> None:
    """Another spelling of a number is no tile."""
    assert tile_named(path) is None


def test_a_growing_edge_writes_the_tiles_of_its_size() -> None:
    """Over two levels: full tiles as they fill, partial ones as they stand, and proofs from them alone."""
    edge, written = Edge(), dict[Tile, bytes]()
    leaves = [str(number).encode() for number in range(WIDTH + 44)]
    for leaf in leaves:
        written |= edge.add(leaf)
    written |= edge.partial()
    size = len(leaves)
    assert set(written) == {*tiles_of(size), *entry_tiles_of(size)}
    rows = {tile: inner_rows(split_hashes(data, tile.width)) for tile, data in written.items() if tile.level != ENTRIES}
    nodes = Nodes(size, lambda tile: rows[tile])
    assert root_hash(size, nodes) == edge.root()
    for index in (0, 200, 255, 256, size - 1):
        verify_inclusion(leaf_hash(leaves[index]), index, size, inclusion_proof(index, size, nodes), edge.root())


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_is_read_back(entries: list[bytes]) -> None:
    """Any entries, empty ones too; another count is refused."""
    data = bundle(entries)
    assert unbundle(data, len(entries)) == entries
    with pytest.raises(EvidenceInvalid):
        unbundle(data, len(entries) + 1)
    for cut in (data[:-1], data + b"\0"):
        if cut != data and data:
            with pytest.raises(EvidenceInvalid):
                unbundle(cut, len(entries))


def test_a_tile_has_whole_hashes() -> None:
    """One byte more or less is refused."""
    for data in (b"", b"x" * 63, b"x" * 65):
        with pytest.raises(EvidenceInvalid):
            split_hashes(data, 2)

"""The tree: published vectors, another implementation, and laws."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.errors import EvidenceInvalid
from seaway.evidence.merkle import (
    EMPTY,
    Read,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from seaway.evidence.tiles import Edge, subtree

pytestmark = pytest.mark.rootless
# The reference tree of the certificate-transparency code base (merkletree/tree_test).
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
]


def reader(leaves: list[bytes]) -> Read:
    """Returns nodes straight from the leaves."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    return lambda level, index: subtree(hashes[index << level : (index + 1) << level])


def numbered(count: int) -> list[bytes]:
    """Returns some leaves."""
    return [str(number).encode() for number in range(count)]


def test_roots_are_those_of_the_reference() -> None:
    """Sizes 0 to 3."""
    assert [root_hash(size, reader(LEAVES)).hex() for size in range(4)] == ROOTS
    assert hashlib.sha256(b"").digest() == EMPTY


def test_roots_are_those_of_another_implementation() -> None:
    """pymerkle, sizes 1 to 40; the growing edge agrees at each."""
    other, edge = pymerkle.InmemoryTree(algorithm="sha256"), Edge()
    for size, leaf in enumerate(numbered(40), 1):
        other.append_entry(leaf)
        edge.add(leaf)
        assert root_hash(size, reader(numbered(size))) == other.get_root() == edge.root()


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_proves_its_leaf_only(size: int, data: st.DataObject) -> None:
    """Every leaf is proved; another leaf, place, size, root or a changed proof is not."""
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    root, proof = root_hash(size, reader(leaves)), inclusion_proof(index, size, reader(leaves))
    leaf = leaf_hash(leaves[index])
    verify_inclusion(leaf, index, size, proof, root)
    wrong = [
        (leaf_hash(b"other"), index, size, proof, root),
        (leaf, index, size, proof, EMPTY),
        (leaf, index, size, (*proof, root), root),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
    ]
    if proof:
        wrong += [(leaf, index, size, proof[:-1], root), (leaf, index ^ 1, size, proof, root)]
        wrong.append((leaf, index, size, (*proof[:-1], EMPTY), root))
    for parts in wrong:
        with pytest.raises(EvidenceInvalid):
            verify_inclusion(*parts)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_a_consistency_proof_proves_its_two_trees_only(one: int, two: int) -> None:
    """An earlier form is proved; another old root, new root, or a changed proof is not."""
    old, new = sorted((one, two))
    read = reader(numbered(new))
    heads, proof = [(size, root_hash(size, read)) for size in (old, new)], consistency_proof(old, new, read)
    verify_consistency(heads[0], heads[1], proof)
    other = hashlib.sha256(b"other").digest()
    wrong = [((old, other), heads[1], proof), (heads[0], heads[1], (*proof, other))]
    if 0 < old < new:
        wrong += [(heads[0], (new, other), proof), (heads[0], heads[1], proof[:-1]), (heads[0], heads[1], ())]
        wrong.append((heads[0], heads[1], (other, *proof[1:])))
    if old < new:
        wrong.append((heads[1], heads[0], proof))
    for parts in wrong:
        with pytest.raises(EvidenceInvalid):
            verify_consistency(*parts)


def test_every_small_tree_extends_every_smaller_one() -> None:
    """All pairs up to 33 leaves, and a tree with one other leaf extends none."""
    read, forged = reader(numbered(33)), reader([b"forged", *numbered(33)[1:]])
    for new in range(34):
        for old in range(new + 1):
            heads = (old, root_hash(old, read)), (new, root_hash(new, read))
            verify_consistency(*heads, consistency_proof(old, new, read))
            if old:
                other = (new, root_hash(new, forged))
                with pytest.raises(EvidenceInvalid):
                    verify_consistency(heads[0], other, consistency_proof(old, new, forged))


def test_proofs_outside_the_tree_are_no_question() -> None:
    """A leaf beyond the end, an old size beyond the new one."""
    read = reader(numbered(3))
    for index in (-1, 3):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion_proof(index, 3, read)
    for old, new in ((4, 3), (-1, 3)):
        with pytest.raises(ValueError, match="no earlier form"):
            consistency_proof(old, new, read)


def test_proofs_have_the_length_the_tree_gives_them() -> None:
    """At most one hash a level."""
    sizes = [len(inclusion_proof(0, 1 << level, reader(numbered(1 << level)))) for level in range(7)]
    assert all(after == before + 1 for before, after in pairwise(sizes))

"""The Merkle tree of RFC 6962: hashes, roots, inclusion and consistency proofs, and their verification.

A node is named `(level, index)`: the perfect subtree over leaves `index * 2^level` up to `(index + 1) * 2^level`.
Every function that needs nodes takes `read(level, index) -> bytes`; where they are kept is `tiles.py`. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from seaway.errors import EvidenceInvalid

Read = Callable[[int, int], bytes]
EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Hashes a leaf: SHA-256(0x00 ‖ leaf) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hashes an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def range_hash(start: int, end: int, read: Read) -> bytes:
    """Returns MTH(D[start:end]) for a range that occurs in a proof, so aligned to its left part (RFC 6962 §2.1)."""
    if start == end:
        return EMPTY
    peaks = [read(level, index) for level, index in _subtrees(start, end)]
    result = peaks.pop()
    while peaks:
        result = node_hash(peaks.pop(), result)
    return result


def root_hash(size: int, read: Read) -> bytes:
    """Returns the head of the tree over the first `size` leaves."""
    return range_hash(0, size, read)


def _subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def inclusion_proof(index: int, size: int, read: Read) -> tuple[bytes, ...]:
    """Returns PATH(index, D[size]), from the leaf upward (RFC 6962 §2.1.1); raises ValueError outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(range_hash(left, right, read) for left, right in reversed(path))


def consistency_proof(old: int, new: int, read: Read) -> tuple[bytes, ...]:
    """Returns PROOF(old, D[new]) (RFC 6962 §2.1.2); empty if one of the trees is empty or both are equal."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} is no earlier form of one of {new}")
    if old in (0, new):
        return ()
    path, start, end, whole = [], 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return tuple(range_hash(left, right, read) for left, right in reversed(path))


def _split(count: int) -> int:
    """Returns the largest power of two below `count`."""
    return int(1 << ((count - 1).bit_length() - 1))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises EvidenceInvalid unless the hashed `leaf` stands at `index` below `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise EvidenceInvalid(f"leaf {index} is not in a tree of {size}")
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise EvidenceInvalid("inclusion proof is too long", where=f"leaf {index}")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise EvidenceInvalid("inclusion proof is too short", where=f"leaf {index}")
    if result != root:
        raise EvidenceInvalid("inclusion proof does not match the root", where=f"leaf {index}")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Raises EvidenceInvalid unless the tree `new` (size, root) extends `old` (RFC 9162 §2.1.4.2)."""
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size > new_size:
        raise EvidenceInvalid(f"a tree of {new_size} leaves does not extend one of {old_size}")
    if old_size in (0, new_size):
        _check_trivial(old, new, proof)
        return
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes:
        raise EvidenceInvalid("consistency proof is too short")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise EvidenceInvalid("consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or first != old_root or second != new_root:
        raise EvidenceInvalid(f"the tree of {new_size} leaves does not extend that of {old_size}")


def _check_trivial(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    if proof:
        raise EvidenceInvalid("consistency proof is too long")
    if old[1] != (EMPTY if old[0] == 0 else new[1]):
        raise EvidenceInvalid(f"two trees of {old[0]} leaves have different roots")

"""One byte of the ledger's files is changed: a reader is refused or sees the same; `test_inspection.py` locates it."""

from __future__ import annotations

import random

import pytest

from seaway.errors import SeawayError
from tests.evidence.test_inspection import flips
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_reader_never_sees_less_or_else(world: World) -> None:
    """Whatever file is hit: an error, or the same answer."""
    with world.found() as notary:
        notary.append_all([(refusal(number), world.owner) for number in range(3)])
    with world.read() as reader:
        expected = [found.statement for found in reader.verified()]
    errors = 0
    for path, offset, mask in flips(world.place.ledger, 101, random.randrange(2**32)):
        whole = path.read_bytes()
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ mask]) + whole[offset + 1 :])
        try:
            with world.read() as reader:
                assert [found.statement for found in reader.verified()] == expected
        except SeawayError:
            errors += 1
        path.write_bytes(whole)
    assert errors > 10

"""The notary: what gets in, what comes out, and what is remembered."""

from __future__ import annotations

import pytest

from seaway.errors import AppendRefused, EvidenceMissing, KeyRefused, UsageError
from seaway.evidence.keys import PrivateKey
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


def test_an_appended_deed_comes_back_verified(world: World) -> None:
    """What was signed is found by its subject, with leaf, person and role."""
    with world.found() as notary:
        answer = notary.append(refusal(), world.owner)
        (found,) = notary.verified(subject=subject())
    assert (found.index, found.person, found.role) == (answer.index, "p-alice", Role.OPERATOR)
    assert found.statement == refusal()


def test_a_reader_sees_what_a_writer_left(world: World) -> None:
    """After the writer is gone a reader verifies the same deeds without a lock."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
    with world.read() as reader:
        assert [found.statement for found in reader.verified(predicate_type=PredicateType.REFUSAL)] == [refusal()]


def test_the_same_deed_twice_is_one_leaf(world: World) -> None:
    """A repeat gets the first leaf and says that it was known."""
    with world.found() as notary:
        first, second = notary.append(refusal(), world.owner), notary.append(refusal(), world.owner)
    assert (first.index, first.known) == (1, False)
    assert (second.index, second.known) == (1, True)


def test_a_stranger_is_refused_and_nothing_is_written(world: World) -> None:
    """A key nobody enrolled gets nothing in."""
    with world.found() as notary:
        with pytest.raises(KeyRefused, match="nobody is enrolled"):
            notary.append(refusal(), PrivateKey.generate())
        assert notary.ledger.checkpoint.size == 1


def test_a_batch_is_taken_whole_or_not_at_all(world: World) -> None:
    """One deed that may not be signed keeps the others out too."""
    with world.found() as notary:
        tester = world.enrol(notary, "p-tess", Role.TESTER)
        with pytest.raises(KeyRefused):
            notary.append_all([(refusal(1), world.owner), (refusal(2), tester)])
        assert notary.verified(predicate_type=PredicateType.REFUSAL) == ()


def test_there_is_one_first_owner(world: World) -> None:
    """A ledger that has an owner is not bootstrapped again."""
    with world.found() as notary, pytest.raises(AppendRefused, match="has an owner"):
        notary.bootstrap(world.owner, Newcomer(person="p-eve", roles=(Role.OWNER,)))


def test_reading_does_not_write(world: World) -> None:
    """A notary open for reading refuses to append."""
    world.found().close()
    with world.read() as reader, pytest.raises(UsageError):
        reader.append(refusal(), world.owner)


def test_no_ledger_is_not_an_empty_ledger(world: World) -> None:
    """Reading where nothing was founded says so."""
    with pytest.raises(EvidenceMissing, match="no ledger"):
        world.read()


def test_persons_are_known_by_their_addresses(world: World) -> None:
    """An enrolled address resolves to its person, a strange one to nobody."""
    with world.found() as notary:
        assert notary.people.resolve("Alice <ALICE+work@acme.example>") == {"p-alice"}
        assert notary.people.resolve("mallory@acme.example") == frozenset()

"""A true bundle of one image is shown as proof for another."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.sigstore import Bundle
from seaway.evidence.verify import Question, check_question
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


def test_a_bundle_answers_for_its_own_digest_only(world: World) -> None:
    """Signature and proof hold, the subject is another."""
    with world.found() as notary:
        answer = notary.append(refusal(name="one"), world.owner)
        data, log = notary.bundle(answer.index), notary.ledger.key
    statement = Bundle.parse(data, world.owner.public).verify(log)
    check_question(statement, Question(subject("one")))
    with refused(EvidenceInvalid, "about another digest", 30):
        check_question(statement, Question(subject("two")))


def test_a_proof_of_another_leaf_does_not_hold(world: World) -> None:
    """The envelope of one deed with the proof of another."""
    with world.found() as notary:
        first, second = (notary.append(refusal(number), world.owner).index for number in (1, 2))
        log = notary.ledger.key
        one, two = (Bundle.parse(notary.bundle(index), world.owner.public) for index in (first, second))
    with refused(EvidenceInvalid, "does not match the root", 30):
        Bundle(one.signed, two.proof).verify(log)

"""A test result with a name like an approval, or an approval's fields under another type, approves nothing."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.statement import PredicateType, Statement
from seaway.evidence.verify import Question, check_question
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


def test_another_type_is_no_approval(world: World) -> None:
    """Asked for approvals, the ledger gives approvals."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        assert notary.verified(subject=subject(), predicate_type=PredicateType.APPROVAL) == ()
    with refused(EvidenceInvalid, "is not a", 30):
        check_question(refusal(), Question(subject(), PredicateType.APPROVAL))


def test_an_approval_without_its_fields_is_not_taken(world: World) -> None:
    """The right type with another predicate's fields is refused at the door."""
    with world.found() as notary, refused(EvidenceInvalid, "unknown field", 30):
        notary.append(Statement.about(subject(), PredicateType.APPROVAL, {"result": "PASSED"}), world.owner)

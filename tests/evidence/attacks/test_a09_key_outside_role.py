"""A key that is enrolled for one thing says another."""

from __future__ import annotations

import pytest

from seaway.errors import KeyRefused
from seaway.evidence.files import FileLedger
from seaway.evidence.ledger import Signed
from seaway.evidence.roles import SIGNS, Role
from seaway.evidence.statement import PredicateType
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_tester_records_no_refusal(world: World) -> None:
    """It is refused at the door."""
    with world.found() as notary:
        tester = world.enrol(notary, "p-tess", Role.TESTER)
        with refused(KeyRefused, "may not sign this", 35):
            notary.append(refusal(), tester)


def test_what_slipped_in_does_not_count(world: World) -> None:
    """Past the door, straight into the store: it is there, and never verified."""
    with world.found() as notary:
        tester = world.enrol(notary, "p-tess", Role.TESTER)
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        ledger.append([Signed.by(tester, refusal())])
    with world.read() as reader:
        examined = reader.examine(predicate_type=PredicateType.REFUSAL)
    assert examined.verified == ()
    assert "may not sign this" in str(examined.rejected[0].why)


def test_a_key_for_one_environment_says_nothing_about_another(world: World) -> None:
    """An operator of staging records nothing for production."""
    with world.found() as notary:
        operator = world.enrol(notary, "p-op", Role.OPERATOR, environment="staging")
        with refused(KeyRefused, "for prod", 35):
            notary.append(refusal(), operator)


def test_the_table_of_roles_is_the_design() -> None:
    """Nobody signs what two roles would contradict each other in; approvers sign no evidence, releasers no bad news."""
    evidence = SIGNS[Role.BUILDER] | SIGNS[Role.TESTER] | SIGNS[Role.SCANNER]
    assert not evidence & SIGNS[Role.APPROVER]
    assert SIGNS[Role.RELEASER] == {PredicateType.RELEASE, PredicateType.DECISION}
    assert [role for role in Role if PredicateType.KEY_ENROLMENT in SIGNS[role]] == [Role.OWNER]

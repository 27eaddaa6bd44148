"""The registry: who may say who holds which key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from seaway.errors import EvidenceInvalid, KeyRefused, LedgerForked
from seaway.evidence.encoding import b64
from seaway.evidence.enrolment import KeyEnrolment, KeyRevocation, KeyRotation, spelled
from seaway.evidence.keys import PrivateKey
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.people import People, Registration
from seaway.evidence.roles import Role
from tests.evidence.world import START, World

pytestmark = pytest.mark.rootless
OWNER, OTHER, MEMBER = (PrivateKey.generate() for _ in range(3))


def enrolment(key: PrivateKey, *roles: Role, people: People | None = None) -> KeyEnrolment:
    """Returns what an owner says about a key."""
    newcomer = Newcomer(person=f"p-{key.public.digest.short}", roles=roles)
    return newcomer.enrolment(key.public, START, identity=None, previous=people.head if people else None)


def add(people: People, index: int, value: KeyEnrolment, signer: PrivateKey) -> None:
    """Adds an enrolment."""
    people.add(Registration(index, value.about(value.public.digest), signer.public))


@pytest.fixture
def people() -> People:
    """A registry with one owner."""
    made = People(lambda digest: None)
    add(made, 0, enrolment(OWNER, Role.OWNER), OWNER)
    return made


def test_leaf_0_enrols_an_owner() -> None:
    """Somebody else, another role or a later leaf does not begin a registry."""
    for index, value, signer, error in (
        (1, enrolment(OWNER, Role.OWNER), OWNER, LedgerForked),
        (0, enrolment(OWNER, Role.BUILDER), OWNER, LedgerForked),
        (0, enrolment(OWNER, Role.OWNER), OTHER, KeyRefused),
    ):
        made = People(lambda digest: None)
        with pytest.raises(error):
            add(made, index, value, signer)
        assert made.head is None


def test_only_an_owner_enrols(people: People) -> None:
    """A member's signature is not enough, nor a stranger's."""
    add(people, 1, enrolment(MEMBER, Role.APPROVER, people=people), OWNER)
    before = people.copy()
    for signer in (MEMBER, OTHER):
        with pytest.raises(KeyRefused):
            add(people, 2, enrolment(OTHER, Role.OWNER, people=people), signer)
    assert people == before


def test_a_gap_shows(people: People) -> None:
    """A statement that follows another one than the last is refused."""
    first = enrolment(MEMBER, Role.APPROVER, people=people)
    add(people, 1, first, OWNER)
    with pytest.raises(LedgerForked, match="gap"):
        add(people, 2, replace(first, roles=(Role.TESTER,)), OWNER)


def test_a_key_counts_after_its_enrolment(people: People) -> None:
    """Not at its own leaf, nor before; the first owner from the start."""
    add(people, 5, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)
    for index in (4, 5):
        with pytest.raises(KeyRefused, match="nobody is enrolled"):
            people.holding(MEMBER.public.digest, index)
    assert people.holding(MEMBER.public.digest, 6).enrolment.roles == (Role.OPERATOR,)
    assert people.holding(OWNER.public.digest, 0)


def test_a_later_enrolment_counts_from_its_own_leaf(people: People) -> None:
    """What was signed before keeps the roles of then."""
    add(people, 1, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)
    add(people, 4, enrolment(MEMBER, Role.TESTER, people=people), OWNER)
    assert people.holding(MEMBER.public.digest, 4).enrolment.roles == (Role.OPERATOR,)
    assert people.holding(MEMBER.public.digest, 5).enrolment.roles == (Role.TESTER,)


def revoke(people: People, index: int, key: PrivateKey, from_index: int) -> None:
    """Adds a revocation by the owner."""
    assert people.head is not None
    value = KeyRevocation(reason="lost", from_index=from_index, at=START, previous=people.head)
    people.add(Registration(index, value.about(key.public.digest), OWNER.public))


def test_the_last_owner_stays(people: People) -> None:
    """Until there is another."""
    with pytest.raises(KeyRefused, match="last owner"):
        revoke(people, 1, OWNER, 1)
    add(people, 1, enrolment(OTHER, Role.OWNER, people=people), OWNER)
    revoke(people, 2, OWNER, 2)
    with pytest.raises(KeyRefused, match="revoked"):
        people.holding(OWNER.public.digest, 2)


def test_a_revocation_is_never_taken_back(people: People) -> None:
    """A second one cannot move the index up, and the key is not enrolled again."""
    add(people, 1, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)
    revoke(people, 2, MEMBER, 2)
    revoke(people, 3, MEMBER, 100)
    assert people.revoked[MEMBER.public.digest] == 2
    with pytest.raises(KeyRefused, match="not enrolled again"):
        add(people, 4, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)


def test_a_revocation_undoes_no_enrolment(people: People) -> None:
    """What a revoked owner's key enrolled is revoked by name."""
    add(people, 1, enrolment(OTHER, Role.OWNER, people=people), OWNER)
    add(people, 2, enrolment(MEMBER, Role.OPERATOR, people=people), OTHER)
    revoke(people, 3, OTHER, 0)
    assert people.holding(MEMBER.public.digest, 4)


def rotation(old: PrivateKey, new: PrivateKey, people: People, proof: bytes | None = None) -> KeyRotation:
    """Returns a rotation with a proof by the new key."""
    assert people.head is not None
    replaces = old.public.digest
    shown = proof or new.prove("key-rotation", str(replaces))
    return KeyRotation(key=spelled(new.public), replaces=replaces, proof=b64(shown), at=START, previous=people.head)


def test_a_rotation_is_signed_by_the_old_and_proved_by_the_new(people: People) -> None:
    """An owner's signature does not do, nor a proof by another key."""
    add(people, 1, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)
    new = PrivateKey.generate()
    good = rotation(MEMBER, new, people).about(new.public.digest)
    with pytest.raises(KeyRefused, match="by the key it replaces"):
        people.add(Registration(2, good, OWNER.public))
    with pytest.raises(EvidenceInvalid, match="does not hold"):
        rotation(MEMBER, new, people, MEMBER.prove("key-rotation", "x")).about(new.public.digest)
    people.add(Registration(2, good, MEMBER.public))
    assert people.holding(new.public.digest, 3).enrolment.person == f"p-{MEMBER.public.digest.short}"
    with pytest.raises(KeyRefused, match="revoked"):
        people.holding(MEMBER.public.digest, 3)


def test_a_key_that_is_known_replaces_none(people: People) -> None:
    """Or one person's key would become another's."""
    add(people, 1, enrolment(MEMBER, Role.OPERATOR, people=people), OWNER)
    value = rotation(MEMBER, OWNER, people).about(OWNER.public.digest)
    with pytest.raises(KeyRefused, match="enrolled already"):
        people.add(Registration(2, value, MEMBER.public))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"roles": (Role.RELEASER, Role.TESTER), "environments": ("prod",)}, "that role alone"),
        ({"roles": (Role.RELEASER,)}, "for one environment"),
        ({"roles": (Role.RELEASER,), "environments": ("prod", "staging")}, "for one environment"),
        ({"roles": ()}, "one at least"),
        ({"roles": (Role.TESTER, Role.TESTER)}, "once each"),
        ({"roles": (Role.TESTER,), "titles": ("risk-owner",)}, "an approver's"),
        ({"person": "Alice B"}, "not a person's id"),
        ({"not_after": START}, "ends before it begins"),
        ({"key": spelled(OTHER.public)}, "not the subject"),
    ],
)
def test_an_enrolment_is_whole_in_itself(change: dict[str, object], reason: str) -> None:
    """Each fault by its own reason."""
    value = replace(enrolment(MEMBER, Role.OPERATOR), **change)  # type: ignore[arg-type]
    with pytest.raises(EvidenceInvalid, match=reason):
        value.about(MEMBER.public.digest)


def test_a_key_is_valid_for_its_time(world: World) -> None:
    """From its first moment to before its last."""
    with world.found() as notary:
        held = notary.people.holding(world.owner.public.digest, 1)
    assert held.enrolment.not_before == START
    assert held.enrolment.not_after == START + timedelta(days=3 * 365)

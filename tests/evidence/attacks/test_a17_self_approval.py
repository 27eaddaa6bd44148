"""Somebody approves their own change under another spelling of their name: the registry sees one person."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.evidence.identity import skeleton
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.roles import Role
from tests.evidence.world import World

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize(
    "author",
    [
        "mallory@acme.example",
        "Mallory <MALLORY@ACME.EXAMPLE>",
        "mallory+ci@acme.example",
        "mаllory@acme.example",  # Cyrillic а
        "ｍａｌｌｏｒｙ@acme.example",  # full width
        "mallory@acme\u200b.example",  # zero-width space
        "rnallory@acme.example",  # r n for m
        "ma11ory@acme.example",  # digits one for l
        " mallory@acme.example ",
    ],
)
def test_an_author_is_found_under_any_spelling(world: World, author: str) -> None:
    """Case, plus-address, look-alikes, invisible characters."""
    with world.found() as notary:
        newcomer = Newcomer(person="p-mallory", roles=(Role.APPROVER,), emails=("mallory@acme.example",))
        notary.enrol(world.owner, type(world.owner).generate().public, newcomer)
        assert notary.people.resolve(author) == {"p-mallory"}


def test_an_author_nobody_knows_resolves_to_nobody(world: World) -> None:
    """Which is a state of its own: the gate cannot exclude self-approval."""
    with world.found() as notary:
        assert notary.people.resolve("stranger@else.example") == frozenset()


def test_a_former_person_is_still_found(world: World) -> None:
    """Revoking one's key does not make one somebody else."""
    with world.found() as notary:
        key = world.enrol(notary, "p-bob", Role.APPROVER)
        notary.revoke(world.owner, key.public.digest, "left")
        assert notary.people.resolve("p-bob@acme.example") == {"p-bob"}


def test_an_erased_identity_resolves_to_nobody(world: World) -> None:
    """The addresses are gone, the enrolment stands."""
    with world.found() as notary:
        key = world.enrol(notary, "p-bob", Role.APPROVER)
        identity = notary.people.holdings[key.public.digest][-1].enrolment.identity
        assert identity is not None
        notary.erase(identity, "asked for")
        assert notary.people.resolve("p-bob@acme.example") == frozenset()
        assert "p-bob" in notary.people.persons()


@settings(max_examples=60, deadline=None)
@given(st.from_regex(r"[a-z0-9.]{1,12}", fullmatch=True), st.from_regex(r"[a-z0-9]{0,6}", fullmatch=True))
def test_a_skeleton_is_stable(local: str, tag: str) -> None:
    """A skeleton is its own skeleton, whatever the case or the tag."""
    plain = skeleton(f"{local}@acme.example")
    assert skeleton(plain) == plain
    assert skeleton(f"{local.upper()}+{tag}@ACME.example") == plain

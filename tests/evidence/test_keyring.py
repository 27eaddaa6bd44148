"""Which key signs: the one that is named, the one the environment names, or the only one here whose holder may."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import KeyRefused
from seaway.evidence.keyring import Keyring
from seaway.evidence.keys import PublicKey, new_key
from seaway.evidence.newcomer import Newcomer
from seaway.evidence.notary import Notary
from seaway.evidence.roles import Role
from tests.evidence.world import World

pytestmark = pytest.mark.rootless


def _ring(tmp_path: Path, **environ: str) -> Keyring:
    return Keyring(tmp_path / "keys", environ, lambda uri: b"secret of the test")


def _enrolled(world: World, notary: Notary, name: str, role: Role, environment: str = "") -> PublicKey:
    public = new_key(world.root / "keys", name, b"secret of the test")
    places = (environment,) if environment else ()
    newcomer = Newcomer(person=f"p-{name}", roles=(role,), environments=places, emails=(f"{name}@acme.example",))
    notary.enrol(world.owner, public, newcomer)
    return public


def test_the_only_key_with_the_role_signs(world: World) -> None:
    """Keys of other roles here do not matter."""
    with world.found() as notary:
        wanted = _enrolled(world, notary, "bob", Role.APPROVER)
        _enrolled(world, notary, "carol", Role.SCANNER)
        assert _ring(world.root).signer(Role.APPROVER, notary.people).public == wanted


def test_two_keys_with_the_role_must_be_chosen_from(world: World) -> None:
    """The hint names both."""
    with world.found() as notary:
        for name in ("bob", "carol"):
            _enrolled(world, notary, name, Role.APPROVER)
        with pytest.raises(KeyRefused, match="several") as refused:
            _ring(world.root).choose(Role.APPROVER, notary.people)
    assert refused.value.hint == "--key bob or --key carol"


def test_a_named_key_wins_over_the_environment_and_that_over_the_folder(world: World) -> None:
    """A bare name is a file of the key folder, a URI is taken as it is."""
    with world.found() as notary:
        _enrolled(world, notary, "bob", Role.APPROVER)
        ring = _ring(world.root, SEAWAY_KEY_APPROVER="env:KEY")
        assert ring.choose(Role.APPROVER, notary.people, named="eve") == f"file:{world.root}/keys/eve.pem"
        assert ring.choose(Role.APPROVER, notary.people) == "env:KEY"


def test_a_key_for_another_environment_does_not_sign(world: World) -> None:
    """One that was enrolled for production signs there alone."""
    with world.found() as notary:
        _enrolled(world, notary, "bob", Role.RELEASER, "production")
        ring = _ring(world.root)
        assert ring.holds(Role.RELEASER, notary.people, environment="production")
        assert not ring.holds(Role.RELEASER, notary.people, environment="staging")


def test_a_revoked_key_is_no_choice(world: World) -> None:
    """Its file may still lie there."""
    with world.found() as notary:
        gone = _enrolled(world, notary, "bob", Role.APPROVER)
        notary.revoke(world.owner, gone.digest, "left the team")
        with pytest.raises(KeyRefused, match="no key here signs as approver"):
            _ring(world.root).choose(Role.APPROVER, notary.people)


def test_a_key_nobody_enrolled_is_no_choice(world: World) -> None:
    """A file alone gives no role."""
    with world.found() as notary:
        new_key(world.root / "keys", "stranger", b"secret of the test")
        assert not _ring(world.root).holds(Role.APPROVER, notary.people)

"""Keys that are open to others, swapped, damaged, revoked, unenrolled or out of their role: nothing is signed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from seaway.evidence.envelope import Envelope
from seaway.evidence.ledger import Signed
from seaway.evidence.statement import PredicateType, Statement
from tests.cli.shop import PASSPHRASES, Shop, approve, denied, flip, waive

pytestmark = pytest.mark.rootless
REFUSED = 35
SIGNS = {
    "bob": ("approve", "production", "--key", "bob", "--reason", "read it"),
    "alice": ("promote", "production"),
    "releaser": ("promote", "production"),
}


@pytest.fixture
def shop(opened: Shop, tmp_path: Path) -> Shop:
    """Returns a copy whose gate is open."""
    return opened.copy(tmp_path / "shop")


@pytest.mark.parametrize("name", SIGNS)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_may_read_signs_nothing(name: str, mode: int, shop: Shop) -> None:
    """The error names the file and the command that mends it."""
    path = shop.keys / f"{name}.pem"
    path.chmod(mode)
    before = shop.files()
    said = shop.run(*SIGNS[name])
    assert (said.code, said.answer["hint"]) == (REFUSED, f"chmod 600 {path}")
    assert shop.files() == before
    path.chmod(0o600)
    assert shop.run(*SIGNS[name]).code == 0


@pytest.mark.parametrize("name", SIGNS)
@pytest.mark.parametrize("phrase", ["wrong", None])
def test_without_the_right_passphrase_nothing_is_signed(name: str, phrase: str | None, shop: Shop) -> None:
    """Neither a wrong one nor none; the passphrase is not in the answer."""
    before = shop.files()
    said = shop.run(*SIGNS[name], **{f"SEAWAY_PASSPHRASE_{name.upper()}": phrase or ""})
    assert (said.code, name in said.all) == (REFUSED, True), said.all
    assert not phrase or "wrong passphrase" in said.all
    assert shop.files() == before


@pytest.mark.parametrize("name", SIGNS)
def test_a_damaged_key_file_signs_nothing(name: str, shop: Shop) -> None:
    """A byte of the encrypted key."""
    path = shop.keys / f"{name}.pem"
    flip(path, path.stat().st_size // 2)
    before = shop.files()
    said = shop.run(*SIGNS[name])
    assert (said.code, str(path) in said.all) == (REFUSED, True), said.all
    assert shop.files() == before


@pytest.mark.parametrize("name", ["bob", "releaser"])
def test_a_plain_key_file_signs_nothing_that_matters(name: str, shop: Shop) -> None:
    """Approver and releaser keep their keys encrypted."""
    path = shop.keys / f"{name}.pem"
    key = load_pem_private_key(path.read_bytes(), PASSPHRASES[name].encode())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    before = shop.files()
    said = shop.run(*SIGNS[name])
    assert (said.code, "plain key file" in said.all) == (REFUSED, True), said.all
    assert shop.files() == before


@pytest.mark.parametrize("name", SIGNS)
def test_a_key_that_was_swapped_signs_nothing(name: str, shop: Shop) -> None:
    """Mallory's key under somebody's file name: the ledger knows keys, not names."""
    shop.do("keys", "new", "mallory")
    shutil.copy(shop.keys / "mallory.pem", shop.keys / f"{name}.pem")
    before = shop.files()
    said = shop.run(*SIGNS[name], **{f"SEAWAY_PASSPHRASE_{name.upper()}": PASSPHRASES["mallory"]})
    assert said.code == REFUSED, said.all
    assert shop.files() == before


def test_the_ledgers_own_key_must_not_be_open_to_others(shop: Shop) -> None:
    """It signs checkpoints and is not encrypted, since its process starts unattended."""
    path = shop.ledger / "log.key"
    path.chmod(0o644)
    said = shop.run("promote", "production")
    assert (said.code, str(path) in said.all) == (REFUSED, True), said.all
    verified = shop.run("ledger", "verify")
    assert (verified.code, "log.key" in verified.all) == (30, True)
    path.chmod(0o600)
    assert shop.run("promote", "production").code == 0


def test_a_revoked_key_approves_nothing_more(shop: Shop) -> None:
    """The approval before stands; none follows."""
    shop.do("keys", "revoke", "bob", "--reason", "stolen")
    before = shop.files()
    said = approve(shop)
    assert (said.code, "revoked" in said.all) == (REFUSED, True), said.all
    assert shop.files() == before


def test_nobody_enrols_a_key_but_an_owner(shop: Shop) -> None:
    """Bob approves; he does not make approvers."""
    shop.do("keys", "new", "mallory")
    before = shop.files()
    said = shop.run("keys", "enrol", "mallory", "--person", "mallory", "--roles", "approver", "--as", "bob")
    assert said.code == REFUSED, said.all
    assert shop.files() == before


def approval(shop: Shop) -> Statement:
    """Returns what Bob signed."""
    with shop.space() as space, space.reading() as notary:
        return notary.verified(predicate_type=PredicateType.APPROVAL)[-1].statement


def smuggle(shop: Shop, statement: Statement, name: str) -> None:
    """Puts a statement into the ledger past the notary, as whoever holds the store itself could."""
    signer = shop.signer(name)
    with shop.space() as space, space.notary() as notary:
        writer = notary.ledger
        assert hasattr(writer, "append")
        writer.append([Signed(Envelope.seal(statement, signer), signer.public)])


@pytest.mark.parametrize("name", ["mallory", "alice"])
def test_an_approval_by_a_key_that_may_not_approve_counts_for_nothing(name: str, shop: Shop, founded: Shop) -> None:
    """Word for word what Bob would sign, by somebody unenrolled and by a builder; the ledger itself is whole."""
    said = approval(shop)
    attacked = founded.copy(shop.home / "attacked")
    assert waive(attacked).code == 0
    if name == "mallory":
        attacked.do("keys", "new", "mallory")
    smuggle(attacked, said, name)
    refused = attacked.run("promote", "production")
    assert (refused.code, denied(refused)) == (40, {"approved-by-another"}), refused.all
    verified = attacked.run("ledger", "verify")
    assert (verified.code, "does not count" in str(verified.answer["notes"])) == (0, True)


def test_an_approval_signed_after_its_key_was_revoked_counts_for_nothing(founded: Shop, tmp_path: Path) -> None:
    """Bob's stolen key, past the notary: the leaf comes after the revocation."""
    shop = founded.copy(tmp_path / "shop")
    assert waive(shop).code == 0
    other = shop.copy(tmp_path / "other")
    assert approve(other).code == 0
    shop.do("keys", "revoke", "bob", "--reason", "stolen")
    smuggle(shop, approval(other), "bob")
    refused = shop.run("promote", "production")
    assert (refused.code, "approved-by-another" in denied(refused)) == (40, True)

"""Keys: what is written, what is opened, and what a signature is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from seaway.errors import EvidenceInvalid, KeyRefused, NotYet
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PrivateKey, PublicKey, check_proof, new_key, open_key
from seaway.evidence.roles import Role
from seaway.evidence.statement import pae
from tests.evidence.world import refusal

pytestmark = pytest.mark.rootless
SECRET = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721  # RFC 6979 A.2.5


def passphrase(uri: str) -> bytes:
    """Answers every question alike."""
    return b"correct horse"


def test_signing_is_deterministic_as_in_the_rfc() -> None:
    """RFC 6979 A.2.5: P-256 with SHA-256 over `sample`."""
    key = PrivateKey(ec.derive_private_key(SECRET, ec.SECP256R1()))
    r, s = decode_dss_signature(key._sign(b"sample"))
    assert r == 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    assert s == 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def test_pae_is_that_of_the_specification() -> None:
    """The example of DSSE's protocol.md."""
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_sealing_twice_gives_the_same_envelope() -> None:
    """One statement by one key has one envelope."""
    key = PrivateKey.generate()
    assert Envelope.seal(refusal(), key) == Envelope.seal(refusal(), key)


def test_a_new_key_is_a_private_file_and_a_public_one(tmp_path: Path) -> None:
    """Encrypted, for its owner's eyes, and openable with its passphrase."""
    public = new_key(tmp_path / "keys", "alice", b"correct horse")
    private = tmp_path / "keys" / "alice.pem"
    assert b"ENCRYPTED" in private.read_bytes()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert PublicKey.from_pem((tmp_path / "keys" / "alice.pub").read_bytes()) == public
    assert open_key(f"file:{private}", passphrase, roles=[Role.OWNER]).public == public


def test_a_key_is_not_overwritten(tmp_path: Path) -> None:
    """A name that is taken stays as it is."""
    public = new_key(tmp_path, "alice", b"x")
    with pytest.raises(KeyRefused, match="exists"):
        new_key(tmp_path, "alice", b"x")
    assert PublicKey.from_pem((tmp_path / "alice.pub").read_bytes()) == public


@pytest.mark.parametrize("name", ["", "../alice", "Alice", "a b", ".hidden", "a" * 65])
def test_a_key_has_a_plain_name(tmp_path: Path, name: str) -> None:
    """Nothing is written outside the directory."""
    with pytest.raises(KeyRefused, match="not a key name"):
        new_key(tmp_path / "keys", name, b"x")
    assert not (tmp_path / "keys").exists()


def test_a_key_needs_a_passphrase(tmp_path: Path) -> None:
    """None is not one."""
    with pytest.raises(KeyRefused, match="passphrase"):
        new_key(tmp_path, "alice", b"")


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    """And says so without the passphrase."""
    new_key(tmp_path, "alice", b"another")
    with pytest.raises(KeyRefused, match="wrong passphrase"):
        open_key(f"file:{tmp_path}/alice.pem", passphrase)


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    """With the command that closes it."""
    new_key(tmp_path, "alice", b"correct horse")
    (tmp_path / "alice.pem").chmod(0o640)
    with pytest.raises(KeyRefused, match="mode 0640") as caught:
        open_key(f"file:{tmp_path}/alice.pem", passphrase)
    assert caught.value.hint == f"chmod 600 {tmp_path}/alice.pem"


@pytest.fixture
def plain() -> bytes:
    """A key without encryption."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("role", [Role.RELEASER, Role.APPROVER, Role.OWNER])
def test_a_plain_file_is_no_key_for_people_who_decide(tmp_path: Path, plain: bytes, role: Role) -> None:
    """For the others it is, and nobody is asked for a passphrase."""
    path = tmp_path / "plain.pem"
    path.write_bytes(plain)
    path.chmod(0o600)
    with pytest.raises(KeyRefused, match="plain key file"):
        open_key(f"file:{path}", passphrase, roles=[role])
    open_key(f"file:{path}", passphrase, roles=[Role.TESTER])


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, plain: bytes) -> None:
    """Where a CI system puts it; a variable that is not set is an error."""
    monkeypatch.setenv("SEAWAY_KEY_TESTER", plain.decode())
    open_key("env:SEAWAY_KEY_TESTER", passphrase, roles=[Role.TESTER])
    with pytest.raises(KeyRefused, match="not set"):
        open_key("env:SEAWAY_KEY_NOBODY", passphrase)


@pytest.mark.parametrize("uri", ["alice.pem", "http://keys.example", "", ":x"])
def test_other_uris_are_no_keys(uri: str) -> None:
    """The error lists the schemes."""
    with pytest.raises(KeyRefused, match="not a key URI"):
        open_key(uri, passphrase)


@pytest.mark.parametrize("uri", ["ci:github", "awskms:alias/x", "gcpkms:x", "azurekms:x"])
def test_what_is_not_done_yet_says_so(uri: str) -> None:
    """By an error of its own kind."""
    with pytest.raises(NotYet):
        open_key(uri, passphrase)


def test_a_proof_of_possession_is_for_its_purpose_only() -> None:
    """And no statement."""
    key = PrivateKey.generate()
    proof = key.prove("key-rotation", "old")
    check_proof(key.public, "key-rotation", "old", proof)
    for purpose, text in (("key-session", "old"), ("key-rotation", "other")):
        with pytest.raises(EvidenceInvalid):
            check_proof(key.public, purpose, text, proof)


def test_a_key_whose_making_was_killed_in_between_is_finished(tmp_path: Path) -> None:
    """The private file is there, the public one not yet: the same passphrase goes on, another one is refused."""
    public = new_key(tmp_path, "alice", b"x")
    (tmp_path / "alice.pub").unlink()
    with pytest.raises(KeyRefused, match="cannot be opened"):
        new_key(tmp_path, "alice", b"another")
    assert new_key(tmp_path, "alice", b"x").digest == public.digest
    assert (tmp_path / "alice.pub").is_file()

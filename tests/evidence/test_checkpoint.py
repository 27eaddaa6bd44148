"""Checkpoints: the note's bytes, whose signature counts, and the trusted root."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seaway.errors import EvidenceInvalid, KeyRefused
from seaway.evidence.checkpoint import Checkpoint, LogKey, LogSigner, check_origin, trusted_root
from tests.evidence.world import START

pytestmark = pytest.mark.rootless
ORIGIN = "ledger.acme.example"
ROOT = base64.b64decode("NcY9XuAwTRLRGNxLkzJvg0NUIgNZEvpzYFKr9KiOys0=")


@pytest.fixture
def signer() -> LogSigner:
    """A log's key from fixed bytes."""
    return LogSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def test_a_checkpoint_is_this_note(signer: LogSigner) -> None:
    """Three lines, an empty one, one signature over the three; the id is the hash of origin, type and key."""
    note = signer.sign(13, ROOT).note.decode()
    text, signature = note.split("\n\n")
    assert text == f"{ORIGIN}\n13\n{base64.b64encode(ROOT).decode()}"
    dash, name, value = signature.rstrip("\n").split(" ")
    key = signer.public.key
    assert (dash, name) == ("—", ORIGIN)
    assert base64.b64decode(value)[:4] == hashlib.sha256(f"{ORIGIN}\n".encode() + b"\x01" + key).digest()[:4]
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().verify(
        base64.b64decode(value)[4:], f"{text}\n".encode()
    )


def test_one_head_has_one_checkpoint(signer: LogSigner) -> None:
    """Signing again gives the same bytes."""
    assert signer.sign(13, ROOT) == signer.sign(13, ROOT)


def test_lines_of_others_are_kept_and_not_counted(signer: LogSigner) -> None:
    """A witness's line beside the log's; alone it is not enough."""
    note = signer.sign(13, ROOT).note
    witness = LogSigner("witness.acme.example", Ed25519PrivateKey.generate()).sign(13, ROOT).note
    line = witness.split(b"\n\n")[1]
    assert Checkpoint.open(note + line, signer.public).note == note + line
    with pytest.raises(EvidenceInvalid, match="has not signed"):
        Checkpoint.open(note.split(b"\n\n")[0] + b"\n\n" + line, signer.public)


def test_every_changed_byte_is_refused(signer: LogSigner) -> None:
    """Whichever byte of the note."""
    note = signer.sign(13, ROOT).note
    for place in range(len(note)):
        for mask in (1, 0x20, 0x80):
            changed = note[:place] + bytes([note[place] ^ mask]) + note[place + 1 :]
            with pytest.raises(EvidenceInvalid):
                Checkpoint.open(changed, signer.public)


@pytest.mark.parametrize(
    "origin", ["", "local", "Acme.example", "acme.example/", "a..example", "-a.example", "a" * 64 + ".x"]
)
def test_an_origin_is_a_dns_name(origin: str) -> None:
    """Verifiers take it from a URL's host."""
    with pytest.raises(EvidenceInvalid, match="DNS name"):
        check_origin(origin)


def test_a_verifier_line_is_read_back(signer: LogSigner) -> None:
    """And refused with another id, kind or origin."""
    line = signer.public.verifier
    assert LogKey.parse(line) == signer.public
    for wrong in (line.replace("+", "+0", 1), line.replace(ORIGIN, "other.example"), line[:-4], ORIGIN):
        with pytest.raises(EvidenceInvalid):
            LogKey.parse(wrong)


def test_a_key_file_is_taken_as_it_was_written(signer: LogSigner) -> None:
    """A file that reads the same and is not the same was changed."""
    text = signer.to_pem()
    assert LogSigner.from_pem(ORIGIN, text, where="log.key").public == signer.public
    for wrong in (text + b"\n", text.replace(b"\n", b"\r\n"), b"", text[:-5]):
        with pytest.raises(KeyRefused):
            LogSigner.from_pem(ORIGIN, wrong, where="log.key")


def test_the_trusted_root_names_the_log(signer: LogSigner) -> None:
    """By URL, key and id, as Sigstore's clients read it."""
    document: Any = trusted_root([(signer.public, START)])
    (log,) = document["tlogs"]
    assert log["baseUrl"] == f"https://{ORIGIN}"
    assert base64.b64decode(log["logId"]["keyId"]) == signer.public.id
    assert base64.b64decode(log["publicKey"]["rawBytes"])[-32:] == signer.public.key
    assert log["publicKey"]["validFor"] == {"start": "2026-03-01T12:00:00Z"}

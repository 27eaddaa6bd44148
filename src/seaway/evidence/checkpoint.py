"""Checkpoints: the signed head of a log, as a C2SP note, and the trusted root by which stock tools know the log.

    ledger.acme.example\\n13\\n<b64 root>\\n\\n— ledger.acme.example <b64(key id[0:4] ‖ Ed25519 signature)>\\n

The signature is over the first three lines with their newlines (c2sp.org/tlog-checkpoint, c2sp.org/signed-note). An
Ed25519 signature is deterministic: one head has one checkpoint. Lines of unknown keys are kept and not counted. The
origin is a bare lower-case DNS name; there are no extension lines. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, KeyRefused
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.shape import write_time

_ORIGIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE = re.compile(r"— (\S+) (\S+)")
_ED25519 = 0x01


def check_origin(origin: str) -> str:
    """Returns the origin if it is a bare lower-case DNS name; raises EvidenceInvalid."""
    if not _ORIGIN.fullmatch(origin):
        raise EvidenceInvalid(f"{origin!r} is not a lower-case DNS name", where="origin")
    return origin


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log's public key under its origin."""

    origin: str
    key: bytes

    @property
    def id(self) -> bytes:
        """SHA-256(origin ‖ newline ‖ 0x01 ‖ key) (c2sp.org/signed-note, "Signatures")."""
        return hashlib.sha256(f"{self.origin}\n".encode() + bytes([_ED25519]) + self.key).digest()

    @property
    def verifier(self) -> str:
        """The key as one line: `<origin>+<hex id[0:4]>+<b64(0x01 ‖ key)>`."""
        return f"{self.origin}+{self.id[:4].hex()}+{b64(bytes([_ED25519]) + self.key)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a verifier line; raises EvidenceInvalid."""
        parts = text.split("+", 2)
        data = unb64(parts[2], where="log key") if len(parts) == 3 else b""
        if len(data) != 33 or data[0] != _ED25519:
            raise EvidenceInvalid("not an Ed25519 log key", where=text)
        found = cls(check_origin(parts[0]), data[1:])
        if found.verifier != text:
            raise EvidenceInvalid("the log key has another id", where=text)
        return found

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises EvidenceInvalid unless the log signed the message (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except InvalidSignature as error:
            raise EvidenceInvalid("the checkpoint's signature does not hold", where=self.origin) from error

    def spki(self) -> bytes:
        """Returns SubjectPublicKeyInfo DER."""
        key = Ed25519PublicKey.from_public_bytes(self.key)
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class LogSigner:
    """The key by which one process signs heads; plain, since that process must start unattended."""

    origin: str
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls, origin: str) -> Self:
        """Makes a log's key."""
        return cls(check_origin(origin), Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, origin: str, text: bytes, *, where: object) -> Self:
        """Opens the key; a file that is not byte for byte what `to_pem` writes is damaged: KeyRefused."""
        try:
            key = load_pem_private_key(text, None)
        except (ValueError, TypeError) as error:
            raise KeyRefused("the ledger's key cannot be read", where=where) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyRefused("the ledger's key is not Ed25519", where=where)
        found = cls(check_origin(origin), key)
        if found.to_pem() != text:
            raise KeyRefused("the ledger's key file was changed", where=where)
        return found

    def to_pem(self) -> bytes:
        """Returns the unencrypted PKCS#8 PEM."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public(self) -> LogKey:
        """The public half."""
        return LogKey(self.origin, self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, size: int, root: bytes) -> Checkpoint:
        """Signs a head."""
        text = _text(self.origin, size, root)
        line = f"— {self.origin} {b64(self.public.id[:4] + self._key.sign(text))}\n"
        return Checkpoint(self.origin, size, root, text + b"\n" + line.encode())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head with the note that says it."""

    origin: str
    size: int
    root: bytes
    note: bytes = field(repr=False)

    @classmethod
    def parse(cls, note: bytes) -> Self:
        """Reads a note without trusting it; raises EvidenceInvalid."""
        try:
            text, _, tail = note.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise EvidenceInvalid("a checkpoint is UTF-8", where="checkpoint") from error
        lines, signatures = text.split("\n"), tail.split("\n")
        if len(lines) != 3 or len(signatures) < 2 or signatures.pop() or not _SIZE.fullmatch(lines[1]):
            raise EvidenceInvalid("not a checkpoint of three lines and signatures", where="checkpoint")
        if not all(_SIGNATURE.fullmatch(line) for line in signatures):
            raise EvidenceInvalid("a line after the head is no signature", where="checkpoint")
        root = unb64(lines[2], where="checkpoint root")
        if len(root) != 32:
            raise EvidenceInvalid("the root has not 32 bytes", where="checkpoint")
        return cls(check_origin(lines[0]), int(lines[1]), root, note)

    @classmethod
    def open(cls, note: bytes, key: LogKey) -> Self:
        """Reads a note and verifies the log's own signature; raises EvidenceInvalid."""
        found = cls.parse(note)
        found.verify(key)
        return found

    @property
    def head(self) -> tuple[int, bytes]:
        """Size and root."""
        return self.size, self.root

    def verify(self, key: LogKey) -> None:
        """Raises EvidenceInvalid unless origin and one signature are the log's."""
        _verify(self, key)

    def signatures(self) -> Sequence[tuple[str, bytes]]:
        """Returns every signature line: who, and key id with signature."""
        lines = self.note.decode().partition("\n\n")[2].splitlines()
        found = [match for line in lines if (match := _SIGNATURE.fullmatch(line))]
        return [(match[1], unb64(match[2], where="signature")) for match in found]


@lru_cache(maxsize=64)
def _verify(checkpoint: Checkpoint, key: LogKey) -> None:
    # One head is verified with thousands of leaves; a failure raises and so is never kept.
    if checkpoint.origin != key.origin:
        raise EvidenceInvalid(f"the checkpoint is of {checkpoint.origin}, not of {key.origin}", where="checkpoint")
    signatures = [line for name, line in checkpoint.signatures() if name == key.origin and line[:4] == key.id[:4]]
    if len(signatures) != 1:
        raise EvidenceInvalid("the log has not signed this checkpoint once", where=key.origin)
    key.verify(signatures[0][4:], _text(checkpoint.origin, checkpoint.size, checkpoint.root))


def _text(origin: str, size: int, root: bytes) -> bytes:
    return f"{origin}\n{size}\n{b64(root)}\n".encode()


def trusted_root(keys: Sequence[tuple[LogKey, datetime]]) -> dict[str, object]:
    """Returns `trusted_root.json` for logs and the times from which their keys hold (Sigstore TrustedRoot v0.1)."""
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log_instance(key, start) for key, start in keys],
        "certificateAuthorities": [],
        "ctlogs": [],
        "timestampAuthorities": [],
    }


def _log_instance(key: LogKey, start: datetime) -> dict[str, object]:
    public = {
        "rawBytes": b64(key.spki()),
        "keyDetails": "PKIX_ED25519",
        "validFor": {"start": write_time(start)},
    }
    return {
        "baseUrl": f"https://{key.origin}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": public,
        "logId": {"keyId": b64(key.id)},
    }


def genesis_of(leaf: bytes) -> Digest:
    """Returns the pin of a log: the hash of its leaf 0 (RFC 6962 §2.1)."""
    return Digest(hashlib.sha256(b"\x00" + leaf).hexdigest())

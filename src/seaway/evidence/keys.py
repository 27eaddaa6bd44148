"""Keys: ECDSA P-256 with SHA-256 and nothing else, named by URI.

Rules: a public key is its SubjectPublicKeyInfo in DER, known by the SHA-256 of it; signing is deterministic
(RFC 6979), so signing twice gives the same bytes; a signer that was opened for certain roles refuses every statement
those roles may not sign. `file:` keys are encrypted PKCS#8, mode 0600; a plain one is refused for releaser, approver
and owner.

Who a key belongs to is in the ledger (`people.py`). The ledger's own Ed25519 key is in `checkpoint.py`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, KeyRefused, NotYet
from seaway.evidence.disk import write_durably
from seaway.evidence.roles import PROTECTED, Role, environment_of, may_sign
from seaway.evidence.statement import Statement

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
Passphrase = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A P-256 public key in its one DER form."""

    spki: bytes = field(repr=False)
    _key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @classmethod
    def parse(cls, spki: bytes) -> Self:
        """Reads SubjectPublicKeyInfo DER; raises KeyRefused for other algorithms, curves and spellings."""
        return cls._of(_load(spki), spki)

    @classmethod
    def from_pem(cls, text: bytes, *, where: object = None) -> Self:
        """Reads a `PUBLIC KEY` PEM."""
        try:
            key = load_pem_public_key(text)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyRefused(f"not a public key: {error}", where=where) from error
        return cls._of(key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @classmethod
    def _of(cls, key: object, spki: bytes) -> Self:
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyRefused("only ECDSA P-256 keys sign statements", hint="seaway keys new NAME")
        if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
            raise KeyRefused("the key is not in its one DER form")
        return cls(spki, key)

    @property
    def digest(self) -> Digest:
        """The key's name: SHA-256 of its SubjectPublicKeyInfo."""
        return Digest.of(self.spki)

    def to_pem(self) -> bytes:
        """Returns the `PUBLIC KEY` PEM that stock tools take."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises EvidenceInvalid unless `signature` (DER, SHA-256 of `message`) is by this key (FIPS 186-5 §6.4)."""
        try:
            self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise EvidenceInvalid("signature does not hold", where=f"key {self.digest.short}") from error


@lru_cache(maxsize=1024)
def _load(spki: bytes) -> object:
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"not a public key: {error}") from error


class Signer(Protocol):
    """Something that signs statements with one key."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, statement: Statement) -> bytes:
        """Signs a statement's PAE, ASN.1 DER; raises KeyRefused for what the key may not sign."""

    def prove(self, purpose: str, text: str) -> bytes:
        """Signs `seaway-<purpose>\\n<text>`: proof that one holds the key, which no statement can be taken for."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key in memory; `roles`, where known, limit what it signs, and `environment` where a releaser may speak."""

    _key: ec.EllipticCurvePrivateKey = field(repr=False)
    roles: frozenset[Role] | None = None
    environment: str | None = None

    @classmethod
    def generate(cls) -> Self:
        """Makes a new key from the operating system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, text: bytes, passphrase: bytes | None, *, where: object) -> Self:
        """Opens a PKCS#8 PEM; raises KeyRefused for a wrong passphrase or another kind of key."""
        try:
            key = load_pem_private_key(text, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyRefused("the key cannot be opened: wrong passphrase or damaged file", where=where) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyRefused("only ECDSA P-256 keys sign statements", where=where, hint="seaway keys new NAME")
        return cls(key)

    def limited(self, roles: Collection[Role], environment: str | None = None) -> Self:
        """Returns the same key, refusing whatever these roles may not sign."""
        return type(self)(self._key, frozenset(roles) or None, environment)

    def to_pem(self, passphrase: bytes) -> bytes:
        """Returns the encrypted PKCS#8 PEM."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey.parse(self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, statement: Statement) -> bytes:
        """Signs a statement (RFC 6979); raises KeyRefused for what the key's roles may not sign."""
        if self.roles is not None:
            self._check(statement, self.roles)
        return self._sign(statement.signed_bytes)

    def prove(self, purpose: str, text: str) -> bytes:
        """Signs `seaway-<purpose>\\n<text>`."""
        return self._sign(f"seaway-{purpose}\n{text}".encode())

    def _check(self, statement: Statement, roles: frozenset[Role]) -> None:
        if not any(may_sign(role, statement) for role in roles):
            names = ", ".join(sorted(roles))
            raise KeyRefused(f"a key of the role {names} does not sign this", where=statement.predicate_type)
        place = environment_of(statement)
        if self.environment is not None and place not in (None, self.environment):
            raise KeyRefused(f"this key is for {self.environment}, not for {place}", where=statement.predicate_type)

    def _sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def check_proof(key: PublicKey, purpose: str, text: str, proof: bytes) -> None:
    """Raises EvidenceInvalid unless `proof` shows that its maker holds `key`."""
    key.verify(proof, f"seaway-{purpose}\n{text}".encode())


def new_key(directory: Path, name: str, passphrase: bytes) -> PublicKey:
    """Makes `<name>.pem` (encrypted, 0600) and `<name>.pub`; raises KeyRefused if the name is taken or unfit.

    A key file without its public half is what a kill in between leaves: the same passphrase goes on from there.
    """
    if not _NAME.fullmatch(name):
        raise KeyRefused(f"{name!r} is not a key name", hint="lower-case letters, digits, dots and dashes")
    if not passphrase:
        raise KeyRefused("a key needs a passphrase", where=name)
    private, public = directory / f"{name}.pem", directory / f"{name}.pub"
    if public.exists():
        raise KeyRefused("a key of this name exists", where=private, hint="choose another name")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if private.exists():
        key = PrivateKey.from_pem(private.read_bytes(), passphrase, where=private)
    else:
        key = PrivateKey.generate()
        write_durably(private, key.to_pem(passphrase), mode=0o600)
    write_durably(public, key.public.to_pem())
    return key.public


def open_key(
    uri: str, passphrase: Passphrase, *, roles: Collection[Role] = (), environment: str | None = None
) -> Signer:
    """Opens the key a URI names; `passphrase` is asked only for encrypted keys, with the URI as its argument."""
    scheme, _, rest = uri.partition(":")
    opener = _SCHEMES.get(scheme)
    if opener is None:
        raise KeyRefused(f"{uri!r} is not a key URI", hint=f"one of {', '.join(sorted(_SCHEMES))}, as file:PATH")
    text = opener(rest)
    encrypted = b"ENCRYPTED" in text.partition(b"\n")[0]
    if not encrypted and scheme == "file" and PROTECTED & set(roles):
        raise KeyRefused("a plain key file is refused for releaser, approver and owner", where=rest)
    key = PrivateKey.from_pem(text, passphrase(uri) if encrypted else None, where=uri)
    return key.limited(roles, environment)


def _read_file(path: str) -> bytes:
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
        text = Path(path).read_bytes()
    except OSError as error:
        raise KeyRefused(f"the key file cannot be read: {error.strerror}", where=path) from error
    if mode & 0o077:
        raise KeyRefused(f"the key file is open to others (mode {mode:04o})", where=path, hint=f"chmod 600 {path}")
    return text


def _read_environment(name: str) -> bytes:
    text = os.environ.get(name)
    if not text:
        raise KeyRefused("the environment variable is not set", where=name)
    return text.encode()


def _identity(rest: str) -> bytes:
    raise NotYet("signing with a CI job's own identity is not done yet", where=f"ci:{rest}", hint="--key env:NAME")


def _management_service(rest: str) -> bytes:
    raise NotYet("signing with a cloud key management service is not done yet", where=rest, hint="--key file:PATH")


_SCHEMES: Mapping[str, Callable[[str], bytes]] = {
    "file": _read_file,
    "env": _read_environment,
    "ci": _identity,
    "awskms": _management_service,
    "gcpkms": _management_service,
    "azurekms": _management_service,
}

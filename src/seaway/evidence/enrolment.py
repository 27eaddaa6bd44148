"""What is said about keys: the four statements of the registry, as values.

The subject of each is a key, named by the SHA-256 of its SubjectPublicKeyInfo. `previous` is the id of the registry
statement before it, so that a gap shows. A person is an opaque id here; names, e-mails and commit identities are an
`Identity`, a payload of its own that can be erased while every proof stands; `salt` keeps its digest from being
guessed from a known address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.keys import PublicKey, check_proof
from seaway.evidence.predicate import Predicate
from seaway.evidence.roles import Role
from seaway.evidence.shape import read, write
from seaway.evidence.statement import PredicateType, Statement
from seaway.evidence.strictjson import read_json

_PERSON = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The personal part of an enrolment, erasable: what to call somebody and how their commits are signed."""

    name: str
    emails: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    salt: str

    def to_bytes(self) -> bytes:
        """Returns the payload, named by its digest in the enrolment."""
        return canonical(write(self))

    @classmethod
    def parse(cls, data: bytes) -> Identity:
        """Reads the payload."""
        return read(Identity, read_json(data, where="identity"), where="identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEnrolment(Predicate):
    """A key belongs to a person, with roles, titles and environments (none: all) for a time; owner-signed."""

    TYPE: ClassVar[PredicateType] = PredicateType.KEY_ENROLMENT
    person: str
    key: str
    roles: tuple[Role, ...]
    titles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    identity: Digest | None = None
    at: datetime
    not_before: datetime
    not_after: datetime
    previous: Digest | None = None

    @property
    def public(self) -> PublicKey:
        """The key itself."""
        return PublicKey.parse(unb64(self.key, where="predicate.key"))

    def check(self) -> None:
        """Raises EvidenceInvalid if the parts contradict each other."""
        if not _PERSON.fullmatch(self.person):
            raise EvidenceInvalid(f"{self.person!r} is not a person's id", where="predicate.person")
        if not self.roles or len(set(self.roles)) != len(self.roles):
            raise EvidenceInvalid("roles are named once each, one at least", where="predicate.roles")
        if Role.RELEASER in self.roles and (len(self.roles) > 1 or len(self.environments) != 1):
            raise EvidenceInvalid("a releaser's key has that role alone, for one environment", where="predicate.roles")
        if self.titles and Role.APPROVER not in self.roles:
            raise EvidenceInvalid("titles are an approver's", where="predicate.titles")
        if self.not_after <= self.not_before:
            raise EvidenceInvalid("it ends before it begins", where="predicate.notAfter")

    def check_subject(self, subject: Digest) -> None:
        """Raises EvidenceInvalid unless the subject is the key."""
        if self.public.digest != subject:
            raise EvidenceInvalid("the key is not the subject", where="predicate.key")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation(Predicate):
    """A new key takes the place of the one that signs this; `proof` shows that its holder has the new one."""

    TYPE: ClassVar[PredicateType] = PredicateType.KEY_ROTATION
    key: str
    replaces: Digest
    proof: str
    at: datetime
    previous: Digest

    @property
    def public(self) -> PublicKey:
        """The new key."""
        return PublicKey.parse(unb64(self.key, where="predicate.key"))

    def check_subject(self, subject: Digest) -> None:
        """Raises EvidenceInvalid unless the subject is the new key and its holder proved to have it."""
        if self.public.digest != subject:
            raise EvidenceInvalid("the key is not the subject", where="predicate.key")
        check_proof(self.public, "key-rotation", str(self.replaces), unb64(self.proof, where="predicate.proof"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocation(Predicate):
    """Signatures by the key count only below the leaf `from_index`; owner-signed."""

    TYPE: ClassVar[PredicateType] = PredicateType.KEY_REVOCATION
    reason: str
    from_index: int
    at: datetime
    previous: Digest

    def check(self) -> None:
        """Raises EvidenceInvalid for an index below the first leaf or an empty reason."""
        if self.from_index < 0:
            raise EvidenceInvalid("a leaf index is not negative", where="predicate.fromIndex")
        if not self.reason.strip():
            raise EvidenceInvalid("a revocation says why", where="predicate.reason")


KeyStatement = KeyEnrolment | KeyRotation | KeyRevocation
_SHAPES: dict[str, type[KeyStatement]] = {shape.TYPE: shape for shape in (KeyEnrolment, KeyRotation, KeyRevocation)}
REGISTRY = frozenset(_SHAPES)


def read_key_statement(statement: Statement) -> KeyStatement:
    """Reads a statement of the registry and checks it in itself; raises EvidenceInvalid."""
    return _SHAPES[statement.predicate_type].of(statement)


def spelled(key: PublicKey) -> str:
    """Returns a key as it stands in a predicate: base64 of its SubjectPublicKeyInfo."""
    return b64(key.spki)

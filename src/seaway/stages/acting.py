"""Who acts, by which key, and when: what every signed stretch of the road begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from seaway.evidence.keys import Signer
from seaway.evidence.notary import Notary
from seaway.evidence.roles import Role
from seaway.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and by which key."""

    id: str
    signer: Signer


def actor(
    space: Workspace, notary: Notary, role: Role, *, named: str | None = None, environment: str | None = None
) -> Person:
    """Returns the person here who acts in a role; raises KeyRefused if nobody can."""
    signer = space.keyring.signer(role, notary.people, environment=environment, named=named)
    holding = notary.people.holding(signer.public.digest, notary.ledger.size)
    return Person(holding.enrolment.person, signer)


def now() -> datetime:
    """Returns the present as statements carry it: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)

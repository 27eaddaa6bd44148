"""Somebody who is to be enrolled: what an owner says about a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from seaway.digest import Digest
from seaway.evidence.enrolment import Identity, KeyEnrolment, spelled
from seaway.evidence.keys import PublicKey
from seaway.evidence.roles import Role

VALID = timedelta(days=3 * 365)
SMALL_TEAM = (Role.BUILDER, Role.TESTER, Role.SCANNER, Role.APPROVER, Role.OPERATOR, Role.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A key's holder as the registry will know them; name and addresses go into an erasable payload."""

    person: str
    roles: tuple[Role, ...]
    titles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    name: str = ""
    emails: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    valid: timedelta = VALID

    def identity(self, salt: str) -> bytes | None:
        """Returns the personal payload, None if there is nothing personal to say."""
        if not (self.name or self.emails or self.commits):
            return None
        return Identity(name=self.name, emails=self.emails, commits=self.commits, salt=salt).to_bytes()

    def enrolment(
        self, key: PublicKey, at: datetime, *, identity: Digest | None, previous: Digest | None
    ) -> KeyEnrolment:
        """Returns what is signed about the key."""
        return KeyEnrolment(
            person=self.person,
            key=spelled(key),
            roles=self.roles,
            titles=self.titles,
            environments=self.environments,
            identity=identity,
            at=at,
            not_before=at,
            not_after=at + self.valid,
            previous=previous,
        )

"""What the gate is asked and what was found for it: the only things facts are made from.

`Verified` is what evidence's numbered verification returns; an unverified statement cannot become one, so it cannot
become a fact. What is known to be absent, and why (erased, queued, unreadable), is said in `absent`; everything else
that was not found is `missing`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from seaway.digest import Digest
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.evidence.verify import Verified
from seaway.policy.shape import State


class Known(Protocol):
    """A person of the registry."""

    @property
    def roles(self) -> Collection[Role]: ...
    @property
    def titles(self) -> Collection[str]: ...


class Registry(Protocol):
    """Who is who; `evidence.people.People` is one."""

    def persons(self) -> Mapping[str, Known]:
        """Returns everybody with a key that counts, by id."""

    def resolve(self, address: str) -> frozenset[str]:
        """Returns all persons whom a commit identity could be; none: nobody the ledger knows."""


@dataclass(frozen=True, slots=True)
class ImageAsked:
    """An image of the bundle: the service it is for, the name it will be run by, its digest."""

    service: str
    ref: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class ReferenceAsked:
    """A model or data set of the bundle; `digest` None where the app names none."""

    name: str
    kind: str
    digest: Digest | None = None
    licence: str = ""
    personal: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this bundle, under this policy set, enter this environment, as `requester` asks?

    `identities` are the author's and committer's addresses of each source commit, read from the commit objects.
    """

    environment: str
    bundle: Digest
    policy: Digest
    requester: str
    images: tuple[ImageAsked, ...]
    identities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: tuple[ReferenceAsked, ...] = ()
    risk: str = "normal"
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A statement that is known to be there and cannot be read; `subject` None where that is not known either."""

    subject: Digest | None
    predicate_type: str
    index: int
    state: State


@dataclass(frozen=True, slots=True)
class Gathered:
    """The verified statements about the bundle, its images, its policy and earlier decisions of the environment."""

    statements: tuple[Verified, ...]
    documents: Mapping[Digest, bytes] = field(default_factory=dict)
    absent: tuple[Absent, ...] = ()

    def about(self, subject: Digest, *types: str) -> list[Verified]:
        """Returns what says something of these types about a digest, oldest first."""
        chosen = (v for v in self.statements if v.statement.subject == subject and v.statement.predicate_type in types)
        return sorted(chosen, key=lambda verified: verified.index)

    def of_type(self, predicate_type: PredicateType) -> list[Verified]:
        """Returns all statements of a type, oldest first."""
        chosen = (v for v in self.statements if v.statement.predicate_type == predicate_type)
        return sorted(chosen, key=lambda verified: verified.index)

    def newest(self, subject: Digest, *types: str) -> Verified | None:
        """Returns the newest of these types about a digest, good or bad; None if a newer one cannot be read."""
        found = self.about(subject, *types)
        return found[-1] if found and not self.lost(subject, *types, since=found[-1].index) else None

    def lost(self, subject: Digest | None, *types: str, since: int = -1) -> Absent | None:
        """Returns the newest statement of these types, after leaf `since`, that cannot be read."""
        chosen = (a for a in self.absent if a.subject == subject and a.predicate_type in types and a.index > since)
        return max(chosen, key=lambda absent: absent.index, default=None)

    def why_absent(self, subject: Digest, *types: str) -> State:
        """Returns why there is none of these types: what is known of a lost one, else missing."""
        lost = self.lost(subject, *types)
        return lost.state if lost else State.MISSING

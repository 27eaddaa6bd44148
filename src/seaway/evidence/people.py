"""Who holds which key: the registry's statements folded, leaf by leaf, into persons.

Rules: leaf 0 enrols the first owner, by its own signature, and is pinned by clients. After it, enrolments and
revocations count only with a live owner's signature, a rotation with the old key's. Each names the registry statement
before it; one that names another is a gap, and the fold stops. A later enrolment of a key replaces the earlier from
its own leaf on. A revocation takes back deeds from `from_index` on, but never another registry statement: keys that a
stolen owner key enrolled are revoked by name, so the fold has one order and no paradox.

Persons are compared, never strings; an author who resolves to nobody is a state of its own. Pure: statements come in,
standing goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, KeyRefused, LedgerForked
from seaway.evidence.enrolment import (
    Identity,
    KeyEnrolment,
    KeyRevocation,
    KeyRotation,
    KeyStatement,
    read_key_statement,
)
from seaway.evidence.identity import skeleton
from seaway.evidence.keys import PublicKey
from seaway.evidence.roles import Role, environment_of, may_sign
from seaway.evidence.statement import Statement


@dataclass(frozen=True, slots=True)
class Holding:
    """What a key is from one leaf on: whose, and for what."""

    index: int
    enrolment: KeyEnrolment
    public: PublicKey

    def role_for(self, statement: Statement) -> Role | None:
        """Returns the role that lets this key sign the statement, None if there is none."""
        place = environment_of(statement)
        if place is not None and self.enrolment.environments and place not in self.enrolment.environments:
            return None
        return next((role for role in self.enrolment.roles if may_sign(role, statement)), None)


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the registry knows them at its head; `name` and `skeletons` are empty once erased."""

    id: str
    keys: tuple[Digest, ...]
    roles: frozenset[Role]
    titles: frozenset[str]
    name: str = ""
    skeletons: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Registration:
    """One registry statement with its place in the log and the key that signed it."""

    index: int
    statement: Statement
    key: PublicKey


@dataclass(slots=True)
class People:
    """The registry, folded up to some leaf; `add` takes the next statement."""

    identity: Callable[[Digest], bytes | None]
    head: Digest | None = None
    holdings: dict[Digest, list[Holding]] = field(default_factory=dict)
    revoked: dict[Digest, int] = field(default_factory=dict)

    @classmethod
    def fold(cls, registrations: Iterable[Registration], identity: Callable[[Digest], bytes | None]) -> People:
        """Folds the registry; `identity` returns a personal payload by digest, None where it was erased."""
        people = cls(identity)
        for registration in registrations:
            people.add(registration)
        return people

    def copy(self) -> People:
        """Returns the same registry, to try a statement on."""
        holdings = {key: list(held) for key, held in self.holdings.items()}
        return People(self.identity, self.head, holdings, dict(self.revoked))

    def add(self, registration: Registration) -> None:
        """Takes the next registry statement; raises LedgerForked for a gap, KeyRefused for a wrong signer."""
        value = read_key_statement(registration.statement)
        if value.previous != self.head:
            raise LedgerForked("the key registry has a gap", where=f"leaf {registration.index}")
        self._check_signer(registration, value)
        self._apply(registration, value)
        self.head = registration.statement.id

    def holding(self, key: Digest, index: int) -> Holding:
        """Returns what a key was when leaf `index` was written; raises KeyRefused if it did not count there."""
        known = [held for held in self.holdings.get(key, ()) if held.index < index]
        if not known:
            raise KeyRefused("nobody is enrolled with this key", where=f"key {key.short}", hint="seaway keys enrol")
        if index >= self.revoked.get(key, index + 1):
            raise KeyRefused(f"the key is revoked from leaf {self.revoked[key]} on", where=f"key {key.short}")
        return known[-1]

    def standing(
        self, key: Digest, index: int, statement: Statement, now: datetime | None = None
    ) -> tuple[Holding, Role]:
        """Returns holder and role by which a statement at leaf `index` counts; raises KeyRefused saying why not."""
        held = self.holding(key, index)
        role = held.role_for(statement)
        if role is None:
            roles, place = ", ".join(held.enrolment.roles), environment_of(statement)
            says = f"{held.enrolment.person} ({roles}) may not sign this" + (f" for {place}" if place else "")
            raise KeyRefused(says, where=statement.predicate_type)
        if now is not None and not held.enrolment.not_before <= now < held.enrolment.not_after:
            early = now < held.enrolment.not_before
            hint = "it was enrolled later than now: set the clock" if early else "an owner enrols a new key"
            raise KeyRefused(
                f"the key of {held.enrolment.person} is not valid now", where=f"key {key.short}", hint=hint
            )
        return held, role

    def persons(self) -> Mapping[str, Person]:
        """Returns everybody with a key that still counts, by id."""
        result: dict[str, Person] = {}
        for key, held in self.holdings.items():
            if key in self.revoked:
                continue
            person = self._person(key, held[-1].enrolment)
            result[person.id] = _merged(result.get(person.id), person)
        return result

    def resolve(self, address: str) -> frozenset[str]:
        """Returns the ids of all persons, past ones too, whom a commit identity could be; none: resolves to nobody."""
        wanted = skeleton(address)
        enrolments = (held.enrolment for holdings in self.holdings.values() for held in holdings)
        return frozenset(item.person for item in enrolments if wanted in self._skeletons(item))

    def _check_signer(self, registration: Registration, value: KeyStatement) -> None:
        signer = registration.key.digest
        if self.head is None:
            if registration.index != 0 or not isinstance(value, KeyEnrolment) or Role.OWNER not in value.roles:
                raise LedgerForked("leaf 0 does not enrol an owner", where=f"leaf {registration.index}")
            if signer != registration.statement.subject:
                raise KeyRefused("the first owner signs its own enrolment", where="leaf 0")
            return
        held = self.holding(signer, registration.index)
        if isinstance(value, KeyRotation):
            if value.replaces != signer:
                raise KeyRefused("a rotation is signed by the key it replaces", where=f"leaf {registration.index}")
        elif Role.OWNER not in held.enrolment.roles:
            raise KeyRefused("only an owner enrols and revokes keys", where=f"leaf {registration.index}")
        if not held.enrolment.not_before <= value.at < held.enrolment.not_after:
            raise KeyRefused("the owner's key was not valid then", where=f"leaf {registration.index}")

    def _apply(self, registration: Registration, value: KeyStatement) -> None:
        subject, index = registration.statement.subject, registration.index
        if isinstance(value, KeyRevocation):
            self._revoke(subject, value.from_index)
            return
        if subject in self.revoked:
            raise KeyRefused("a revoked key is not enrolled again", where=f"leaf {index}")
        enrolment = value
        if isinstance(enrolment, KeyRotation):
            if subject in self.holdings:
                raise KeyRefused("the new key is enrolled already", where=f"leaf {index}")
            held = self.holding(enrolment.replaces, index)
            enrolment = replace(held.enrolment, key=enrolment.key)
            self.revoked[held.public.digest] = index + 1
        # Leaf 0 enrols the key that signs it, so it counts from there on; all others from the next leaf.
        start = -1 if self.head is None else index
        self.holdings.setdefault(subject, []).append(Holding(start, enrolment, enrolment.public))

    def _revoke(self, key: Digest, from_index: int) -> None:
        if key not in self.holdings:
            raise KeyRefused("nobody is enrolled with this key", where=f"key {key.short}")
        owners = {digest for digest, held in self.holdings.items() if Role.OWNER in held[-1].enrolment.roles}
        if not owners - self.revoked.keys() - {key}:
            raise KeyRefused(
                "the last owner is not revoked", where=f"key {key.short}", hint="enrol another owner first"
            )
        self.revoked[key] = min(from_index, self.revoked.get(key, from_index))

    def _person(self, key: Digest, enrolment: KeyEnrolment) -> Person:
        identity = self._identity(enrolment)
        name = identity.name if identity else ""
        return Person(
            enrolment.person,
            (key,),
            frozenset(enrolment.roles),
            frozenset(enrolment.titles),
            name,
            self._skeletons(enrolment),
        )

    def _skeletons(self, enrolment: KeyEnrolment) -> frozenset[str]:
        identity = self._identity(enrolment)
        return frozenset(map(skeleton, (*identity.emails, *identity.commits))) if identity else frozenset()

    def _identity(self, enrolment: KeyEnrolment) -> Identity | None:
        data = self.identity(enrolment.identity) if enrolment.identity else None
        if data is None:
            return None
        if Digest.of(data) != enrolment.identity:
            raise EvidenceInvalid("the personal payload has another digest", where=enrolment.person)
        return Identity.parse(data)


def _merged(one: Person | None, other: Person) -> Person:
    if one is None:
        return other
    return Person(
        one.id,
        one.keys + other.keys,
        one.roles | other.roles,
        one.titles | other.titles,
        one.name or other.name,
        one.skeletons | other.skeletons,
    )

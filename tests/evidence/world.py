"""A small real world for the tests: a ledger in a temporary directory, people with real keys, a clock one can set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seaway.digest import Digest
from seaway.evidence.keys import PrivateKey
from seaway.evidence.newcomer import SMALL_TEAM, Newcomer
from seaway.evidence.notary import Notary
from seaway.evidence.place import Place
from seaway.evidence.progress import Refusal
from seaway.evidence.roles import Role
from seaway.evidence.statement import Statement

ORIGIN = "shop-a1b2c3.local"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Returns the time."""
        return self.now

    def move(self, **step: float) -> None:
        """Moves on, or back."""
        self.now += timedelta(**step)


@dataclass
class World:
    """Places, keys and a clock; `open` gives a notary on them."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    owner: PrivateKey = field(default_factory=PrivateKey.generate)

    @property
    def place(self) -> Place:
        """Where everything lies."""
        return Place(self.root / "share" / "data", self.root / "var" / "state", ORIGIN)

    def open(self, wait: float = 5.0) -> Notary:
        """Opens for writing."""
        return Notary.open(self.place, clock=self.clock, wait=wait)

    def read(self) -> Notary:
        """Opens for reading."""
        return Notary.reading(self.place, clock=self.clock)

    def found(self) -> Notary:
        """Opens and enrols the owner, who has every role of a small team."""
        notary = self.open()
        newcomer = Newcomer(
            person="p-alice",
            roles=SMALL_TEAM,
            titles=("release-manager", "risk-owner"),
            name="Alice",
            emails=("alice@acme.example",),
        )
        notary.bootstrap(self.owner, newcomer)
        return notary

    def enrol(self, notary: Notary, person: str, *roles: Role, environment: str = "") -> PrivateKey:
        """Enrols somebody with a new key."""
        key = PrivateKey.generate()
        places = (environment,) if environment else ()
        newcomer = Newcomer(person=person, roles=roles, environments=places, emails=(f"{person}@acme.example",))
        notary.enrol(self.owner, key.public, newcomer)
        return key


def subject(name: str = "image") -> Digest:
    """Returns a digest to speak of."""
    return Digest.of(name.encode())


def refusal(number: int = 0, name: str = "image") -> Statement:
    """Returns a small deed an operator may sign."""
    value = Refusal(verb="promote", environment="prod", rules=(f"rule-{number}",), person="p-alice", at=START)
    return value.about(subject(name))

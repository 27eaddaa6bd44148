"""A small world of statements: an app whose every gate is open, to be changed one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from seaway.digest import Digest
from seaway.evidence.identity import skeleton
from seaway.evidence.predicates import check_predicate
from seaway.evidence.progress import evidence_set
from seaway.evidence.roles import Role
from seaway.evidence.shape import write
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.statement import Statement
from seaway.evidence.verify import Verified
from seaway.policy.considered import considered
from seaway.policy.decision import Decision
from seaway.policy.facts import Facts, gather_facts
from seaway.policy.gate import decide
from seaway.policy.gathered import Absent, Gathered, ImageAsked, Question
from seaway.policy.rules import PolicySet, load_policy
from seaway.policy.waivers import Waiver, read_waivers

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
BUNDLE = Digest.of(b"bundle")
IMAGE = Digest.of(b"image")
COMMIT = "a" * 40
REF = f"registry.example/shop/api@{IMAGE}"


def moment(**ago: float) -> str:
    """Returns a moment before NOW as evidence writes it."""
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


@cache
def default_policy() -> PolicySet:
    """Returns the default pack with one required suite, compiled once."""
    return load_policy(parameters={"tests-passed": {"suites": ["e2e"]}})


@dataclass(frozen=True)
class Somebody:
    """A person."""

    roles: frozenset[Role] = frozenset({Role.BUILDER})
    titles: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()


@dataclass
class World:
    """Statements in the order of the log, people, and a question about them."""

    entries: list[Verified] = field(default_factory=list)
    people: dict[str, Somebody] = field(default_factory=dict)
    absent: list[Absent] = field(default_factory=list)
    documents: dict[Digest, bytes] = field(default_factory=dict)
    policy: PolicySet = field(default_factory=default_policy)
    asked: Question | None = None
    now: datetime = NOW

    def persons(self) -> Mapping[str, Somebody]:
        return self.people

    def resolve(self, address: str) -> frozenset[str]:
        wanted = skeleton(address)
        return frozenset(
            name for name, body in self.people.items() if wanted in {skeleton(known) for known in body.addresses}
        )

    @property
    def question(self) -> Question:
        assert self.asked is not None
        return replace(self.asked, policy=self.policy.digest)

    def asks(self, **changes: Any) -> None:
        """Changes what is asked."""
        assert self.asked is not None
        self.asked = replace(self.asked, **changes)

    def says(self, person: str, role: str, /, *, about: Digest, kind: T, **predicate: object) -> Verified:
        """Appends a statement."""
        statement = Statement.about(about, kind, predicate)
        index = self.entries[-1].index + 1 if self.entries else 0
        titles = tuple(sorted(self.people[person].titles)) if person in self.people else ()
        key = Digest.of(person.encode())
        entry = Verified(statement, index, person, Role(role), titles, key, Digest.of(statement.payload))
        check_predicate(statement)
        self.entries.append(entry)
        return entry

    def drop(self, *kinds: T) -> None:
        """Forgets statements of some types; the others keep their leaves."""
        self.entries = [entry for entry in self.entries if entry.statement.predicate_type not in kinds]

    def edit(self, kind: T, change: Callable[[dict[str, object]], object]) -> None:
        """Changes the predicate of the newest statement of a type, which approvals made before then no longer match."""
        place = max(i for i, entry in enumerate(self.entries) if entry.statement.predicate_type == kind)
        entry = self.entries[place]
        predicate = dict(entry.statement.predicate)
        change(predicate)
        changed = Statement.about(entry.statement.subject, kind, predicate)
        self.entries[place] = replace(entry, statement=changed)

    def approve(self, person: str = "bob", role: str = "approver", /, **changes: object) -> Verified:
        """Appends an approval of the evidence as it stands."""
        items, digest = evidence_set(considered(self.question, self.gathered))
        predicate: dict[str, object] = {
            "decision": "approved",
            "environment": "prod",
            "person": person,
            "title": "",
            "evidenceSet": str(digest),
            "entries": write(items),
            "policy": str(self.policy.digest),
            "at": moment(),
            "expires": moment(days=-1),
            "reason": "looks good",
        }
        return self.says(person, role, about=BUNDLE, kind=T.APPROVAL, **(predicate | changes))

    def excepts(self, rule: str, signer: str = "bob", about: Digest = IMAGE, /, **changes: object) -> Verified:
        """Appends an exception."""
        predicate: dict[str, object] = {
            "rule": rule,
            "scope": {"digest": str(about)},
            "environment": "prod",
            "reason": "no source of advisories in reach",
            "ticket": "OPS-1",
            "requestedBy": "carol",
            "approver": "bob",
            "notBefore": moment(hours=1),
            "notAfter": moment(days=-30),
        }
        return self.says(signer, "approver", about=about, kind=T.EXCEPTION, **(predicate | changes))

    @property
    def gathered(self) -> Gathered:
        return Gathered(tuple(self.entries), self.documents, tuple(self.absent))

    @property
    def facts(self) -> Facts:
        return gather_facts(self.question, self.gathered, self, now=self.now)

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        return read_waivers(self.entries, self.people)[0]

    def decide(self) -> Decision:
        """Decides on everything said so far."""
        return decide(self.policy, self.facts, now=self.now, waivers=self.waivers)

    def verdicts(self) -> dict[str, str]:
        """Returns each rule's verdict, `waived` where every denial beneath is."""
        return {r.rule: "waived" if r.waived else str(r.verdict) for r in self.decide().rulings}

    def against(self) -> list[str]:
        """Returns the names of the rules that stop it."""
        return sorted({denial.rule for denial in self.decide().denials})


SBOM: dict[str, object] = {"bomFormat": "CycloneDX", "components": [{"name": "openssl", "version": "3.0.11"}]}


def provenance(commit: str = COMMIT) -> dict[str, object]:
    """Returns a provenance's predicate; an empty commit leaves the source out."""
    source = {"uri": "git+https://git.example/shop", "digest": {"gitCommit": commit}}
    return {
        "buildDefinition": {
            "buildType": "https://seaway.dev/build/native/v1",
            "externalParameters": {"service": "api"},
            "resolvedDependencies": [{"name": "base", "digest": {"sha256": "0" * 64}}, *([source] if commit else [])],
        },
        "runDetails": {"builder": {"id": "seaway:person/alice"}},
    }


def scan(**changes: object) -> dict[str, object]:
    """Returns a scan's predicate: fresh, of the SBOM, nothing found."""
    return {
        "scanner": {"uri": "https://seaway.dev/scan", "db": {"lastUpdate": moment(hours=1)}, "result": []},
        "metadata": {"scanStartedOn": moment(minutes=30), "scanFinishedOn": moment(minutes=29)},
        "seaway_scan": {"state": "scanned", "sbom": str(Digest.of_json(SBOM)), "skipped": []} | changes,
    }


def evidence(world: World) -> None:
    """Says all that a builder, a tester and a scanner say."""
    world.says("alice", "builder", about=IMAGE, kind=T.PROVENANCE, **provenance())
    world.says("alice", "builder", about=IMAGE, kind=T.CYCLONEDX, **SBOM)
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **scan())
    suite = {"name": "e2e", "kind": "test", "environment": "staging"}
    for subject in (BUNDLE, IMAGE):
        world.says(
            "tess", "tester", about=subject, kind=T.TEST_RESULT, result="PASSED", configuration=[], seaway_suite=suite
        )


def open_world(*, approved: bool = True) -> World:
    """Returns a world in which everything is as it should be."""
    world = World()
    world.people = {
        "alice": Somebody(frozenset({Role.BUILDER, Role.OPERATOR}), addresses=("alice@acme.example",)),
        "bob": Somebody(frozenset({Role.APPROVER}), frozenset({"release-manager"}), ("bob@acme.example",)),
        "carol": Somebody(frozenset({Role.APPROVER}), frozenset({"risk-owner"}), ("carol@acme.example",)),
        "tess": Somebody(frozenset({Role.TESTER, Role.SCANNER}), addresses=("tess@acme.example",)),
    }
    world.asked = Question(
        environment="prod",
        bundle=BUNDLE,
        policy=world.policy.digest,
        requester="alice",
        images=(ImageAsked("api", REF, IMAGE),),
        identities={COMMIT: ("Alice <alice@acme.example>", "alice@acme.example")},
        previous="staging",
    )
    evidence(world)
    if approved:
        world.approve()
    return world

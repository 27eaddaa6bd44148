"""Verified evidence folded into facts: the JSON that rules see. Pure; ages come from the argument `now`.

Every field is always there (`shape.FACTS`); what is not known says so by its state or by null. Newest wins per
digest and type, good or bad, so good news never outlives worse news. Of a suite run in several places the worst
counts. An author who resolves to nobody is `unknown`, and no rule about people passes with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from seaway.digest import Digest
from seaway.evidence.progress import Deployment, evidence_set
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType as T
from seaway.policy.approvals import approvals
from seaway.policy.consent import consented
from seaway.policy.considered import considered
from seaway.policy.gathered import Gathered, Question, ReferenceAsked, Registry
from seaway.policy.images import image_fact, provenance_fact, test_facts
from seaway.policy.shape import State
from seaway.policy.waivers import read_waivers

UNKNOWN = str(State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one bundle for one environment; `involved` are the persons whose approval would be their own."""

    body: Mapping[str, object]
    involved: frozenset[str] = frozenset()

    @property
    def environment(self) -> str:
        """The environment asked about."""
        return str(self.body.get("environment"))

    @property
    def bundle(self) -> str:
        """The bundle's digest."""
        return str(self.body.get("bundle"))

    @property
    def approvers(self) -> object:
        """How many persons may approve."""
        return self.body.get("approvers")

    @property
    def policy(self) -> Digest | None:
        """The policy set the facts were made for; None where that cannot be read."""
        try:
            return Digest.parse(cast("Mapping[str, str]", self.body["policy"])["digest"])
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def digest(self) -> Digest:
        """The digest of their canonical JSON, which a decision records; of nothing, where JSON cannot carry them."""
        try:
            return Digest.of_json(self.body)
        except ValueError:
            return Digest.of(b"")


def gather_facts(question: Question, gathered: Gathered, people: Registry, *, now: datetime) -> Facts:
    """Returns the facts about what is asked; evidence that is wrong or absent has states, and raises nothing."""
    persons = people.persons()
    waivers, _ = read_waivers(gathered.statements, persons)
    live = [waiver for waiver in waivers if waiver.grant.covers(question.environment, now)]
    approvers = sum(Role.APPROVER in person.roles for person in persons.values())
    commits, builders = _sources(question, gathered)
    authors = _authors(commits, question, people)
    requester = question.requester if question.requester in persons else UNKNOWN
    involved = frozenset((*authors, *builders, requester))
    alone = {waiver.subject for waiver in live if waiver.is_self_approval and approvers == 1}
    body: dict[str, object] = {
        "environment": question.environment,
        "risk": question.risk,
        "bundle": str(question.bundle),
        "authors": authors,
        "requester": requester,
        "approvers": approvers,
        "evidenceSet": str(evidence_set(considered(question, gathered))[1]),
        "policy": {"digest": str(question.policy), "consented": consented(question, gathered, alone=alone)},
        "models": [_reference(item, gathered, T.MODEL_SIGNATURE) for item in _of_kind(question, "model")],
        "data": [
            _reference(item, gathered, T.DATA_REFERENCE) | {"licence": item.licence, "personal": item.personal}
            for item in _of_kind(question, "data")
        ],
        "images": [image_fact(image, gathered, waivers=live, now=now) for image in question.images],
        "tests": test_facts(question.bundle, gathered),
        "approvals": approvals(question, gathered, involved=involved, now=now),
        "previous": _previous(question, gathered, now),
    }
    return Facts(body, involved)


def _sources(question: Question, gathered: Gathered) -> tuple[list[str], list[str]]:
    """Returns the source commits of all images, and the persons who built them."""
    found = [provenance_fact(image.digest, gathered) for image in question.images]
    return [str(fact["commit"]) for fact, _ in found], [person for _, person in found if person]


def _authors(commits: Iterable[str], question: Question, people: Registry) -> list[str]:
    """Returns the persons behind the commits; a commit or an address that leads to nobody gives `unknown`."""
    persons: set[str] = set()
    for commit in commits:
        addresses = question.identities.get(commit, ())
        if not addresses:
            persons.add(UNKNOWN)
        for address in addresses:
            persons |= people.resolve(address) or {UNKNOWN}
    return sorted(persons)


def _of_kind(question: Question, kind: str) -> list[ReferenceAsked]:
    return [reference for reference in question.references if reference.kind == kind]


def _reference(item: ReferenceAsked, gathered: Gathered, predicate_type: T) -> dict[str, object]:
    state = State.UNKNOWN
    if item.digest:
        found = gathered.newest(item.digest, predicate_type)
        state = State.VERIFIED if found else gathered.why_absent(item.digest, predicate_type)
    return {"name": item.name, "digest": str(item.digest or ""), "state": str(state)}


def _previous(question: Question, gathered: Gathered, now: datetime) -> dict[str, object]:
    """Returns how long this bundle has been what the environment before runs; objectives are not known here yet."""
    unknown: dict[str, object] = {
        "environment": question.previous,
        "soakedSeconds": None,
        "sameBundle": None,
        "objectivesMet": None,
    }
    deployed = [
        (verified.statement.subject, said)
        for verified in gathered.of_type(T.DEPLOYMENT)
        if (said := Deployment.of(verified.statement)).environment == question.previous
    ]
    if not deployed:
        return unknown
    bundle, newest = deployed[-1]
    soaked = int((now - newest.at).total_seconds())
    return unknown | {"soakedSeconds": soaked, "sameBundle": bundle == question.bundle}

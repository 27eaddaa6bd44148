"""MAY IT, asked for real: evidence from the ledger and authors from git become facts, the gate decides, and what it
said is signed and recorded, whether it opened or not.

Authors are those of every commit since what the environment was last promoted, or of the commit alone the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from seaway import __version__
from seaway.app.extension import GateKeys
from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import EvidenceMissing, PolicyDenied, SourceMissing, ToolMissing
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Decision as Verdict
from seaway.evidence.progress import Deployment, Promotion, Refusal, Release
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.image.source import identities
from seaway.policy.considered import considered
from seaway.policy.decision import Asked, Decision, summary
from seaway.policy.facts import Facts, gather_facts
from seaway.policy.gate import decide
from seaway.policy.gathered import Gathered, ImageAsked, Question, ReferenceAsked
from seaway.policy.gathering import gate_time, gather
from seaway.policy.images import provenance_fact
from seaway.policy.rules import PolicySet, load_policy
from seaway.policy.waivers import Refused, Waiver, read_waivers
from seaway.stages.acting import Person, actor, now
from seaway.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Case:
    """Everything one decision is made from; `refused` are exceptions that are not in order, and why."""

    policy: PolicySet
    question: Question
    gathered: Gathered
    facts: Facts
    at: datetime
    waivers: tuple[Waiver, ...]
    refused: tuple[Refused, ...]


def gates_of(space: Workspace, environment: str) -> GateKeys | None:
    """Returns the gates of an environment, None where it has none."""
    return space.base.extension.environments[environment].gates


def policy_of(space: Workspace, gates: GateKeys) -> PolicySet:
    """Loads the default pack with an environment's parameters, and the project's own rules."""
    titles = dict(gates.approvals) if not isinstance(gates.approvals, int) else {}
    people = gates.approvals if isinstance(gates.approvals, int) else 0
    files = [path for pattern in gates.rules for path in sorted(space.directory.glob(pattern))]
    more = [(path.relative_to(space.directory).as_posix(), _text(path)) for path in files]
    parameters: dict[str, dict[str, object]] = {
        "tests-passed": {"suites": list(gates.suites)},
        "approved-by-another": {"approvals": people, "titles": titles},
    }
    return load_policy(more=more, parameters=parameters)


def prepare(space: Workspace, notary: Notary, environment: str, bundle: Bundle, *, requester: str) -> Case:
    """Gathers the facts about a bundle for an environment, as they are now."""
    policy = policy_of(space, gates_of(space, environment) or GateKeys())
    question = Question(
        environment=environment,
        bundle=bundle.digest,
        policy=policy.digest,
        requester=requester,
        images=tuple(_images(space, bundle)),
        references=tuple(_references(space, bundle)),
        risk=space.base.extension.risk,
        previous=space.before(environment),
    )
    gathered = gather(notary, question)
    question = replace(question, identities=_identities(space, notary, bundle, environment))
    at = gate_time(now(), gathered)
    facts = gather_facts(question, gathered, notary.people, now=at)
    waivers, refused = read_waivers(gathered.statements, notary.people.persons())
    return Case(policy, question, gathered, facts, at, waivers, refused)


def promote(space: Workspace, notary: Notary, case: Case, bundle: Bundle, *, operator: Person) -> Decision:
    """Decides, signs and records; the bundle is granted where the gate opens, and else the refusal is on record."""
    decision = decide(case.policy, case.facts, now=case.at, waivers=case.waivers)
    entries = considered(case.question, case.gathered)
    verdict = summary(
        decision,
        Asked(notary.ledger.size, _registry_index(case.gathered), Digest.parse(str(case.facts.body["evidenceSet"]))),
        inputs=[one.envelope for one in case.gathered.statements if one.item in entries],
        resource=f"pkg:oci/{space.name}@{bundle.digest}",
        version=__version__,
    )
    if decision.passed:
        _grant(space, notary, bundle, verdict, operator)
    else:
        _refuse(notary, decision, verdict, operator)
    return decision


def _refuse(notary: Notary, decision: Decision, verdict: Verdict, operator: Person) -> None:
    """Records the refusal and the verdict beneath it."""
    bundle = Digest.parse(decision.bundle)
    refusal = Refusal(
        verb="promote",
        environment=decision.environment,
        rules=tuple(dict.fromkeys(denial.rule for denial in decision.denials)),
        person=operator.id,
        at=decision.now,
    )
    notary.append_all([(verdict.about(bundle), operator.signer), (refusal.about(bundle), operator.signer)])


def _grant(space: Workspace, notary: Notary, bundle: Bundle, verdict: Verdict, operator: Person) -> None:
    """Signs the decision and the release of each image as releaser, then the promotion as operator."""
    environment = str(verdict.seaway_decision["environment"])
    releaser = actor(space, notary, Role.RELEASER, environment=environment)
    decided = verdict.about(bundle.digest)
    deeds = [(decided, releaser.signer)]
    for image in sorted({image.digest for image in bundle.images.values()}):
        deeds.append((verdict.about(image), releaser.signer))
        deeds.append((Release().about(image), releaser.signer))
    promotion = Promotion(
        source=space.before(environment), target=environment, decision=decided.id, at=now(), person=operator.id
    )
    notary.append_all([*deeds, (promotion.about(bundle.digest), operator.signer)])


def granted(notary: Notary, environment: str) -> Digest | None:
    """Returns the bundle that was promoted to an environment last."""
    found = notary.verified(predicate_type=PredicateType.PROMOTION)
    mine = [one.statement.subject for one in found if Promotion.of(one.statement).target == environment]
    return mine[-1] if mine else None


def running(notary: Notary, environment: str) -> Digest | None:
    """Returns the bundle that the ledger last saw deployed in an environment."""
    found = notary.verified(predicate_type=PredicateType.DEPLOYMENT)
    mine = [one.statement.subject for one in found if Deployment.of(one.statement).environment == environment]
    return mine[-1] if mine else None


def require_granted(notary: Notary, environment: str, bundle: Bundle) -> None:
    """Raises PolicyDenied unless the bundle was granted to a gated environment."""
    found = notary.verified(subject=bundle.digest, predicate_type=PredicateType.PROMOTION)
    if not any(Promotion.of(one.statement).target == environment for one in found):
        raise PolicyDenied(
            f"{environment}: bundle {bundle.digest.short} has no grant",
            where=f"bundle {bundle.digest.short}",
            hint=f"seaway promote {environment}",
        )


def _images(space: Workspace, bundle: Bundle) -> Iterator[ImageAsked]:
    for service, image in sorted(bundle.images.items()):
        name = image.repository or f"{space.name}/{service}"
        yield ImageAsked(service, f"{name}@{image.digest}", image.digest)


def _references(space: Workspace, bundle: Bundle) -> Iterator[ReferenceAsked]:
    known = {keys.uri: keys for keys in space.base.extension.references.values()}
    for name, reference in sorted(bundle.references.items()):
        keys = known.get(reference.uri)
        if "." in name:  # what an image holds, by the root of its files
            licence, personal = (keys.licence or "", keys.personal) if keys else ("", None)
            yield ReferenceAsked(name, reference.kind, reference.digest, licence, personal)


def _identities(space: Workspace, notary: Notary, bundle: Bundle, environment: str) -> dict[str, tuple[str, ...]]:
    """Returns, by source commit of the images, the addresses of all who wrote what changed since the last grant."""
    every = Gathered(notary.verified())
    since = _last_commit(bundle, environment, every)
    commits = {commit for image in bundle.images.values() if (commit := _commit(image.digest, every))}
    try:
        return {commit: identities(space.directory, commit, since=since) for commit in sorted(commits)}
    except (SourceMissing, ToolMissing):
        return {}


def _last_commit(bundle: Bundle, environment: str, gathered: Gathered) -> str:
    ours = {image.digest for image in bundle.images.values()}
    for verified in reversed(list(gathered.of_type(PredicateType.DECISION))):
        predicate = verified.statement.predicate
        about = predicate.get("seaway_decision")
        passed = predicate.get("verificationResult") == "PASSED"
        if passed and isinstance(about, dict) and about.get("environment") == environment:
            commit = _commit(verified.statement.subject, gathered)
            if commit and verified.statement.subject not in ours:
                return commit
    return ""


def _commit(image: Digest, gathered: Gathered) -> str:
    fact, _ = provenance_fact(image, gathered)
    return str(fact["commit"])


def _registry_index(gathered: Gathered) -> int:
    kinds = {PredicateType.KEY_ENROLMENT, PredicateType.KEY_ROTATION, PredicateType.KEY_REVOCATION}
    return max((one.index for one in gathered.statements if one.statement.predicate_type in kinds), default=0)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"a rule cannot be read: {error}", where=path) from error


def missing(environment: str) -> EvidenceMissing:
    """Returns the error for a gated environment to which nothing was promoted."""
    return EvidenceMissing(f"nothing was promoted to {environment} yet", hint=f"seaway promote {environment}")

"""From a statement to what it changes: a dict from predicate type to function. Pure.

Fields are those of each predicate as it is signed (`evidence`). A type without a function changes nothing. A function
that does not find what it needs raises FoldInvalid: the store counts the leaf and goes on. Nothing here reads a
clock, a file or the store, so `fold(a + b) = fold(fold(a), b)` is the store's order of leaves and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seaway.graph.change import Change, Leaf, PutAlias, PutEdge, PutNode, Supersede
from seaway.graph.identity import (
    commit_key,
    digest_key,
    environment_key,
    person_key,
    place_key,
    release_key,
    seconds,
    service_key,
)
from seaway.graph.kinds import Edge, Node

VERSION = 1
"""Of the fold: a store made by another one is rebuilt."""

_MATERIALS = {"model": Node.MODEL, "data": Node.DATA, "prompt": Node.PROMPT}


class FoldInvalid(ValueError):
    """A statement lacks what its type promises."""


def fold(leaf: Leaf) -> tuple[Change, ...]:
    """Returns what a leaf changes, in order; raises FoldInvalid."""
    function = FOLDS.get(leaf.predicate_type)
    if function is None:
        return ()
    try:
        return tuple(function(leaf))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FoldInvalid(f"leaf {leaf.index}: {type(error).__name__} {error}") from error


def _deed(leaf: Leaf, kind: Node, **properties: Any) -> Iterator[Change]:
    """The statement itself as a node, its envelope as another name, and who did it."""
    yield PutNode(
        kind, leaf.id, properties={key: value for key, value in properties.items() if value not in (None, "")}
    )
    if leaf.envelope:
        yield PutAlias(leaf.envelope, leaf.id)
    if leaf.person:
        yield PutNode(Node.PERSON, person_key(leaf.person))
        yield PutEdge(leaf.id, Edge.BY, person_key(leaf.person))


def _provenance(leaf: Leaf) -> Iterator[Change]:
    build, run = leaf.predicate["buildDefinition"], leaf.predicate["runDetails"]
    service = build["externalParameters"].get("service", "")
    yield PutNode(Node.IMAGE, leaf.subject, properties={"builder": run["builder"]["id"], "service": service})
    for resource in build.get("resolvedDependencies", ()):
        yield from _dependency(leaf.subject, resource)


def _dependency(image: str, resource: Mapping[str, Any]) -> Iterator[Change]:
    digest, label = resource.get("digest", {}), str(resource.get("name", ""))
    kind, _, name = label.partition("/")
    if "gitCommit" in digest:
        yield PutNode(Node.COMMIT, commit_key(digest["gitCommit"]), properties={"uri": resource.get("uri", "")})
        yield PutEdge(image, Edge.BUILT, commit_key(digest["gitCommit"]))
    elif kind in _MATERIALS and name:
        key = digest_key(digest["sha256"])
        licence = (resource.get("annotations") or {}).get("licence")
        known = {"uri": resource.get("uri", ""), **({"licence": licence} if licence else {})}
        yield PutNode(_MATERIALS[kind], key, properties=known)
        yield PutEdge(image, Edge.HOLDS, key, properties={"as": name})
    elif not label.endswith(".whl"):
        key = digest_key(digest["sha256"])
        yield PutNode(Node.BASE, key, properties={"name": label})
        yield PutEdge(image, Edge.BASED, key)


def _suite(leaf: Leaf) -> Iterator[Change]:
    suite = leaf.predicate["seaway_suite"]
    yield from _deed(
        leaf,
        Node.EVALUATION,
        name=suite.get("name"),
        result=leaf.predicate["result"],
        environment=suite.get("environment"),
        counts=suite.get("counts"),
        metrics=suite.get("metrics"),
        at=suite.get("finishedAt"),
    )
    yield PutEdge(leaf.id, Edge.EVALUATED, leaf.subject)


def _scan(leaf: Leaf) -> Iterator[Change]:
    scanner = leaf.predicate["scanner"]
    found = scanner.get("result", [])
    yield from _deed(
        leaf,
        Node.SCAN,
        scanner=scanner["uri"],
        database=scanner["db"].get("lastUpdate"),
        found=len(found),
        state=(leaf.predicate.get("seaway_scan") or {}).get("state"),
        at=leaf.predicate["metadata"]["scanFinishedOn"],
    )
    yield PutEdge(leaf.id, Edge.SCANNED, leaf.subject)


def _bill(leaf: Leaf) -> Iterator[Change]:
    yield from _deed(leaf, Node.SBOM, components=len(leaf.predicate.get("components", ())))
    yield PutEdge(leaf.id, Edge.DESCRIBED, leaf.subject)


def _model(leaf: Leaf) -> Iterator[Change]:
    files = [one["name"] for one in leaf.predicate["resources"]]
    yield PutNode(Node.MODEL, leaf.subject, properties={"files": files, "signedBy": leaf.person})


def _data(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    known = ("id", "uri", "snapshotAt", "licence", "personal", "residency")
    yield PutNode(Node.DATA, leaf.subject, properties={key: said[key] for key in known if key in said})


def _approval(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    yield from _deed(
        leaf,
        Node.APPROVAL,
        decision=said["decision"],
        environment=said["environment"],
        person=said["person"],
        title=said.get("title"),
        at=said["at"],
        expires=said["expires"],
        reason=said.get("reason"),
        evidenceSet=said["evidenceSet"],
        release=said.get("release"),
    )
    yield PutNode(Node.DIGEST, leaf.subject)
    yield PutEdge(leaf.id, Edge.APPROVED, leaf.subject)


def _exception(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    known = ("rule", "environment", "reason", "ticket", "requestedBy", "approver", "notBefore", "notAfter", "scope")
    yield from _deed(leaf, Node.EXCEPTION, **{key: said[key] for key in known if key in said})
    yield PutEdge(leaf.id, Edge.WAIVED, leaf.subject)


def _decision(leaf: Leaf) -> Iterator[Change]:
    said, ours = leaf.predicate, leaf.predicate["seaway_decision"]
    policy = digest_key(said["policy"]["digest"]["sha256"])
    yield from _deed(
        leaf,
        Node.DECISION,
        environment=ours["environment"],
        result=said["verificationResult"],
        at=said["timeVerified"],
        resource=said.get("resourceUri"),
        rules=ours.get("rules"),
        waivers=ours.get("waivers"),
    )
    yield PutEdge(leaf.id, Edge.DECIDED, leaf.subject)
    yield PutNode(Node.POLICY, policy)
    yield PutEdge(leaf.id, Edge.UNDER, policy)
    for item in said["inputAttestations"]:
        yield PutEdge(leaf.id, Edge.COUNTED, digest_key(item["digest"]["sha256"]))


def _policy(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    yield PutNode(
        Node.POLICY, leaf.subject, properties={"at": said["at"], "person": said["person"], "rules": said["rules"]}
    )


def _promotion(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    known = {key: said[key] for key in ("from", "to", "decision", "at", "person")}
    yield from _deed(leaf, Node.PROMOTION, **known)
    yield PutNode(Node.BUNDLE, leaf.subject)
    yield PutEdge(leaf.id, Edge.PROMOTED, leaf.subject)


def _refusal(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    yield from _deed(leaf, Node.REFUSAL, **{key: said[key] for key in ("verb", "environment", "rules", "person", "at")})
    yield PutEdge(leaf.id, Edge.REFUSED, leaf.subject)


def _deployment(leaf: Leaf) -> Iterator[Change]:
    said, since = leaf.predicate, seconds(leaf.predicate["at"])
    environment, place = environment_key(said["environment"]), place_key(said["place"])
    release = release_key(said["environment"], said["release"])
    known = {key: said[key] for key in ("environment", "place", "region", "at", "person", "release") if said.get(key)}
    yield from _deed(leaf, Node.DEPLOYMENT, manifest=said["manifestDigest"], **known)
    yield PutNode(Node.ENVIRONMENT, environment)
    yield PutNode(Node.PLACE, place)
    yield PutNode(Node.BUNDLE, leaf.subject)
    yield PutNode(Node.RELEASE, release, properties={"environment": said["environment"], "id": said["release"]})
    yield PutAlias(digest_key(said["manifestDigest"]), leaf.id)
    yield PutEdge(leaf.id, Edge.PART, release)
    yield PutEdge(leaf.id, Edge.RUNS, leaf.subject, since)
    yield PutEdge(leaf.id, Edge.INSIDE, environment, since)
    yield PutEdge(leaf.id, Edge.PLACED, place, since)
    for name, service in sorted(said["services"].items()):
        yield from _service(leaf.id, since, name, service)
    yield Supersede(leaf.id, environment, place, since)


def _service(deployment: str, since: int, name: str, said: Mapping[str, Any]) -> Iterator[Change]:
    if not said["version"]:
        return
    image, known = said["image"], {key: said[key] for key in ("version", "arm", "replicas", "weight")}
    yield PutNode(Node.SERVICE, service_key(name))
    yield PutEdge(deployment, Edge.SERVES, service_key(name), since, properties={**known, "image": image})
    yield PutAlias(said["version"], deployment)
    if image:
        yield PutNode(Node.IMAGE, digest_key(image))
        yield PutEdge(deployment, Edge.RUNS, digest_key(image), since, properties={"service": name})


def _release_node(leaf: Leaf, environment: str, release: str, **properties: Any) -> Iterator[Change]:
    said = {"environment": environment, "id": release, **properties}
    yield PutNode(Node.RELEASE, release_key(environment, release), properties=said)
    yield PutNode(Node.BUNDLE, leaf.subject)


def _event(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    known: dict[str, Any] = {"state": said["to"], "lastEventAt": said["at"], "events": said["sequence"]}
    if said.get("verdict"):
        known["verdict"] = said["verdict"]
    yield from _release_node(leaf, said["environment"], said["release"], **known)


def _rollback(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    known = {
        "outcome": "rolled-back",
        "why": said["why"],
        "rolledBackAt": said["at"],
        "from": said["from"],
        "to": said["to"],
    }
    if said.get("verdict"):
        known["verdict"] = said["verdict"]
    yield from _release_node(leaf, said["environment"], said["release"], **known)


def _metrics(leaf: Leaf) -> Iterator[Change]:
    said = leaf.predicate
    if said["scope"] != "release":
        return
    known = ("begunAt", "liveAt", "endedAt", "outcome", "weightMax", "requestsExposed")
    yield from _release_node(
        leaf, said["environment"], said["release"], **{key: said[key] for key in known if key in said}
    )


FOLDS: Mapping[str, Callable[[Leaf], Iterator[Change]]] = {
    "https://slsa.dev/provenance/v1": _provenance,
    "https://in-toto.io/attestation/test-result/v0.1": _suite,
    "https://in-toto.io/attestation/vulns/v0.2": _scan,
    "https://cyclonedx.org/bom": _bill,
    "https://model_signing/signature/v1.0": _model,
    "https://slsa.dev/verification_summary/v1": _decision,
    "https://seaway.dev/data-reference/v0.1": _data,
    "https://seaway.dev/approval/v0.1": _approval,
    "https://seaway.dev/exception/v0.1": _exception,
    "https://seaway.dev/policy-version/v0.1": _policy,
    "https://seaway.dev/promotion/v0.1": _promotion,
    "https://seaway.dev/refusal/v0.1": _refusal,
    "https://seaway.dev/deployment/v0.1": _deployment,
    "https://seaway.dev/release-event/v0.1": _event,
    "https://seaway.dev/rollback/v0.1": _rollback,
    "https://seaway.dev/metric-summary/v0.1": _metrics,
}

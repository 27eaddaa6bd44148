"""Facts: every field there, each from the newest verified word, and not known where nothing says it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.evidence.statement import PredicateType as T
from seaway.policy.decision import Asked, summary
from seaway.policy.facts import Facts
from seaway.policy.gathered import Absent, ReferenceAsked
from seaway.policy.rules import load_policy
from seaway.policy.shape import State, faults
from tests.policy.world import BUNDLE, COMMIT, IMAGE, NOW, REF, SBOM, World, moment, open_world, scan

pytestmark = pytest.mark.rootless
THING = Digest.of(b"thing")


def image(world: World) -> dict[str, Any]:
    """Returns the facts about the one image."""
    found: Any = world.facts.body["images"]
    return dict(found[0])


def test_the_facts_of_the_open_world() -> None:
    """The whole document, field by field."""
    assert world_facts() == {
        "environment": "prod",
        "risk": "normal",
        "bundle": str(BUNDLE),
        "authors": ["alice"],
        "requester": "alice",
        "approvers": 2,
        "policy": {"digest": str(open_world().policy.digest), "consented": True},
        "models": [],
        "data": [],
        "images": [
            {
                "service": "api",
                "ref": REF,
                "digest": str(IMAGE),
                "provenance": {"state": "verified", "builder": "seaway:person/alice", "commit": COMMIT},
                "sbom": {"state": "verified", "components": 1},
                "tests": [{"suite": "e2e", "kind": "test", "state": "passed"}],
                "scan": {"state": "scanned", "dbAgeSeconds": 3600, "skipped": 0, "findings": []},
            }
        ],
        "tests": [{"suite": "e2e", "kind": "test", "state": "passed"}],
        "approvals": [{"person": "bob", "title": "", "state": "verified", "sameEvidence": True, "newest": True}],
        "previous": {"environment": "staging", "soakedSeconds": None, "sameBundle": None, "objectivesMet": None},
    }


def world_facts() -> dict[str, object]:
    body = dict(open_world().facts.body)
    assert Digest.parse(str(body.pop("evidenceSet")))
    return body


def test_nothing_said_is_every_state_for_nothing() -> None:
    """With no statement at all the document is whole, and no state in it is good."""
    world = open_world()
    world.entries = []
    body = world.facts.body
    assert not list(faults(body))
    assert image(world)["provenance"] == {"state": "missing", "builder": "", "commit": ""}
    assert image(world)["sbom"] == {"state": "missing", "components": None}
    assert image(world)["scan"] == {"state": "not-scanned", "dbAgeSeconds": None, "skipped": None, "findings": []}
    assert (body["authors"], body["approvals"], body["tests"]) == (["unknown"], [], [])


def test_the_newest_word_counts() -> None:
    """A later scan replaces an earlier one, for worse."""
    world = open_world()
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **scan(state="partial"))
    assert image(world)["scan"]["state"] == "partial"


@pytest.mark.parametrize("seconds", [0.0, 0.4])
def test_ages_are_rounded_up(seconds: float) -> None:
    """A fraction over the limit is over it."""
    world = open_world()
    world.now = NOW + timedelta(seconds=seconds)
    assert image(world)["scan"]["dbAgeSeconds"] == 3600 + (seconds > 0)


def finding(**more: object) -> dict[str, object]:
    own = {"purl": "pkg:pypi/thing@1", "says": "a fault"}
    return {"id": "TEST-2026-0001", "severity": [], "annotations": [{"seaway": own}]} | more


def found(world: World, *results: dict[str, object]) -> list[dict[str, Any]]:
    body = scan()
    body["scanner"] = {"uri": "https://seaway.dev/scan", "db": {"lastUpdate": moment(hours=1)}, "result": list(results)}
    world.says("tess", "scanner", about=IMAGE, kind=T.VULNERABILITIES, **body)
    assert not list(faults(world.facts.body))
    return list(image(world)["scan"]["findings"])


@pytest.mark.parametrize(
    ("severity", "score"),
    [
        ([], None),
        (["9.8"], 9.8),
        (["4.0", "7.5"], 7.5),
        (["0"], 0.0),
        (["10"], 10.0),
        (["10.1"], None),
        (["-1"], None),
        (["CVSS:3.1/AV:N"], None),
        (["nan"], None),
    ],
)
def test_a_score_is_a_number_or_not_known(severity: list[str], score: float | None) -> None:
    """The highest rating; what is no base score is unknown, not zero."""
    ratings = [{"method": "CVSS", "score": text} for text in severity]
    assert found(open_world(), finding(severity=ratings))[0]["score"] == score


def test_a_finding_without_a_package_has_none() -> None:
    """A foreign annotation is left alone."""
    world = open_world()
    assert found(world, finding(annotations=[]))[0]["package"] == ""
    assert found(world, finding(annotations=[{"seaway": 1}]))[0]["package"] == ""
    assert found(world, finding(annotations=[{"seaway": {"purl": 1}}]))[0]["package"] == ""


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"scope": {"purl": "pkg:pypi/thing@2", "vulnerability": "TEST-2026-0001"}}, False),
        ({"scope": {"purl": "pkg:pypi/thing@1", "vulnerability": "TEST-2026-0002"}}, False),
        ({"environment": "staging"}, False),
        ({"notBefore": moment(days=2), "notAfter": moment()}, False),
        ({"ticket": ""}, False),
    ],
)
def test_a_finding_names_the_exception_that_accepts_it(changes: dict[str, object], accepted: bool) -> None:
    """Package and vulnerability both, here, now, and in order."""
    world = open_world()
    scope = {"scope": {"purl": "pkg:pypi/thing@1", "vulnerability": "TEST-2026-0001"}}
    entry = world.excepts("below-severity", "bob", IMAGE, **(scope | changes))
    assert found(world, finding())[0]["waivedBy"] == (entry.statement.id.hex if accepted else "")


def test_an_exception_about_another_image_accepts_nothing_here() -> None:
    """The subject of the exception is the image it is for."""
    world = open_world()
    scope = {"purl": "pkg:pypi/thing@1", "vulnerability": "TEST-2026-0001"}
    world.excepts("below-severity", "bob", THING, scope=scope)
    assert found(world, finding())[0]["waivedBy"] == ""


SBOMS: list[tuple[dict[str, object], str, int | None]] = [
    ({"components": []}, "empty", 0),
    ({"components": {}}, "unreadable", None),
    ({}, "unreadable", None),
    ({"components": [1], "compositions": [{"aggregate": "complete"}]}, "verified", 1),
    ({"components": [1], "compositions": [{"aggregate": "incomplete"}]}, "partial", 1),
    ({"components": [1], "compositions": [{"aggregate": "complete"}, {"aggregate": "unknown"}]}, "partial", 1),
    ({"components": [1], "compositions": [1]}, "partial", 1),
    ({"components": [1], "compositions": {}}, "partial", 1),
]


@pytest.mark.parametrize(("document", "state", "components"), SBOMS)
def test_an_sbom_is_whole_or_says_so(document: dict[str, object], state: str, components: int | None) -> None:
    """Empty, partial and unreadable are states of their own."""
    world = open_world()
    world.says("alice", "builder", about=IMAGE, kind=T.CYCLONEDX, bomFormat="CycloneDX", **document)
    assert image(world)["sbom"] == {"state": state, "components": components}


def test_an_spdx_document_counts_its_packages() -> None:
    """SPDX is accepted as well."""
    world = open_world()
    world.says("alice", "builder", about=IMAGE, kind=T.SPDX, spdxVersion="SPDX-2.3", packages=[1, 2])
    assert image(world)["sbom"] == {"state": "verified", "components": 2}


REFERENCES: list[tuple[list[dict[str, object]], dict[Digest, bytes], str]] = [
    ([{"digest": {"sha256": THING.hex}}], {THING: json.dumps(SBOM).encode()}, "verified"),
    ([{"digest": {"sha256": THING.hex}}], {}, "unavailable"),
    ([{"digest": {"sha256": THING.hex}}], {THING: b"{"}, "unreadable"),
    ([], {}, "unavailable"),
    ([{"digest": {"sha256": THING.hex}}] * 2, {THING: json.dumps(SBOM).encode()}, "unavailable"),
]


@pytest.mark.parametrize(("references", "documents", "state"), REFERENCES)
def test_a_referred_sbom_is_read_or_not_there(
    references: list[dict[str, object]], documents: dict[Digest, bytes], state: str
) -> None:
    """One document by SHA-256, whose bytes are here."""
    world = open_world()
    world.documents = documents
    about = {"attester": {"id": "alice"}, "references": references}
    world.says("alice", "builder", about=IMAGE, kind=T.REFERENCE, **about)
    assert image(world)["sbom"]["state"] == state


def test_suites_without_a_name_are_no_suites() -> None:
    """A result that does not say of which suite counts for none."""
    world = open_world()
    world.says("tess", "tester", about=BUNDLE, kind=T.TEST_RESULT, result="PASSED", configuration=[], seaway_suite={})
    assert world.facts.body["tests"] == [{"suite": "e2e", "kind": "test", "state": "passed"}]


def test_models_and_data_have_states() -> None:
    """Signed, not signed, lost, and without a digest; data with its licence and personal flag."""
    world = open_world()
    lost = Digest.of(b"lost")
    world.asks(
        references=(
            ReferenceAsked("encoder", "model", THING),
            ReferenceAsked("other", "model", Digest.of(b"other")),
            ReferenceAsked("lost", "model", lost),
            ReferenceAsked("floating", "model"),
            ReferenceAsked("faq", "data", Digest.of(b"faq"), "CC-BY-4.0", False),
            ReferenceAsked("prompt", "prompt"),
        )
    )
    world.absent.append(Absent(lost, T.MODEL_SIGNATURE, 50, State.ERASED))
    files = [{"name": "a", "algorithm": "sha256", "digest": "0" * 64}]
    root = Digest.of(bytes(32))
    world.asks(references=(ReferenceAsked("encoder", "model", root), *world.question.references[1:]))
    world.says("alice", "builder", about=root, kind=T.MODEL_SIGNATURE, resources=files, serialization={})
    body: Any = world.facts.body
    assert [model["state"] for model in body["models"]] == ["verified", "missing", "erased", "unknown"]
    assert body["models"][3]["digest"] == ""
    assert body["data"] == [
        {"name": "faq", "digest": str(Digest.of(b"faq")), "state": "missing", "licence": "CC-BY-4.0", "personal": False}
    ]
    assert not list(faults(body))


def deployment(environment: str = "staging", **ago: float) -> dict[str, object]:
    return {
        "environment": environment,
        "place": "host",
        "manifestDigest": str(THING),
        "release": "r-1",
        "at": moment(**ago),
        "person": "alice",
        "services": {},
    }


def test_the_soak_is_that_of_the_newest_deployment_before() -> None:
    """How long the environment before has run what, if it is this bundle."""
    world = open_world()
    world.says("alice", "operator", about=BUNDLE, kind=T.DEPLOYMENT, **deployment(hours=5))
    world.says("alice", "operator", about=THING, kind=T.DEPLOYMENT, **deployment("dev", hours=1))
    expected = {"environment": "staging", "soakedSeconds": 18_000, "sameBundle": True, "objectivesMet": None}
    assert world.facts.body["previous"] == expected
    world.says("alice", "operator", about=THING, kind=T.DEPLOYMENT, **deployment(hours=1))
    assert world.facts.body["previous"] == expected | {"soakedSeconds": 3600, "sameBundle": False}
    world.asks(previous="")
    assert world.facts.body["previous"] == {
        "environment": "",
        "soakedSeconds": None,
        "sameBundle": None,
        "objectivesMet": None,
    }


@pytest.mark.parametrize("body", [{}, {"policy": 1}, {"policy": {}}, {"policy": {"digest": "x"}}])
def test_facts_that_are_none_have_no_policy(body: dict[str, object]) -> None:
    """A broken document names no policy set, and raises nothing."""
    assert Facts(body).policy is None


def test_the_summary_says_what_was_decided() -> None:
    """A verification summary passes its own shape, for a pass and a failure."""
    world = open_world()
    asked = Asked(12, 3, THING)
    said = summary(world.decide(), asked, inputs=[THING, IMAGE, THING], resource="pkg:oci/shop", version="0.1")
    predicate: Any = said.about(BUNDLE).predicate
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["SLSA_BUILD_LEVEL_1"]
    assert len(predicate["inputAttestations"]) == 2
    assert predicate["policy"]["digest"] == {"sha256": world.policy.digest.hex}
    own = predicate["seaway_decision"]
    assert own["environment"] == "prod"
    assert own["facts"] == world.facts.digest.hex
    assert own["asked"] == {"size": 12, "registry": 3, "evidenceSet": THING.hex}
    assert own["consent"] == {"approvals": 1, "titles": {}}
    assert {rule["rule"]: rule["verdict"] for rule in own["rules"]}["scan-fresh"] == "pass"
    world.drop(T.VULNERABILITIES)
    failed: Any = (
        summary(world.decide(), asked, inputs=[], resource="pkg:oci/shop", version="0.1").about(BUNDLE).predicate
    )
    assert (failed["verificationResult"], failed["verifiedLevels"]) == ("FAILED", ["FAILED"])
    (denial,) = next(rule["denials"] for rule in failed["seaway_decision"]["rules"] if rule["rule"] == "scan-fresh")
    assert denial["subject"] == str(IMAGE)
    assert denial["fact"] == "images.scan.state"


def test_a_waived_origin_proves_no_level() -> None:
    """Where provenance was let through by exception, the summary does not claim that it was verified."""
    world = open_world(approved=False)
    nobody: dict[str, dict[str, object]] = {
        "tests-passed": {"suites": ["e2e"]},
        "approved-by-another": {"approvals": 0},
    }
    world.policy = load_policy(parameters=nobody)
    world.drop(T.PROVENANCE)
    world.excepts("signed-provenance")
    decision = world.decide()
    assert decision.passed
    said = summary(decision, Asked(1, 0, THING), inputs=[], resource="pkg:oci/shop", version="0.1")
    assert said.verified_levels == ("SLSA_BUILD_LEVEL_0",)


def test_a_list_without_end_is_no_fact() -> None:
    """Rules loop over lists: ten thousand elements and no more."""
    body = open_world().facts.body
    good = {"name": "m", "digest": "", "state": "verified"}
    assert not list(faults({**body, "models": [good] * 10_000}))
    assert list(faults({**body, "models": [good] * 10_001})) == ["models has more than 10000 elements"]
    assert list(faults([])) == ["facts is no object"]

"""The gate: every rule at its boundaries, and what can never pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from seaway.errors import NotYet, PolicyDenied, Undecided
from seaway.policy.decision import Decision, Verdict
from seaway.policy.facts import Facts
from seaway.policy.gate import decide
from seaway.policy.rules import load_policy
from tests.policy.world import BUNDLE, IMAGE, NOW, default_policy, open_world

pytestmark = pytest.mark.rootless
CASES = (Path(__file__).parent / "data" / "verdicts.txt").read_text("utf-8").split("\n", 1)[1].strip().split("\n\n")
RULES = ("policy-consented", "approved-by-another", "image-by-digest", "sbom-present", "scan-fresh")
ALL = frozenset({*RULES, "signed-provenance", "tests-passed"})


def changed(path: str, value: object) -> Facts:
    """Returns the facts of the open world with one of them changed."""
    facts = open_world().facts
    body: Any = deepcopy(dict(facts.body))
    *way, last = path.split(".")
    place = body
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    return Facts(body, facts.involved)


def decided(facts: Facts, **parameters: Mapping[str, object]) -> Decision:
    """Decides with the parameters of the open world, or others."""
    given = {"tests-passed": {"suites": ["e2e"]}} | {name.replace("_", "-"): v for name, v in parameters.items()}
    policy = load_policy(parameters=given) if parameters else default_policy()
    if parameters:
        facts = Facts({**facts.body, "policy": {"digest": str(policy.digest), "consented": True}}, facts.involved)
    return decide(policy, facts, now=NOW)


def open_rules(decision: Decision) -> dict[str, str]:
    """Returns the rules that did not pass."""
    return {ruling.rule: str(ruling.verdict) for ruling in decision.rulings if ruling.verdict is not Verdict.PASS}


def test_all_open_passes() -> None:
    """Where everything is as it should be, every rule passes and the decision is returned."""
    decision = decided(open_world().facts)
    assert {ruling.rule for ruling in decision.rulings} == ALL
    assert open_rules(decision) == {}
    assert decision.or_raise() is decision


@pytest.mark.parametrize("case", CASES, ids=[case.split("\n", 1)[0][:60] for case in CASES])
def test_a_changed_fact_changes_its_rules_alone(case: str) -> None:
    """Each fact decides the rules that read it, at its boundary, and no others."""
    head, expected = case.split("\n----------")
    path, value = head.split(" = ", 1)
    decision = decided(changed(path, json.loads(value)))
    assert open_rules(decision) == dict(line.split() for line in expected.strip().splitlines())
    assert decision.passed == (not expected.strip())


@pytest.mark.parametrize(
    ("environment", "age", "verdict"),
    [("staging", 259200, {}), ("staging", 259201, {"scan-fresh": "deny"}), ("dev", 86401, {"scan-fresh": "deny"})],
)
def test_staging_may_have_older_advisories(environment: str, age: int, verdict: dict[str, str]) -> None:
    """72 hours in staging, 24 everywhere else, to the second."""
    facts = changed("images.0.scan.dbAgeSeconds", age)
    assert open_rules(decided(Facts({**facts.body, "environment": environment}, facts.involved))) == verdict


def test_each_image_is_judged_alone() -> None:
    """A denial names the digest of the image it is about, though the others are good."""
    facts = open_world().facts
    images = deepcopy(facts.body["images"])
    assert isinstance(images, list)
    images.append(deepcopy(images[0]) | {"digest": "sha256:" + "0" * 64, "ref": "db@sha256:" + "0" * 64})
    images[1]["sbom"]["state"] = "missing"
    decision = decided(Facts({**facts.body, "images": images}, facts.involved))
    assert [(d.rule, d.subject) for d in decision.denials] == [("sbom-present", "sha256:" + "0" * 64)]


APPROVALS: list[tuple[dict[str, object], list[tuple[str, str]], bool]] = [
    ({"approvals": 1}, [("bob", "")], True),
    ({"approvals": 2}, [("bob", "")], False),
    ({"approvals": 2}, [("bob", ""), ("carol", "")], True),
    ({"approvals": 2}, [("bob", "release-manager"), ("bob", "risk-owner")], False),
    ({"approvals": 2}, [("bob", "release-manager"), ("bob", "risk-owner"), ("carol", "")], True),
    ({"approvals": 3}, [("bob", ""), ("carol", "")], False),
    ({"approvals": 0}, [], True),
    ({"approvals": 0, "titles": {"risk-owner": 1}}, [("bob", "release-manager")], False),
    ({"approvals": 0, "titles": {"risk-owner": 1}}, [("bob", "risk-owner")], True),
    ({"approvals": 0, "titles": {"risk-owner": 2}}, [("bob", "risk-owner")], False),
    ({"approvals": 1, "titles": {"risk-owner": 1, "release-manager": 1}}, [("bob", "risk-owner")], False),
    ({"titles": {"risk-owner": 1, "release-manager": 1}}, [("bob", "risk-owner"), ("carol", "release-manager")], True),
]


@pytest.mark.parametrize(("asked", "given", "passes"), APPROVALS)
def test_persons_and_titles_are_counted(asked: dict[str, object], given: list[tuple[str, str]], passes: bool) -> None:
    """Persons count once however many titles they have; a title counts the persons who hold it."""
    good = {"state": "verified", "sameEvidence": True, "newest": True}
    facts = changed("approvals", [{"person": person, "title": title, **good} for person, title in given])
    assert decided(facts, approved_by_another=asked).passed is passes


@pytest.mark.parametrize(("asked", "passes"), [([], True), (["seaway:person/alice"], True), (["ci"], False)])
def test_only_allowed_builders_count(asked: list[str], passes: bool) -> None:
    """Where builders are named, any other is a denial."""
    assert decided(open_world().facts, signed_provenance={"builders": asked}).passed is passes


@pytest.mark.parametrize(("asked", "passes"), [([], True), (["e2e"], True), (["e2e", "eval"], False)])
def test_every_required_suite_must_pass(asked: list[str], passes: bool) -> None:
    """One missing suite among several denies."""
    assert decided(open_world().facts, tests_passed={"suites": asked}).passed is passes


def test_a_refusal_names_rule_digest_fact_and_remedy() -> None:
    """The error says what is against it and which command helps."""
    with pytest.raises(PolicyDenied) as caught:
        decided(changed("images.0.scan.state", "not-scanned")).or_raise()
    assert caught.value.says == (f"prod: scan-fresh: scan of api is not-scanned [images.scan.state, {str(IMAGE)[:19]}]")
    assert caught.value.where == f"bundle {BUNDLE.short}"
    assert caught.value.hint is not None
    assert "seaway except prod scan-fresh" in caught.value.hint
    assert "{" not in caught.value.hint


def test_all_reasons_are_said_at_once() -> None:
    """A person sees every rule that is against it, not the first."""
    facts = changed("images.0.scan.state", "empty")
    with pytest.raises(PolicyDenied, match=r"approved-by-another.*scan-fresh"):
        decided(Facts({**facts.body, "approvals": []}, facts.involved)).or_raise()


def test_hints_name_the_environment_before() -> None:
    """Suites run where the bundle is, which is the environment before; without one, this one."""
    (denial,) = decided(changed("tests", [])).denials
    assert denial.hint == "seaway test staging"
    alone = changed("tests", [])
    previous = {"environment": "", "soakedSeconds": None, "sameBundle": None, "objectivesMet": None}
    (denial,) = decided(Facts({**alone.body, "previous": previous}, alone.involved)).denials
    assert denial.hint == "seaway test prod"


def test_what_cannot_be_decided_has_an_error_of_its_own() -> None:
    """Undecided alone is exit 42; beside a denial it is a denial."""
    with pytest.raises(Undecided, match="undecided"):
        decided(changed("images.0.sbom.components", None)).or_raise()
    facts = changed("images.0.sbom.components", None)
    with pytest.raises(PolicyDenied):
        decided(Facts({**facts.body, "tests": []}, facts.involved)).or_raise()


FAULTS: list[dict[str, object]] = [
    {"risk": "low"},
    {"risk": None},
    {"extra": 1},
    {"images": {}},
    {"images": [1]},
    {"approvers": True},
    {"approvers": 2**53 + 1},
    {"approvers": object()},
    {"authors": ["\ud800"]},
    {"authors": [3]},
]


@pytest.mark.parametrize("fault", FAULTS)
def test_facts_of_another_shape_decide_nothing(fault: dict[str, object]) -> None:
    """Every rule is undecided, the built-in one too, and the first fault is named."""
    decision = decided(Facts({**open_world().facts.body, **fault}))
    assert {ruling.verdict for ruling in decision.rulings} == {Verdict.UNDECIDED}
    assert {ruling.rule for ruling in decision.rulings} == ALL
    assert next(iter(fault)) in decision.denials[0].says
    assert {denial.fact for denial in decision.denials} == {"facts"}
    with pytest.raises(Undecided):
        decision.or_raise()


def test_a_high_risk_needs_a_rule_for_it() -> None:
    """High risk never passes by the rules for normal risk."""
    with pytest.raises(NotYet, match="high risk"):
        decided(changed("risk", "high"))


def test_the_same_arguments_give_the_same_decision() -> None:
    """Deciding has no memory, clock or chance."""
    assert decided(open_world().facts) == decided(open_world().facts)

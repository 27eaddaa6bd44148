"""Rules load whole or are refused with a place; whatever changes one changes the policy's digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml

from seaway.errors import NotYet, RuleRefused
from seaway.policy.gate import decide
from seaway.policy.rules import Level, load_policy, policy_set
from tests.policy.world import IMAGE, NOW, World, open_world

pytestmark = pytest.mark.rootless
RULE = """
name: mine
on: evidence
parameters: {most: 3, who: [], by: {}, what: x, really: true}
validations:
  - {expression: size(evidence.images) <= params.most, fact: images, message: too many, hint: build fewer}
"""
PACK = [
    "approved-by-another",
    "image-by-digest",
    "sbom-present",
    "scan-fresh",
    "signed-provenance",
    "tests-passed",
]


def loaded(text: str, **parameters: object) -> object:
    """Loads one rule beside the pack."""
    return load_policy(more=[("mine.yaml", text)], parameters={"mine": parameters})


def test_the_pack_is_enforced() -> None:
    """Six rules, all of which stop a promotion, in every environment."""
    policy = load_policy()
    assert [rule.name for rule in policy.rules] == PACK
    assert {(rule.level, rule.environments) for rule in policy.rules} == {(Level.ENFORCE, ())}


def test_the_digest_of_the_pack_is_the_recorded_one() -> None:
    """Rules in force are consented by digest: a change of the pack is a change for everybody who uses it."""
    assert str(load_policy().digest) == GOLDEN


@pytest.mark.parametrize(
    "change",
    [
        RULE.replace("mine", "other"),
        RULE.replace("<= params.most", "< params.most"),
        RULE.replace("on: evidence", "on: evidence\nlevel: audit"),
        RULE.replace("on: evidence", "on: evidence\nenvironments: [dev]"),
        RULE.replace("most: 3", "most: 4"),
    ],
)
def test_any_change_changes_the_digest(change: str) -> None:
    """Name, expression, level, environments and parameters are all in it."""
    digests = {load_policy(more=[("mine.yaml", text)]).digest for text in (RULE, change)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    "words", [RULE.replace("too many", "few"), RULE.replace("fewer", "less"), RULE + "about: this\n"]
)
def test_other_words_are_the_same_policy(words: str) -> None:
    """A better message or hint needs nobody's consent."""
    assert load_policy(more=[("a.yaml", words)]).digest == load_policy(more=[("b.yaml", RULE)]).digest


def test_a_parameter_in_force_is_in_the_digest() -> None:
    """Setting a parameter is a change, setting it to what it was is none."""
    same, other = ({"tests-passed": {"suites": suites}} for suites in ([], ["e2e"]))
    assert load_policy(parameters=same).digest == load_policy().digest
    assert load_policy(parameters=other).digest != load_policy().digest


def test_spelling_does_not_change_the_digest() -> None:
    """Comments, order of keys and flow style say the same."""
    again = yaml.safe_dump({"on" if key is True else key: value for key, value in yaml.safe_load(RULE).items()})
    assert load_policy(more=[("a.yaml", RULE)]).digest == load_policy(more=[("b.yaml", again)]).digest


REFUSED: list[tuple[str, str]] = [
    ("unknown key 'matchResources'", RULE + "matchResources: {}\n"),
    ("unknown key 'reason'", RULE.replace("fact: images", "fact: images, reason: x")),
    ("`on` is evidence", RULE.replace("on: evidence", "on: everything")),
    ("`on` is evidence", RULE.replace("on: evidence\n", "")),
    ("`each` is images", RULE + "each: pods\n"),
    ("`level` is enforce or audit", RULE + "level: warn\n"),
    ("two rules have one name", RULE.replace("mine", "scan-fresh")),
    ("a rule without validations", RULE.split("validations")[0] + "validations: []\n"),
    ("validations is a list", RULE.split("validations")[0]),
    ("a validation needs hint", RULE.replace(", hint: build fewer", "")),
    ("a validation needs fact, message", RULE.replace(", fact: images, message: too many", "")),
    ("text is needed", RULE.replace("message: too many", "message: ''")),
    ("text is needed", RULE.replace("hint: build fewer", "hint: 3")),
    ("text is needed", RULE.replace("name: mine", "name: 3")),
    ("text is needed", RULE.replace("name: mine\n", "")),
    ("text is needed", RULE + "environments: [3]\n"),
    ("environments is a list", RULE + "environments: prod\n"),
    ("parameters is a mapping", RULE.replace("parameters: {most: 3", "parameters: [1]\nodd: {most: 3")),
    ("validation is a mapping", RULE.split("  - ")[0] + "  - 1\n"),
    ("name and expression are needed", RULE + "variables: [{name: x}]\n"),
    ("name and expression are needed", RULE + "matchConditions: [{name: x, expression: 'true', more: 1}]\n"),
    ("variables is a mapping", RULE + "variables: [1]\n"),
    ("does not compile", RULE.replace("size(evidence.images)", "size(evidence.images")),
    ("does not compile", RULE + "variables: [{name: x, expression: nope(1)}]\n"),
    ("does not compile", RULE.replace("fact: images", "fact: images, messageExpression: '1 +'")),
    ("aliases", RULE + "about: &a x\nenvironments: [*a]\n"),
    ("twice", RULE + "name: other\n"),
    ("twice", "name: a\n<<: {on: evidence}\n"),
    ("a rule is a mapping", "[1]\n"),
    ("a rule is a mapping", "1: 2\n"),
    ("not YAML", "name: [\n"),
    ("not YAML", "name: \x00\n"),
    ("at most", RULE + "about: " + "x" * 70_000 + "\n"),
    ("JSON cannot carry", RULE.replace("what: x", "what: 2026-01-01")),
]


@pytest.mark.parametrize(("why", "text"), REFUSED, ids=[f"{i} {case[0]}" for i, case in enumerate(REFUSED)])
def test_a_rule_that_is_not_one_is_refused(why: str, text: str) -> None:
    """Each fault has its words, exit code 41, and a place where there is one."""
    with pytest.raises(RuleRefused, match=why) as caught:
        load_policy(more=[("mine.yaml", text)])
    assert caught.value.exit_code == 41
    assert caught.value.where is None or "mine.yaml" in caught.value.where or "pack/" in caught.value.where


def test_rules_over_objects_are_not_there_yet() -> None:
    """A rule for the cluster's admission is not taken for one over evidence."""
    with pytest.raises(NotYet, match="rendered objects"):
        load_policy(more=[("mine.yaml", RULE.replace("on: evidence", "on: object"))])


PARAMETERS: list[tuple[Mapping[str, object], str]] = [
    ({"least": 1}, "no parameter 'least'"),
    ({"most": "3"}, "is a number"),
    ({"most": True}, "is a number"),
    ({"most": -1}, "is a number"),
    ({"who": "me"}, "is a list"),
    ({"by": []}, "is a mapping"),
    ({"what": 1}, "is a text"),
    ({"really": 1}, "is a truth value"),
]


@pytest.mark.parametrize(("parameters", "why"), PARAMETERS)
def test_a_parameter_of_another_kind_is_refused(parameters: Mapping[str, object], why: str) -> None:
    """A rule declares its parameters; what it does not declare, or another kind, is refused."""
    with pytest.raises(RuleRefused, match=why):
        load_policy(more=[("mine.yaml", RULE)], parameters={"mine": parameters})


def test_parameters_of_no_rule_are_refused() -> None:
    """A misspelt rule would otherwise keep its defaults in silence."""
    with pytest.raises(RuleRefused, match="tests-pased"):
        load_policy(parameters={"tests-pased": {"suites": ["e2e"]}})


def test_a_policy_without_rules_is_refused() -> None:
    """It would pass everything."""
    with pytest.raises(RuleRefused, match="without rules"):
        policy_set([])


def decided(text: str) -> tuple[World, dict[str, str]]:
    """Decides in the open world with one more rule."""
    world = open_world(approved=False)
    world.policy = load_policy(more=[("mine.yaml", text)], parameters={"tests-passed": {"suites": ["e2e"]}})
    world.approve()
    return world, world.verdicts()


NONE = RULE.replace("most: 3", "most: 0")
NAMED = RULE.replace("params.most", "variables.n") + "variables: "


@pytest.mark.parametrize(
    ("text", "verdict", "passes"),
    [
        (RULE, "pass", True),
        (NONE, "deny", False),
        (NONE + "level: audit\n", "deny", True),
        (NONE + "environments: [dev, staging]\n", "skip", True),
        (NONE + "environments: [dev, prod]\n", "deny", False),
        (NONE + "matchConditions: [{name: a, expression: 'evidence.risk == \"high\"'}]\n", "skip", True),
        (NONE + "matchConditions: [{name: a, expression: 'evidence.risk == \"normal\"'}]\n", "deny", False),
        (RULE + "matchConditions: [{name: a, expression: evidence.nothing == 1}]\n", "undecided", False),
        (RULE + "matchConditions: [{name: a, expression: evidence.risk}]\n", "undecided", False),
        (NONE + "each: images\nmatchConditions: [{name: a, expression: image.service == 'web'}]\n", "skip", True),
        (RULE.replace("size(evidence.images) <= params.most", "evidence.risk"), "undecided", False),
        (RULE.replace("size(evidence.images)", "evidence.nothing"), "undecided", False),
        (
            RULE.replace("params.most", "variables.n") + "variables: [{name: n, expression: params.most}]\n",
            "pass",
            True,
        ),
        (
            RULE.replace("params.most", "variables.n") + "variables: [{name: n, expression: params.x}]\n",
            "undecided",
            False,
        ),
        (RULE + "variables: [{name: n, expression: params.x}]\n", "pass", True),
        (
            RULE + "variables: [{name: n, expression: params.most}, {name: m, expression: variables.n + 1}]\n",
            "pass",
            True,
        ),
    ],
)
def test_levels_environments_conditions_and_variables(text: str, verdict: str, passes: bool) -> None:
    """A rule says where and when it applies and how much it weighs; what fails is undecided where it is read."""
    world, verdicts = decided(text)
    assert verdicts["mine"] == verdict
    assert world.decide().passed is passes


def test_a_condition_that_cannot_be_told_is_named_as_such() -> None:
    """The denial's fact is the rule's conditions, not a fact of the evidence."""
    world, _ = decided(RULE + "matchConditions: [{name: a, expression: evidence.nothing == 1}]\n")
    assert [denial.fact for denial in world.decide().denials] == ["matchConditions"]


def test_audit_is_recorded_as_would_deny() -> None:
    """What stops nothing is still said."""
    world, _ = decided(NONE + "level: audit\n")
    ruling = next(ruling for ruling in world.decide().rulings if ruling.rule == "mine")
    assert ruling.json()["verdict"] == "would-deny"
    assert ruling.json()["level"] == "audit"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("\"'there are ' + string(size(evidence.images))\"", "there are 1"),
        ("\"'two\\\\n  lines'\"", "two lines"),
        ("evidence.nothing", "too many"),
        ("\"'  '\"", "too many"),
        ("size(evidence.images)", "too many"),
    ],
)
def test_words_for_the_case_or_the_plain_ones(words: str, says: str) -> None:
    """A message that cannot be made, is empty or no text gives way to the plain one; it stays on one line."""
    world, _ = decided(NONE.replace("fact: images", f"fact: images, messageExpression: {words}"))
    assert [denial.says for denial in world.decide().denials] == [says]


def test_a_hint_names_digest_and_environments() -> None:
    """The command to paste has the digest of the image it is about, and both environments."""
    world, _ = decided(NONE.replace("build fewer", "'{digest} {environment} {previous}'") + "each: images\n")
    assert [denial.hint for denial in world.decide().denials] == [f"{IMAGE} prod staging"]


def test_image_is_there_for_rules_over_images_alone() -> None:
    """A rule over all the evidence has no image to speak of."""
    _, verdicts = decided(RULE.replace("size(evidence.images) <= params.most", "image.service == 'api'"))
    assert verdicts["mine"] == "undecided"


def test_a_change_needs_what_this_policy_asks_of_promotions() -> None:
    """The decision records approvals and titles of the approval rule, whatever rules stand before it; else one."""
    earlier = RULE.replace("name: mine", "name: a-rule")
    asked: dict[str, dict[str, object]] = {"approved-by-another": {"approvals": 3, "titles": {"risk-owner": 1}}}
    policy = load_policy(more=[("mine.yaml", earlier)], parameters=asked)
    facts = open_world().facts
    assert decide(policy, facts, now=NOW).consent == {"approvals": 3, "titles": {"risk-owner": 1}}
    only = policy_set([rule for rule in policy.rules if rule.name == "a-rule"])
    assert decide(only, facts, now=NOW).consent == {"approvals": 1, "titles": {}}


def test_an_approval_rule_for_elsewhere_asks_nothing_here() -> None:
    """Only a rule that applies in this environment says what a change here needs."""
    elsewhere = RULE.replace("most: 3", "approvals: 9, most: 3") + "environments: [dev]\n"
    rule = next(rule for rule in load_policy(more=[("mine.yaml", elsewhere)]).rules if rule.name == "mine")
    policy = policy_set([replace(rule, name="approved-by-another")])
    assert decide(policy, open_world().facts, now=NOW).consent["approvals"] == 1


def test_high_risk_passes_by_an_enforced_rule_for_it() -> None:
    """Whoever writes high-risk-human may decide on high risk; a rule at level audit does not."""
    world, _ = decided(RULE.replace("name: mine", "name: high-risk-human"))
    world.asks(risk="high")
    assert world.decide().passed
    world, _ = decided(RULE.replace("name: mine", "name: high-risk-human\nlevel: audit"))
    world.asks(risk="high")
    with pytest.raises(NotYet):
        world.decide()
    assert world.now == NOW


GOLDEN = "sha256:bd7368a62fb9fa056c468acb34e204040065c82d166a25baa988c8fd890dceea"

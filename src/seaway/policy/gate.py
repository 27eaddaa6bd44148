"""MAY IT: rules over facts give a decision. Pure: no clock, no I/O; the same arguments, the same decision for ever.

The order, for every rule of the policy set:
1. Facts without their shape, or made for another policy set, decide nothing: every rule is undecided.
2. Built in, so that no rule can drop it: a changed policy needs consent under the one before (`policy-consented`).
3. A rule that is not for this environment, or whose conditions are false, is skipped, and recorded as skipped.
4. Each validation must give true. False is a denial; an error or anything else is undecided, which denies too.
5. A denial, never what is undecided or built in, may be waived by a live exception; it stays shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from seaway.digest import Digest
from seaway.errors import NotYet
from seaway.evidence.progress import SELF_APPROVAL
from seaway.policy.decision import Decision, Denial, Ruling, Verdict
from seaway.policy.expressions import Expression, Unknown
from seaway.policy.facts import Facts
from seaway.policy.rules import Level, PolicySet, Rule, Validation
from seaway.policy.shape import faults
from seaway.policy.waivers import Waiver

CONSENTED = "policy-consented"
_HUMAN = "high-risk-human"
Bindings = Mapping[str, object]


def decide(policy: PolicySet, facts: Facts, *, now: datetime, waivers: Sequence[Waiver] = ()) -> Decision:
    """Decides what a policy set says of facts at `now`; raises NotYet for a high risk no rule of the set judges."""
    found = next(faults(facts.body), None)
    rulings = _nothing(policy, facts, found) if found else _rulings(policy, facts)
    waived = tuple(_waived(ruling, facts, waivers, now) for ruling in rulings)
    used = sorted({denial.waived_by for ruling in waived for denial in ruling.denials if denial.waived_by})
    return Decision(
        environment=facts.environment,
        bundle=facts.bundle,
        policy=policy.digest,
        facts=facts.digest,
        now=now,
        rulings=waived,
        waivers=tuple(used),
        consent=_asked(policy, facts.environment),
    )


def _asked(policy: PolicySet, environment: str) -> dict[str, object]:
    """Returns the approvals that this policy asks of promotions, and so of a change of itself."""
    rule = next((rule for rule in policy.rules if rule.name == SELF_APPROVAL and rule.applies(environment)), None)
    parameters = rule.parameters if rule else {}
    return {"approvals": parameters.get("approvals", 1), "titles": parameters.get("titles", {})}


def _nothing(policy: PolicySet, facts: Facts, fault: str) -> tuple[Ruling, ...]:
    """Rules every rule undecided: what is not shaped as facts says nothing."""
    return tuple(
        Ruling(name, Level.ENFORCE, Verdict.UNDECIDED, (_undecided(name, facts.bundle, "facts", fault),))
        for name in (CONSENTED, *(rule.name for rule in policy.rules))
    )


def _rulings(policy: PolicySet, facts: Facts) -> tuple[Ruling, ...]:
    judged = {rule.name for rule in policy.rules if rule.applies(facts.environment) and rule.level is Level.ENFORCE}
    if facts.body["risk"] != "normal" and _HUMAN not in judged:
        raise NotYet("releases of high risk", hint="add an enforced rule named high-risk-human to gates.rules")
    return (_consent(policy.digest, facts), *(_ruling(rule, facts) for rule in policy.rules))


def _consent(digest: Digest, facts: Facts) -> Ruling:
    """Rules on the policy itself: consented to, and the very set the facts were made for."""
    stated = cast("Mapping[str, object]", facts.body["policy"])
    if stated["consented"] is True and stated["digest"] == str(digest):
        return Ruling(CONSENTED, Level.ENFORCE, Verdict.PASS)
    denial = Denial(
        CONSENTED,
        str(digest),
        "policy.consented",
        "the policy was changed without approval under the one before",
        f"an approver runs seaway policy approve {facts.environment}",
    )
    return Ruling(CONSENTED, Level.ENFORCE, Verdict.DENY, (denial,))


def _ruling(rule: Rule, facts: Facts) -> Ruling:
    if not rule.applies(facts.environment):
        return Ruling(rule.name, rule.level, Verdict.SKIP)
    denials: list[Denial] = []
    subjects = list(_subjects(rule, facts))
    if not subjects:
        denials.append(_undecided(rule.name, facts.bundle, "images", "there is no image to judge"))
    skipped = 0
    for subject, bindings in subjects:
        found = _judge(rule, subject, bindings, facts)
        skipped += found is None
        denials.extend(found or ())
    return Ruling(rule.name, rule.level, _verdict(denials, skipped == len(subjects)), tuple(denials))


def _verdict(denials: Sequence[Denial], skipped: bool) -> Verdict:
    if any(denial.decided for denial in denials):
        return Verdict.DENY
    if denials:
        return Verdict.UNDECIDED
    return Verdict.SKIP if skipped else Verdict.PASS


def _subjects(rule: Rule, facts: Facts) -> Iterator[tuple[str, dict[str, object]]]:
    """Yields the digest each evaluation is about, with its bindings."""
    common: dict[str, object] = {"evidence": facts.body, "params": dict(rule.parameters)}
    if rule.each is None:
        yield facts.bundle, common
        return
    for image in cast("list[Mapping[str, object]]", facts.body["images"]):
        yield str(image["digest"]), {**common, "image": image}


def _judge(rule: Rule, subject: str, bindings: Bindings, facts: Facts) -> list[Denial] | None:
    """Returns the denials of one subject, or None where the rule's conditions do not hold."""
    known = {**bindings, "variables": _variables(rule, bindings)}
    for condition in rule.conditions:
        holds = condition.truth(known)
        if isinstance(holds, Unknown):
            return [_undecided(rule.name, subject, "matchConditions", holds.why)]
        if not holds:
            return None
    found = (_validated(rule.name, subject, validation, known, facts) for validation in rule.validations)
    return [denial for denial in found if denial]


def _variables(rule: Rule, bindings: Bindings) -> dict[str, object]:
    """Evaluates variables in order; one that fails is left out, so only who reads it is undecided, as in admission."""
    values: dict[str, object] = {}
    for name, expression in rule.variables:
        value = expression.value({**bindings, "variables": values})
        if not isinstance(value, Unknown):
            values[name] = value
    return values


def _validated(rule: str, subject: str, validation: Validation, bindings: Bindings, facts: Facts) -> Denial | None:
    holds = validation.expression.truth(bindings)
    if holds is True:
        return None
    if isinstance(holds, Unknown):
        return _undecided(rule, subject, validation.fact, f"{validation.message}, or cannot be told: {holds.why}")
    says = _words(validation.message_expression, bindings) or validation.message
    return Denial(rule, subject, validation.fact, says, _hint(validation.hint, subject, facts))


def _words(expression: Expression | None, bindings: Bindings) -> str | None:
    """Returns the words for this case, on one line; None where they cannot be made."""
    said = None if expression is None else expression.value(bindings)
    return " ".join(said.split()) if isinstance(said, str) and said.strip() else None


def _hint(text: str, subject: str, facts: Facts) -> str:
    previous = cast("Mapping[str, str]", facts.body["previous"])["environment"] or facts.environment
    words = {"{digest}": subject, "{environment}": facts.environment, "{previous}": previous}
    for name, value in words.items():
        text = text.replace(name, value)
    return text


def _undecided(rule: str, subject: str, fact: str, why: str) -> Denial:
    return Denial(rule, subject, fact, f"undecided: {why}", "seaway check, and repair what cannot be read", False)


def _waived(ruling: Ruling, facts: Facts, waivers: Sequence[Waiver], now: datetime) -> Ruling:
    """Marks denials that a live exception lets through; the built-in rule and what is undecided never are."""
    if ruling.rule == CONSENTED:
        return ruling
    marked = []
    for denial in ruling.denials:
        waiver = next((w for w in waivers if denial.decided and w.covers(denial, facts, now)), None)
        marked.append(replace(denial, waived_by=waiver.id.hex) if waiver else denial)
    return replace(ruling, denials=tuple(marked))

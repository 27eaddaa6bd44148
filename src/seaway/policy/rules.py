"""Rules as data: YAML in the shape of a ValidatingAdmissionPolicy, parsed at the door and compiled into a policy set.

A rule has `matchConditions`, `variables` and `validations` as there, and beside them `on` (evidence), `each`
(validations run once per element, with `image` bound; no element at all denies), `environments` (none named: all),
`level` (enforce, audit) and `parameters`, which the environment's gates may set but not add to. A validation also
says which `fact` it looks at and by which command (`hint`) it would be satisfied.

The policy set's digest is over all of every rule that decides, with the parameters in force: loosening one changes it,
and a changed policy needs consent (`consent.py`); other words in a message or a hint do not. Rules that fetch, sign or
run code do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import cast

from seaway.digest import Digest
from seaway.errors import NotYet, RuleRefused
from seaway.policy.document import list_of, mapping, read_document, text_of, texts
from seaway.policy.expressions import Expression, compile_expression

_KEYS = {"name", "about", "on", "each", "environments", "level", "parameters", "matchConditions", "variables"}
_VALIDATION = {"expression", "message", "messageExpression", "fact", "hint"}


class Level(StrEnum):
    """Whether a denial stops (enforce) or is only shown and recorded (audit)."""

    ENFORCE = "enforce"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Validation:
    """One condition that must hold, with the words for when it does not."""

    expression: Expression
    fact: str
    message: str
    message_expression: Expression | None
    hint: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled, with the parameters in force; `source` is the rule as it was written, with those."""

    name: str
    each: str | None
    environments: tuple[str, ...]
    level: Level
    parameters: Mapping[str, object]
    conditions: tuple[Expression, ...]
    variables: tuple[tuple[str, Expression], ...]
    validations: tuple[Validation, ...]
    source: Mapping[str, object]

    def applies(self, environment: str) -> bool:
        """Tells whether the rule is for this environment; a rule that names none is for all."""
        return not self.environments or environment in self.environments


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The rules in force and the digest they are consented under."""

    rules: tuple[Rule, ...]
    digest: Digest


def load_policy(
    *,
    more: Sequence[tuple[str, str]] = (),
    parameters: Mapping[str, Mapping[str, object]] | None = None,
) -> PolicySet:
    """Loads the default pack and `more` rules, `(path, YAML)`, and sets `parameters`; raises RuleRefused."""
    files = [(f"pack/{name}", text) for name, text in _pack()] + list(more)
    sources = [(path, read_document(path, text)) for path, text in files]
    names = [str(source["name"]) for _, source in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RuleRefused(f"two rules have one name: {', '.join(twice)}", where=sources[names.index(twice[0])][0])
    given = dict(parameters or {})
    if unknown := sorted(given.keys() - set(names)):
        raise RuleRefused(f"parameters for rules that do not exist: {', '.join(unknown)}")
    rules = tuple(
        _rule(path, _with_parameters(path, source, given.get(str(source["name"]), {}))) for path, source in sources
    )
    return policy_set(rules)


def policy_set(rules: Sequence[Rule]) -> PolicySet:
    """Names a set of rules by its digest, whatever their order; no rule at all is refused, as it would pass all."""
    if not rules:
        raise RuleRefused("a policy without rules passes everything")
    ordered = tuple(sorted(rules, key=lambda rule: rule.name))
    try:
        return PolicySet(ordered, Digest.of_json([_decisive(rule.source) for rule in ordered]))
    except ValueError as error:  # a date, a number past 2^53: two readers could disagree on it
        raise RuleRefused(f"a rule holds what JSON cannot carry: {error}") from error


def _decisive(source: Mapping[str, object]) -> dict[str, object]:
    """Returns what of a rule decides: everything but its words."""
    validations = [item["expression"] for item in cast("list[Mapping[str, object]]", source["validations"])]
    return {key: value for key, value in source.items() if key != "about"} | {"validations": validations}


def _pack() -> list[tuple[str, str]]:
    files = resources.files("seaway.policy").joinpath("pack").iterdir()
    return sorted((file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".yaml"))


def _with_parameters(path: str, source: Mapping[str, object], given: Mapping[str, object]) -> Mapping[str, object]:
    """Sets parameters that the rule declares, each to a value of the declared kind, numbers from 0 up."""
    declared = mapping(path, "parameters", source.get("parameters", {}))
    for key, value in given.items():
        if key not in declared:
            raise RuleRefused(f"rule {source['name']} has no parameter {key!r}", where=path)
        if type(value) is not type(declared[key]) or (isinstance(value, int) and value < 0):
            raise RuleRefused(f"parameter {key!r} of rule {source['name']} is a {_kind(declared[key])}", where=path)
    return {**source, "parameters": {**declared, **given}}


def _rule(path: str, source: Mapping[str, object]) -> Rule:
    if foreign := sorted(source.keys() - _KEYS - {"validations"}):
        raise RuleRefused(f"unknown key {foreign[0]!r} in a rule", where=path)
    if source.get("on") == "object":
        raise NotYet("rules over rendered objects", hint="write the rule with `on: evidence`")
    if source.get("on") != "evidence":
        raise RuleRefused("`on` is evidence", where=path)
    if source.get("each") not in (None, "images"):
        raise RuleRefused("`each` is images, or absent", where=path)
    return Rule(
        name=str(source["name"]),
        each=cast("str | None", source.get("each")),
        environments=texts(path, "environments", source.get("environments", [])),
        level=_level(path, source.get("level", "enforce")),
        parameters=mapping(path, "parameters", source["parameters"]),
        conditions=tuple(expression for _, expression in _named(path, "matchConditions", source)),
        variables=_named(path, "variables", source),
        validations=_validations(path, source.get("validations")),
        source=source,
    )


def _level(path: str, value: object) -> Level:
    try:
        return Level(str(value))
    except ValueError:
        raise RuleRefused(f"`level` is enforce or audit, not {value!r}", where=path) from None


def _named(path: str, key: str, source: Mapping[str, object]) -> tuple[tuple[str, Expression], ...]:
    """Compiles a list of `{name, expression}`."""
    found = []
    for index, item in enumerate(list_of(path, key, source.get(key, []))):
        where = f"{path}: {key}[{index}]"
        body = mapping(path, key, item)
        if body.keys() != {"name", "expression"}:
            raise RuleRefused("name and expression are needed, and nothing else", where=where)
        found.append((text_of(where, body["name"]), compile_expression(text_of(where, body["expression"]), where)))
    return tuple(found)


def _validations(path: str, value: object) -> tuple[Validation, ...]:
    items = list_of(path, "validations", value)
    if not items:
        raise RuleRefused("a rule without validations passes everything", where=path)
    return tuple(_validation(f"{path}: validations[{index}]", item) for index, item in enumerate(items))


def _validation(where: str, value: object) -> Validation:
    body = mapping(where, "validation", value)
    if foreign := sorted(body.keys() - _VALIDATION):
        raise RuleRefused(f"unknown key {foreign[0]!r} in a validation", where=where)
    if missing := sorted({"expression", "message", "fact", "hint"} - body.keys()):
        raise RuleRefused(f"a validation needs {', '.join(missing)}: a refusal says what would satisfy it", where=where)
    words = body.get("messageExpression")
    return Validation(
        expression=compile_expression(text_of(where, body["expression"]), where),
        fact=text_of(where, body["fact"]),
        message=text_of(where, body["message"]),
        message_expression=None if words is None else compile_expression(text_of(where, words), f"{where}: message"),
        hint=text_of(where, body["hint"]),
    )


def _kind(value: object) -> str:
    return {int: "number", str: "text", list: "list", dict: "mapping", bool: "truth value"}.get(type(value), "value")

"""Models drawn from the Compose schema: documents, overrides, included files and bases, by a seed.

What is drawn is admitted by the schema most of the time, so that both loaders go all the way.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from seaway.app.schema import schema
from tests.app.oracle import Case

_WORDS = (
    "x|a=b|80|1|0|true|yes|1.5|10s|512m|$A|${A:-b}|${N:-$A}|${N-}||./p|/p|~/h|service:b|host|none|b|a|c|2020-01-01|010"
    "|1e3|null|a b|'q|a:b|a:b:ro|0.5|-1|::1|x:1|80:80|90-91:90-91|127.0.0.1:1:1|$$A|${A:+c}|../q|a.b|[a]|A=$A|C|E"
)
WORDS = _WORDS.split("|")
KNOWN = 60
NAMES = ("a", "b", "c")
# Compose cannot print SSH agents with a path as JSON.
LEFT_OUT = {"extends", "include", "ssh"}
SCALARS: dict[str, list[Any]] = {
    "integer": [0, 1, 2, 5, 80, 443, 1000, -1],
    "number": [0, 1, 0.5, 1.25, 2],
    "boolean": [True, False],
    "null": [None],
}
SECTIONS = ("network", "volume", "secret", "config", "model", "job")


def _around(name: str, value: Any) -> dict[str, Any]:
    return {"services": {"a": {"image": "x", name: value}}}


@dataclass(frozen=True)
class Tagged:
    """A value under a tag of Compose."""

    tag: str
    value: Any


def written(value: Any) -> str:
    """Returns a value as YAML in flow style."""
    if isinstance(value, Tagged):
        return f"{value.tag} {written(value.value)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


class Draw:
    """Draws values that a subschema admits, most of the time.

    `admits` says whether a model would load: most of what a model is made of is drawn until it does, since one fault
    hides everything else.
    """

    def __init__(self, seed: int, admits: Callable[[str], bool] = lambda _: True) -> None:
        self.random = random.Random(seed)
        self.definitions: dict[str, Any] = schema()["$defs"]
        self.admits = admits
        self.known: dict[str, list[Any]] = {}

    def likely(self, name: str, draw: Callable[[], Any], around: Callable[[Any], dict[str, Any]]) -> Any:
        """Returns a value that loads within the model around it, nearly always."""
        known = self.known.setdefault(name, [])
        if self.chance(0.02):
            return draw()
        if len(known) > KNOWN and self.chance(0.8):
            return self.random.choice(known)
        for _ in range(8):
            value = draw()
            if self.admits(written(around(value))):
                known.append(value)
                return value
        return self.random.choice(known) if known else draw()

    def value(self, rules: dict[str, Any]) -> Any:
        """Returns a value for a subschema."""
        rules = self.flat(rules)
        options = rules.get("oneOf") or rules.get("anyOf")
        if options and "properties" not in rules:
            return self.value(self.random.choice(options))
        if self.random.random() < 0.01:
            return self.random.choice([None, [], {}, "x", 5, True])
        if "enum" in rules:
            return self.random.choice(rules["enum"])
        kind = rules.get("type")
        kind = self.random.choice(kind) if isinstance(kind, list) else kind
        if kind == "object":
            return self.mapping(rules)
        if kind == "array":
            return [self.value(rules.get("items", {})) for _ in range(self.random.choice([0, 1, 1, 2, 3]))]
        return self.random.choice(SCALARS.get(str(kind), WORDS))

    def flat(self, rules: dict[str, Any]) -> dict[str, Any]:
        """Returns a subschema with its references and parts written out."""
        if "$ref" in rules:
            rules = self.definitions[rules["$ref"].rsplit("/", 1)[-1]] | {k: v for k, v in rules.items() if k != "$ref"}
        if "allOf" in rules:
            parts = [self.flat(part).get("properties", {}) for part in rules["allOf"]]
            own = rules.get("properties", {})
            properties = {k: v for part in [*parts, own] for k, v in part.items()}
            return {"type": "object", "properties": properties, "required": rules.get("required", [])}
        return rules

    def mapping(self, rules: dict[str, Any]) -> dict[str, Any]:
        """Returns a mapping with some of its properties."""
        known = {name: rule for name, rule in rules.get("properties", {}).items() if name not in LEFT_OUT}
        names = self.random.sample(sorted(known), min(len(known), self.random.choice([0, 1, 1, 2, 3])))
        names += [name for name in rules.get("required", []) if name in known and name not in names]
        found = {name: self.value(known[name]) for name in names}
        free = [rule for form, rule in rules.get("patternProperties", {}).items() if form != "^x-"]
        extra = rules.get("additionalProperties")
        for rule in [*free, *([extra] if isinstance(extra, dict) else [])]:
            found |= {name: self.value(rule) for name in self.random.sample(["a", "b", "A", "net.x"], 1)}
        return found

    def service(self, *, whole: bool) -> dict[str, Any]:
        """Returns a service, or an override of one."""
        rules = self.flat({"$ref": "service"})["properties"]
        names = self.random.sample(sorted(rules.keys() - LEFT_OUT), self.random.choice([0, 1, 2, 3, 4]))
        found: dict[str, Any] = {"image": "x"} if whole else {}
        for name in names:
            found[name] = self.likely(name, partial(self.value, rules[name]), partial(_around, name))
        if self.chance(0.1):
            base = self.random.choice(NAMES)
            found["extends"] = self.random.choice([base, {"service": base}, {"service": "a", "file": "base.yaml"}])
        return found

    def model(self, names: tuple[str, ...], *, whole: bool) -> dict[str, Any]:
        """Returns a model of services, or an override of some, and now and then a value that resets or overrides."""
        services: dict[str, Any] = {name: self.service(whole=whole) for name in names}
        for service in services.values():
            for key in service:
                if not whole and self.chance(0.1):
                    service[key] = Tagged(self.random.choice(["!reset", "!override"]), service[key])
        found: dict[str, Any] = {"services": services}
        for section in SECTIONS:
            if self.chance(0.3 if whole else 0.15):
                found[f"{section}s"] = {name: self.entry(section) for name in self.random.sample("abc", 2)}
        return found

    def entry(self, section: str) -> Any:
        """Returns an entry of a section."""
        return self.likely(
            f"{section}s",
            lambda: self.value({"$ref": section}),
            lambda value: {"services": {"a": {"image": "x"}}, f"{section}s": {"a": value}},
        )

    def chance(self, share: float) -> bool:
        """Returns whether something that rare happens."""
        return self.random.random() < share

    def case(self, number: int) -> Case:
        """Returns a case of one file or several."""
        first = self.model(NAMES, whole=True)
        files = {"base.yaml": written({"services": {"a": self.service(whole=True)}})}
        args: tuple[str, ...] = ()
        if self.chance(0.2):
            first["include"] = ["inc/compose.yaml"]
            files["inc/compose.yaml"] = written(self.model(("d", self.random.choice("abc")), whole=True))
            files["inc/.env"] = "B=inner\nA=inner"
        files["compose.yaml"] = written(first)
        if self.chance(0.1):
            files["compose.yaml"] += "\n---\n" + written(self.model(("a",), whole=False))
        if self.chance(0.5):
            files["b.yaml"] = written(self.model(tuple(self.random.sample(NAMES, 2)), whole=False))
            args = ("-f", "compose.yaml", "-f", "b.yaml")
        return Case(str(number), "drawn", files, args, {"A": "value"})

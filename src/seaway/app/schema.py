"""The Compose schema: validation of a merged model, with messages that name the entry and the nearest known key.

The schema is Compose 5.6.1's own (`compose-spec.json`, Apache-2.0, see `NOTICE`). Unknown keys are found by a walk of
our own: validators name innocent siblings once one subschema fails. The validator is made when it is first needed.
"""

from __future__ import annotations

import functools
import json
import math
from importlib.resources import files
from typing import Any

import jsonschema_rs

from seaway.app.faults import AtPath
from seaway.app.reading import nearest
from seaway.app.scalars import Timestamp
from seaway.app.tree import Map, Path, Seq
from seaway.errors import SchemaError


class Invalid(AtPath, SchemaError):
    """The model does not follow the Compose schema."""


@functools.cache
def schema() -> dict[str, Any]:
    """Returns the Compose schema."""
    loaded: dict[str, Any] = json.loads((files("seaway.app") / "compose-spec.json").read_bytes())
    return loaded


@functools.cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema())


def validate(model: Map) -> None:
    """Checks a model against the schema; raises Invalid with the path of the fault."""
    instance = model
    try:
        if _validator().is_valid(instance):
            return
    except ValueError:
        # Dates are values of their own here and strings in JSON.
        instance = _json(model, ())
        if _validator().is_valid(instance):
            return
    unknown = _unknown(model, schema(), ())
    if unknown is not None:
        raise unknown
    errors = sorted(_validator().iter_errors(instance), key=lambda error: -len(error.instance_path))
    path: Path = tuple(errors[0].instance_path)
    raise Invalid(errors[0].message, path)


def _json(node: Any, path: Path) -> Any:
    if isinstance(node, dict):
        return {key: _json(value, (*path, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_json(value, (*path, index)) for index, value in enumerate(node)]
    if isinstance(node, float) and not math.isfinite(node):
        raise Invalid(f"{node} cannot be written as JSON", path)
    return node.json if isinstance(node, Timestamp) else node


def _unknown(node: Any, rules: Any, path: Path) -> Invalid | None:
    """Walks a model beside the schema and returns the first key no rule knows."""
    rules = _resolved(rules, node)
    if isinstance(node, Seq):
        items = (_unknown(item, rules.get("items", {}), (*path, index)) for index, item in enumerate(node))
        return next(filter(None, items), None)
    if not isinstance(node, Map) or not isinstance(rules, dict):
        return None
    known, patterns, closed = _keys(rules)
    for key, value in node.items():
        below = known.get(key) or next((rule for prefix, rule in patterns if _matches(prefix, key)), None)
        if below is None and closed:
            says = f'"{key}" is not {_kind(path)}'
            return Invalid(says, (*path, key), hint=f"{nearest(key, list(known))} keys of your own start with x-")
        found = _unknown(value, below, (*path, key)) if below else None
        if found:
            return found
    return None


def _resolved(rules: Any, node: Any) -> Any:
    while isinstance(rules, dict) and "$ref" in rules and "allOf" not in rules and "properties" not in rules:
        rules = schema()["$defs"][rules["$ref"].rsplit("/", 1)[-1]]
    if isinstance(rules, dict) and "oneOf" in rules:
        wanted = "object" if isinstance(node, Map) else "array" if isinstance(node, Seq) else None
        options = [_resolved(option, node) for option in rules["oneOf"]]
        return next((option for option in options if option.get("type") == wanted), {})
    return rules if isinstance(rules, dict) else {}


def _keys(rules: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]], bool]:
    known = dict(rules.get("properties", {}))
    patterns = list(rules.get("patternProperties", {}).items())
    closed = rules.get("additionalProperties") is False or rules.get("unevaluatedProperties") is False
    for part in [*rules.get("allOf", []), *([{"$ref": rules["$ref"]}] if "$ref" in rules else [])]:
        more, others, _ = _keys(_resolved(part, Map()))
        known |= more
        patterns += others
    return known, patterns, closed


def _matches(pattern: str, key: str) -> bool:
    return key.startswith("x-") if pattern.startswith("^x-") else True


def _kind(path: Path) -> str:
    if not path:
        return "a top-level key"
    return "a service attribute" if path[0] == "services" and len(path) == 2 else f"known in {path[-1]}"

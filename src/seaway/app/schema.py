"""The Compose schema: validation of a merged model, with messages that name the entry and the nearest known key.

The schema is Compose 5.6.1's own (`compose-spec.json`, Apache-2.0, see `NOTICE`). Unknown keys are found by a walk of
our own: validators name innocent siblings once one subschema fails. The validator is made when it is first needed.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path as File
from typing import Any

import jsonschema_rs

from seaway.app.faults import AtPath
from seaway.app.reading import dotted, nearest
from seaway.app.scalars import Timestamp
from seaway.app.tree import Map, Path, Seq
from seaway.errors import SchemaError


class Invalid(AtPath, SchemaError):
    """The model does not follow the Compose schema."""


_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}


@functools.cache
def schema() -> dict[str, Any]:
    """Returns the Compose schema."""
    loaded: dict[str, Any] = json.loads(File(__file__).with_name("compose-spec.json").read_bytes())
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
        instance = _json(model)
        if _validator().is_valid(instance):
            return
    unknown = _unknown(model, schema(), ())
    if unknown is not None:
        raise unknown
    faults = _deepest(_validator().iter_errors(instance))
    raise Invalid(_said(faults), tuple(faults[0].instance_path))


def _deepest(errors: Iterable[Any]) -> list[Any]:
    """Returns the errors that name the deepest entry; an alternative's errors count as well as its own."""
    found: list[Any] = []
    for error in errors:
        inner = [each for option in getattr(error.kind, "context", None) or () for each in option]
        found += _deepest(inner) if inner else [error]
    depth = max(len(error.instance_path) for error in found)
    return [error for error in found if len(error.instance_path) == depth]


def _said(errors: list[Any]) -> str:
    """Returns what errors about one entry say, without the value, which may be a secret."""
    if all(error.kind.name == "type" for error in errors):
        names = dict.fromkeys(_TYPES[name] for error in errors for name in error.kind.types)
        return f"must be {' or '.join(names)}"
    error = next(each for each in errors if each.kind.name != "type")
    return str(error.message).replace(json.dumps(error.instance, separators=(",", ":")), "the value")


def _json(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _json(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_json(value) for value in node]
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
        below = known.get(key) or next((rule for form, rule in patterns if re.search(form, key)), None)
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


def _kind(path: Path) -> str:
    if not path:
        return "a top-level key"
    return "a service attribute" if path[0] == "services" and len(path) == 2 else f"known in {dotted(path[2:] or path)}"

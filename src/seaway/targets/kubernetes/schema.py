"""Objects against the published schemas of Kubernetes' API, without a server: fields unknown there are faults.

`schemas.json` is the part of the OpenAPI document of the lowest version we write for that describes our kinds. A server
knows more than a schema (names, quantities, what excludes what), so this finds what is misspelt and mistyped, no more;
kinds of custom resources are not in it and are counted, never passed in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs

from seaway.targets.kubernetes.names import reference


@cache
def _document() -> dict[str, Any]:
    text = resources.files(__package__ or "").joinpath("schemas.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _names() -> Mapping[tuple[str, str], str]:
    """Returns the name of a definition by (apiVersion, kind)."""
    found = {}
    for name, definition in _document()["$defs"].items():
        for one in definition.get("x-kubernetes-group-version-kind", ()):
            version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
            found[version, one["kind"]] = name
    return found


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": _document()["$defs"]})


def schema_version() -> str:
    """Returns the version of Kubernetes whose schemas these are."""
    return str(_document()["version"])


def is_known(item: Mapping[str, Any]) -> bool:
    """Whether there is a schema for an object's kind."""
    return (item.get("apiVersion", ""), item.get("kind", "")) in _names()


def faults(items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns what the schemas refuse, a line each: object, place, reason."""
    found = []
    for item in items:
        name = _names().get((item.get("apiVersion", ""), item.get("kind", "")))
        if name is None:
            continue
        kind, _, called = reference(item)
        for error in _validator(name).iter_errors(item):
            at = ".".join(str(part) for part in error.instance_path)
            found.append(f"{kind}/{called} {at}: {error.message}")
    return tuple(found)

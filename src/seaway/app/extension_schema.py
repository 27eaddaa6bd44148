"""JSON Schema (draft 2020-12) of `x-seaway`, generated from its dataclasses, and of a compose file that has it.

An editor that knows the schema completes and explains every key. It accepts what `reading` accepts, and a string with
a variable (`${MAX:-4}`) wherever a value may be: interpolation comes before casting. Meanings are `meanings.toml`.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import tomllib
import types
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from seaway.app import units
from seaway.app.extension import Extension
from seaway.app.keys import Key, blocks_below, keys_of
from seaway.app.schema import schema as compose_schema
from seaway.app.service_keys import (
    ModelExtension,
    NetworkExtension,
    SecretExtension,
    ServiceExtension,
    VolumeExtension,
)
from seaway.app.spelling import spelled

Schema = dict[str, Any]

PLACES: Mapping[str, type] = {
    "services": ServiceExtension,
    "volumes": VolumeExtension,
    "secrets": SecretExtension,
    "networks": NetworkExtension,
    "models": ModelExtension,
}
ROOTS = (Extension, *PLACES.values())
LATER = "Nothing acts on this yet (SW-105)."

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER = r"\d+(\.\d+)?"
_HUNDRED = r"(100(\.0+)?|\d{1,2}(\.\d+)?)"
_VARIABLE = {"type": "string", "pattern": r"\$"}
_UNITS: Mapping[Any, tuple[str, Schema, str]] = {
    units.seconds: ("a duration like 60s, 15m or 30d", {"minimum": 0}, rf"^({_NUMBER}(ms|us|s|m|h|d|w))+$"),
    units.share: ("a share like 1% or 0.01", {"minimum": 0, "maximum": 1}, rf"^(0(\.\d+)?|1(\.0+)?|{_HUNDRED}%)$"),
    units.percent: ("a percentage like 10%", {"minimum": 0, "maximum": 100}, rf"^{_HUNDRED}%?$"),
    units.factor: ("a factor like 2x", {"minimum": 0}, rf"^{_NUMBER}x?$"),
    units.size: ("a size like 256Mi", {"minimum": 0}, rf"^{_NUMBER}\s*[kKmMgGtTpP]?[iI]?[bB]?$"),
    units.cores: ("processors like 500m or 2", {"minimum": 0}, rf"^{_NUMBER}m?$"),
}
_SCALARS: Mapping[type, Schema] = {
    str: {"type": ["string", "number"]},
    bool: {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, _VARIABLE]},
    int: {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^-?\d+$|\$"}]},
    float: {"anyOf": [{"type": "number"}, {"type": "string", "pattern": rf"^-?{_NUMBER}$|\$"}]},
    object: {},
}
_UNIT_NAMES: Mapping[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def extension_schema() -> Schema:
    """Returns the schema of the block at the top; the blocks beside it are among its `$defs`."""
    definitions = {kind.__name__: _block(kind, "") for kind in blocks_below(*ROOTS)}
    return {"$schema": _DIALECT, "title": "x-seaway", **_reference(Extension, ""), "$defs": definitions}


def editor_schema() -> Schema:
    """Returns Compose's own schema with every `x-seaway` block in it: what an editor needs for the whole file."""
    whole = copy.deepcopy(compose_schema())
    whole["properties"] |= {"x-seaway": _reference(Extension, "seaway.")}
    for section, kind in PLACES.items():
        for name in {"services": ("service", "job")}.get(section, (section.removesuffix("s"),)):
            whole["$defs"][name].setdefault("properties", {})["x-seaway"] = _reference(kind, "seaway.")
    whole["$defs"] |= {f"seaway.{kind.__name__}": _block(kind, "seaway.") for kind in blocks_below(*ROOTS)}
    return whole


@functools.cache
def meanings() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Returns what each key means: by dataclass and key, `says` and perhaps `example` and `name`."""
    return tomllib.loads((files("seaway.app") / "meanings.toml").read_text())


def unit_of(hint: Any) -> str:
    """Says what a value of an annotated type is, as people would: `a duration like 60s, 15m or 30d`."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _UNITS[parts[1]][0]
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(unit_of(each) for each in parts if each is not type(None)))
    if origin is Literal:
        return ", ".join(map(str, parts)) if len(parts) > 1 else str(parts[0])
    if origin is tuple:
        return f"a list of: {unit_of(parts[0])}"
    if origin is not None:
        return f"by name: {unit_of(parts[1])}"
    return "a block" if dataclasses.is_dataclass(hint) else _UNIT_NAMES.get(hint, "anything")


def _block(kind: type, prefix: str) -> Schema:
    keys = keys_of(kind).values()
    required = [key.name for key in keys if key.required]
    if kind is Extension:
        required = ["version"]
    long: Schema = {
        "type": "object",
        "properties": {key.name: _property(kind, key, prefix) for key in keys},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }
    spellings = getattr(kind, "spellings", None)
    return {"description": (kind.__doc__ or "").split("\n")[0], **(spellings(long) if spellings else long)}


def _property(kind: type, key: Key, prefix: str) -> Schema:
    says = meanings()[kind.__name__][key.name]["says"]
    said: Schema = {"description": f"{says} {LATER}" if key.later else says}
    if not key.required and key.default is not None and not dataclasses.is_dataclass(key.default):
        said["default"] = spelled(key.hint, key.default)
    if kind is Extension and key.name == "version":
        return {**said, "enum": [1, "1"]}
    value = _value(key.hint, prefix)
    if key.required or not value:
        return {**said, **value}
    return {**said, "anyOf": [*(value["anyOf"] if [*value] == ["anyOf"] else [value]), {"type": "null"}]}


def _reference(kind: type, prefix: str) -> Schema:
    return {"$ref": f"#/$defs/{prefix}{kind.__name__}"}


def _value(hint: Any, prefix: str) -> Schema:
    """Returns the schema of what an annotation accepts, as `reading.Reader.value` reads it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        _, bounds, pattern = _UNITS[parts[1]]
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": rf"{pattern}|\$"}]}
    if origin in (Union, types.UnionType):
        words = [{"enum": ["auto", "none"]}] if type(None) in parts else []
        return {"anyOf": [*(_value(each, prefix) for each in parts if each is not type(None)), *words]}
    if origin is Literal:
        return {"anyOf": [{"enum": list(parts)}, _VARIABLE]}
    if origin is tuple:
        return {"type": "array", "items": _value(parts[0], prefix)}
    if origin is not None:
        item = _value(parts[1], prefix)
        return {"type": "object", "additionalProperties": {"anyOf": [item, {"type": "null"}]} if item else {}}
    return _SCALARS[hint] if hint in _SCALARS else _reference(hint, prefix)

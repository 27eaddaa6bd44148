"""Frozen dataclasses to JSON and back: the shape of a predicate is its class, read strictly at the door.

Names become camelCase, `Digest` is written `sha256:<hex>`, times are UTC (`2026-01-01T00:00:00Z`), tuples are lists,
a field that is None is left out. Reading refuses missing fields and other types, and unknown fields too unless the
class says `OPEN = True`, as those of foreign predicates do; the error names the path. `schema` gives the same shape
as JSON Schema, for the documentation.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid

T = TypeVar("T")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def write(value: object) -> object:
    """Returns the JSON value of a dataclass, a digest, a time or a plain value."""
    if is_dataclass(value) and not isinstance(value, type | Digest):
        pairs = ((json_name(item), getattr(value, item.name)) for item in fields(value))
        return {name: write(part) for name, part in pairs if part is not None}
    if isinstance(value, Digest | StrEnum):
        return str(value)
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, Mapping):
        return {str(key): write(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [write(part) for part in value]
    return value


def read(shape: type[T], value: object, *, where: str = "predicate") -> T:
    """Reads a dataclass from a JSON object; raises EvidenceInvalid with the path to the fault."""
    if not isinstance(value, Mapping):
        raise EvidenceInvalid("not an object", where=where)
    known = _members(shape)  # type: ignore[arg-type]  # a class is hashable; mypy loses it behind T
    unknown = sorted(set(value) - set(known))
    if unknown and not getattr(shape, "OPEN", False):
        raise EvidenceInvalid(f"unknown field {unknown[0]!r}", where=where)
    parts = {item.name: _member(item, hint, value, f"{where}.{name}") for name, (item, hint) in known.items()}
    return shape(**parts)


def write_time(moment: datetime) -> str:
    """Writes an aware time in UTC, with a fraction only where there is one (RFC 3339)."""
    if moment.tzinfo is None:
        raise EvidenceInvalid(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def read_time(text: object, *, where: str = "time") -> datetime:
    """Reads what `write_time` writes; raises EvidenceInvalid for other spellings."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise EvidenceInvalid(f"{text!r} is not a UTC time", where=where)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise EvidenceInvalid(str(error), where=where) from error


def json_name(item: Field[Any]) -> str:
    """Returns a field's name in JSON: camelCase, or what its metadata says where a standard spells it otherwise."""
    first, *rest = item.name.split("_")
    return str(item.metadata.get("name") or first + "".join(word.capitalize() for word in rest))


@cache
def _members(shape: type) -> dict[str, tuple[Field[Any], object]]:
    hints = typing.get_type_hints(shape)
    return {json_name(item): (item, hints[item.name]) for item in fields(shape)}


def _member(item: Field[Any], hint: object, value: Mapping[str, object], where: str) -> object:
    name = json_name(item)
    if name in value:
        return _read(hint, value[name], where)
    if item.default is not MISSING:
        return item.default
    if item.default_factory is not MISSING:
        return item.default_factory()
    raise EvidenceInvalid("missing", where=where)


def _read(hint: object, value: object, where: str) -> object:
    origin = get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _read(next(part for part in get_args(hint) if part is not types.NoneType), value, where)
    if origin is tuple:
        return _read_list(get_args(hint)[0], value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _read_mapping(get_args(hint)[1], value, where)
    if hint is object:
        return value
    if isinstance(hint, type):
        return _read_plain(hint, value, where)
    raise TypeError(f"{hint!r} is no shape")


def _read_list(part: object, value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise EvidenceInvalid("not a list", where=where)
    return tuple(_read(part, item, f"{where}[{place}]") for place, item in enumerate(value))


def _read_mapping(part: object, value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise EvidenceInvalid("not an object", where=where)
    return {name: _read(part, item, f"{where}.{name}") for name, item in value.items()}


def _read_plain(hint: type, value: object, where: str) -> object:
    if is_dataclass(hint) and hint is not Digest:
        return read(hint, value, where=where)
    if hint is datetime:
        return read_time(value, where=where)
    if hint is float and type(value) is int:
        return float(value)
    if hint is Digest or issubclass(hint, StrEnum):
        return _read_text(hint, value, where)
    if type(value) is not hint:
        raise EvidenceInvalid(f"{value!r} is not of type {hint.__name__}", where=where)
    return value


def _read_text(hint: type, value: object, where: str) -> object:
    try:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a string")
        return Digest.parse(value) if hint is Digest else hint(value)
    except ValueError as error:
        raise EvidenceInvalid(str(error), where=where) from error


_PLAIN: Mapping[object, dict[str, object]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
    Digest: {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    datetime: {"type": "string", "format": "date-time"},
}


def schema(shape: type) -> dict[str, object]:
    """Returns the JSON Schema (2020-12) of a shape."""
    members = _members(shape)
    required = [n for n, (item, _) in members.items() if item.default is MISSING and item.default_factory is MISSING]
    properties = {name: _schema(hint) for name, (_, hint) in members.items()}
    is_open = bool(getattr(shape, "OPEN", False))
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": is_open}


def _schema(hint: object) -> dict[str, object]:
    origin = get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _schema(next(part for part in get_args(hint) if part is not types.NoneType))
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(hint)[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(get_args(hint)[1])}
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [str(member) for member in hint]}
    if isinstance(hint, type):
        return schema(hint)
    raise TypeError(f"{hint!r} is no shape")

"""A `Version` as a JSON document and back: what is installed, and what the version's digest is taken over.

Dataclasses are written field by field (one whose metadata say `where: written` only where it holds something), digests
as text; reading follows the annotations of `blueprint.py`, so a new field there with a default needs no change here,
and older documents still read.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from seaway.digest import Digest
from seaway.targets.base import Version

T = TypeVar("T")


def encode(value: object) -> Any:
    """Returns the JSON form of a value of the blueprint."""
    if isinstance(value, Digest):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {
            each.name: encode(own) for each, own in fields.items() if own or each.metadata.get("where") != "written"
        }
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [encode(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    return value


def decode(kind: Any, value: Any) -> Any:
    """Reads the JSON form of a value of type `kind`; raises ValueError or KeyError for another form."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Digest:
        return Digest.parse(value)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return cast(type, kind)(**{key: decode(hints[key], each) for key, each in value.items() if key in hints})
    if origin is tuple:
        return tuple(decode(inner[0], each) for each in value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {decode(inner[0], key): decode(inner[1], each) for key, each in value.items()}
    if origin in (types.UnionType, typing.Union):
        return None if value is None else decode(next(each for each in inner if each is not type(None)), value)
    return value


def version_document(version: Version) -> dict[str, Any]:
    """Returns the document of a version."""
    return cast(dict[str, Any], encode(version))


def read_version(document: Mapping[str, Any]) -> Version:
    """Reads a version's document; raises ValueError or KeyError for anything else."""
    return cast(Version, decode(Version, document))

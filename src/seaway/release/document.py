"""Frozen values as JSON documents and back, told by their types: what the store keeps and the evidence file shows.

Floats are hex strings (`0x1.8p+0`), so that state survives bit for bit; a union of dataclasses carries its class as
`kind`. Not here: which documents exist (`store`, `record`).
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from seaway.digest import Digest

T = TypeVar("T")


def encode(value: object) -> Any:
    """Returns the JSON form of a frozen value."""
    match value:
        case Enum():
            return value.value
        case bool() | int() | str() | None:
            return value
        case float():
            return value.hex()
        case Digest():
            return str(value)
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case frozenset():
            return sorted([encode(item) for item in value])
        case tuple():
            return [encode(item) for item in value]
        case _ if is_dataclass(value):
            body = {each.name: encode(getattr(value, each.name)) for each in fields(value)}
            return {"kind": type(value).__name__, **body}
    raise TypeError(f"{type(value).__name__} is no part of a document")


def decode(kind: type[T], document: Any) -> T:
    """Reads a value of this type; raises ValueError, KeyError or TypeError for a document of another shape."""
    return cast(T, _read(kind, document))


def _read(kind: Any, document: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union(get_args(kind), document)
    if origin is tuple:
        return _tuple(get_args(kind), document)
    if origin is frozenset:
        return frozenset([_read(get_args(kind)[0], item) for item in document])
    if origin is not None and issubclass(origin, Mapping):
        key, item = get_args(kind)
        return {_read(key, name): _read(item, each) for name, each in document.items()}
    if kind is float:
        return float.fromhex(document) if isinstance(document, str) else float(document)
    if kind is Digest:
        return Digest.parse(document)
    if kind in (int, str, bool) or kind is type(None):
        return _plain(kind, document)
    return _noun(kind, document)


def _plain(kind: type, document: Any) -> Any:
    if type(document) is not kind:
        raise ValueError(f"{document!r} is not {kind.__name__}")
    return document


def _noun(kind: Any, document: Any) -> Any:
    if issubclass(kind, Enum):
        return kind(document)
    hints = _hints(kind)
    if issubclass(kind, tuple):
        return kind(*[_read(hint, item) for hint, item in zip(hints.values(), document, strict=True)])
    if document["kind"] != kind.__name__:
        raise ValueError(f"a document of {document['kind']} is no {kind.__name__}")
    known = [each for each in fields(kind) if each.name in document or not _has_default(each)]
    return kind(**{each.name: _read(hints[each.name], document[each.name]) for each in known})


def _has_default(known: Field[Any]) -> bool:
    """Whether an older document may lack a field: what it means then is the default."""
    return known.default is not MISSING or known.default_factory is not MISSING


def _union(kinds: tuple[Any, ...], document: Any) -> Any:
    if document is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    if len(rest) == 1:
        return _read(rest[0], document)
    return _read({kind.__name__: kind for kind in rest}[document["kind"]], document)


def _tuple(kinds: tuple[Any, ...], document: Any) -> Any:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple([_read(kinds[0], item) for item in document])
    return tuple([_read(kind, item) for kind, item in zip(kinds, document, strict=True)])


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)

"""The keys of an `x-seaway` block as data: what each dataclass says of its fields, for whoever reads or describes them.

A field's metadata may name another key (`key`, None: no key), say that its keys are laid over the ones it inherits
(`INHERITS`), or that nothing acts on it yet (`later`). Not here: reading values (`reading`), what a key means
(`meanings.toml`).
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

INHERITS = {"inherits": True}
_NOTHING = dataclasses.MISSING


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One key of a block: as written, its field, its annotation, its default, and whether there is none (`required`).

    With `later` nothing acts on the key yet; then `off` is the value that asks for nothing.
    """

    name: str
    field: str
    hint: Any
    default: Any = None
    required: bool = False
    inherits: bool = False
    later: bool = False
    off: Any = None


def later(default: T, *, off: T | None = None, key: str | None = None) -> T:
    """Declares a field that nothing acts on yet; another value than `off` (None: the default) is a finding."""
    metadata = {"later": True, "off": default if off is None else off, **({"key": key} if key else {})}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@functools.cache
def keys_of(kind: Any) -> Mapping[str, Key]:
    """Returns the keys of a block's dataclass, by name, in the order they are declared."""
    hints = get_type_hints(kind, include_extras=True)
    found = (_key(field, hints[field.name]) for field in dataclasses.fields(kind))
    return {key.name: key for key in found if key.name}


def _key(field: dataclasses.Field[Any], hint: Any) -> Key:
    default = field.default if field.default_factory is _NOTHING else field.default_factory()
    required, said = default is _NOTHING, field.metadata
    return Key(
        name=said.get("key", field.name) or "",
        field=field.name,
        hint=hint,
        default=None if required else default,
        required=required,
        inherits="inherits" in said,
        later="later" in said,
        off=said.get("off"),
    )


def blocks_in(hint: Any) -> Iterator[type]:
    """Yields the dataclasses an annotation speaks of: itself, or in a union, a tuple, a mapping."""
    if dataclasses.is_dataclass(hint):
        yield cast(type, hint)
    elif get_origin(hint) in (Union, types.UnionType, tuple) or get_origin(hint) is not None:
        for part in get_args(hint):
            yield from blocks_in(part)


def blocks_below(*roots: type) -> tuple[type, ...]:
    """Returns every block reachable from some, themselves first."""
    found: dict[type, None] = {}
    waiting = list(roots)
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found[kind] = None
            waiting += [each for key in keys_of(kind).values() for each in blocks_in(key.hint)]
    return tuple(found)


def unacted(block: Any, over: Any = None) -> Iterator[tuple[tuple[str, ...], Key]]:
    """Yields the path and key of each value, in a block and below, that asks for what nothing does yet.

    What a block inherits from `over` is not its own and was said there.
    """
    for key in keys_of(cast(Any, type(block))).values():
        value = getattr(block, key.field)
        if over is not None and value == getattr(over, key.field):
            continue
        if not key.later:
            yield from (((key.name, *path), below) for path, below in _inside(value))
        elif over is not None if key.inherits else value != key.off:
            yield (key.name,), key


def _inside(value: Any) -> Iterator[tuple[tuple[str, ...], Key]]:
    if dataclasses.is_dataclass(value):
        yield from unacted(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from (((str(name), *path), below) for path, below in _inside(item))

"""How a value of `x-seaway` is written: the inverse of `units` and `reading`, for schemas and the reference."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Union, cast, get_args, get_origin

from seaway.app import units
from seaway.app.keys import keys_of

_DURATIONS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SIZES = ("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)


def spelled(hint: Any, value: Any) -> Any:
    """Returns plain YAML for a value of an annotated type, in the unit people use: 900.0 of `Seconds` is `15m`."""
    if value is None:
        return None
    if get_origin(hint) is Annotated:
        return _UNITS[get_args(hint)[1]](value)
    if get_origin(hint) in (Union, types.UnionType):
        inner = [each for each in get_args(hint) if each is not type(None)]
        return spelled(inner[0], value) if len(inner) == 1 else _plain(value)
    if get_origin(hint) is tuple:
        return [spelled(get_args(hint)[0], item) for item in value]
    if get_origin(hint) is not None and isinstance(value, Mapping):
        return {name: spelled(get_args(hint)[1], item) for name, item in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        short: Callable[[], Any] | None = getattr(value, "short", None)
        return short() if short else written(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def written(block: Any) -> dict[str, Any]:
    """Returns a block as its user would write it, keys at their defaults left out."""
    return {
        key.name: spelled(key.hint, getattr(block, key.field))
        for key in keys_of(cast(Any, type(block))).values()
        if getattr(block, key.field) != key.default
    }


def _duration(seconds: float) -> str:
    """Writes a duration in the largest unit that leaves no rest: 86400 is `24h`, not `1d`."""
    if seconds and seconds < 1:
        return f"{seconds * 1000:g}ms"
    for length, unit in _DURATIONS:
        if seconds and seconds % length == 0 and seconds / length >= (2 if unit == "d" else 1):
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _size(count: int) -> str | int:
    return next((f"{count // step}{unit}" for unit, step in _SIZES if count and count % step == 0), count)


def _cores(count: float) -> str:
    return f"{count:g}" if count == int(count) else f"{count * 1000:g}m"


_UNITS: Mapping[Any, Callable[[Any], Any]] = {
    units.seconds: _duration,
    units.share: lambda value: f"{value * 100:g}%",
    units.percent: lambda value: f"{value:g}%",
    units.factor: lambda value: f"{value:g}x",
    units.size: _size,
    units.cores: _cores,
}

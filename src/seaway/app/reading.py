"""Reads plain values into frozen dataclasses at the door: the schema of `x-seaway` is its dataclasses.

A field's annotation says what it accepts; `keys` has what its metadata may say. A class may offer `shorthand(value)`,
which returns the long mapping for a short spelling, and `spellings(long)`, the same as JSON Schema. Interpolated
strings are cast (`"4"` is an int). Where None is allowed, `auto` and `none` mean it too. Units are `Annotated` types.
Problems are collected as findings, so that a user sees all of them at once. Not here: what the keys mean.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from seaway.app import units
from seaway.app.keys import Key, keys_of
from seaway.app.scalars import Timestamp
from seaway.app.tree import Path
from seaway.findings import Finding, Level, Position

T = TypeVar("T")

Seconds = Annotated[float, units.seconds]
Share = Annotated[float, units.share]
Percent = Annotated[float, units.percent]
Factor = Annotated[float, units.factor]
Bytes = Annotated[int, units.size]
Cores = Annotated[float, units.cores]


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Unreadable(ValueError):
    """A value does not have the form its field asks for; the text says which form that is."""


def nearest(word: str, known: list[str]) -> str:
    """Returns the sentence that helps with a word nobody knows."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(sorted(known))}"


class Reader:
    """Reads values below one root; `where` finds the place of a path. Findings gather in `findings`."""

    def __init__(self, where: Callable[[Path], Position | None] = lambda _: None) -> None:
        self.where = where
        self.findings: list[Finding] = []

    def block(self, kind: type[T], value: object, path: Path, over: T | None = None) -> T:
        """Reads a mapping, or the short spelling of one, into `kind`; keys not written are those of `over`."""
        shorthand = getattr(kind, "shorthand", None)
        if shorthand is not None:
            value = shorthand(value)
        if not isinstance(value, Mapping):
            raise Unreadable("a mapping")
        found = self._found(kind, value, path, over)
        if over is not None:
            return cast(T, dataclasses.replace(cast(Any, over), **found))
        self._require(kind, found, path)
        required = [key.field for key in keys_of(cast(Any, kind)).values() if key.required]
        return kind(**(dict.fromkeys(required) | found))

    def _found(self, kind: type[T], value: Mapping[Any, Any], path: Path, over: T | None) -> dict[str, Any]:
        fields = keys_of(cast(Any, kind))
        found: dict[str, Any] = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is None:
                self.report("SW-101", f'"{key}" is not an x-seaway key', (*path, key), nearest(str(key), list(fields)))
                continue
            base = getattr(over, field.field) if field.inherits and over is not None else None
            self._keep(found, field, item, (*path, key), base)
        return found

    def _keep(self, found: dict[str, Any], field: Key, item: object, path: Path, base: object = None) -> None:
        if item is None and type(None) not in get_args(field.hint) and not hasattr(field.hint, "shorthand"):
            return
        try:
            found[field.field] = self.value(field.hint, item, path, base)
        except Unreadable as problem:
            self.report("SW-103", f"{shown(item)} is not {problem}", path, None)
            found[field.field] = None

    def _require(self, kind: Any, found: Mapping[str, Any], path: Path) -> None:
        for key in keys_of(kind).values():
            if key.required and key.field not in found:
                self.report("SW-104", f'"{key.name}" is missing', path, f'add "{key.name}: …"')

    def report(self, code: str, says: str, path: Path, hint: str | None) -> None:
        """Adds a finding of level error about the entry at `path`."""
        self.findings.append(Finding(code, Level.ERROR, f"{dotted(path)}: {says}", self.where(path), hint))

    def value(self, hint: Any, value: object, path: Path, over: Any = None) -> Any:
        """Reads a value of the annotated type; raises Unreadable."""
        origin = get_origin(hint)
        if origin is Annotated:
            return _unit(get_args(hint)[1], value)
        if origin in (Union, types.UnionType):
            return self._union(get_args(hint), value, path, over)
        if origin is Literal:
            return _literal(get_args(hint), value)
        if origin is tuple:
            return self._tuple(get_args(hint)[0], value, path)
        if origin is not None:
            return self._mapping(get_args(hint)[1], value, path)
        return (
            self.block(cast(type[Any], hint), value, path, over)
            if dataclasses.is_dataclass(hint)
            else _scalar(hint, value)
        )

    def _union(self, hints: tuple[Any, ...], value: object, path: Path, over: Any) -> Any:
        if any(get_origin(hint) is Literal and value in get_args(hint) for hint in hints):
            return value
        if type(None) in hints and value in (None, "auto", "none"):
            return None
        problems = []
        for hint in hints:
            try:
                if hint is not type(None):
                    return self.value(hint, value, path, over)
            except Unreadable as problem:
                problems.append(str(problem))
        raise Unreadable(" or ".join(dict.fromkeys(problems)))

    def _tuple(self, hint: Any, value: object, path: Path) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise Unreadable("a list")
        return tuple(self.value(hint, item, (*path, index)) for index, item in enumerate(value))

    def _mapping(self, hint: Any, value: object, path: Path) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise Unreadable("a mapping")
        found: dict[str, Any] = {}
        for key, item in value.items():
            self._keep(found, Key(str(key), str(key), hint), item, (*path, str(key)))
        return found


def dotted(path: Path) -> str:
    """Writes a path as users do: `services.api.ports[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    """Returns a value as written, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unit(parse: Callable[[object], Any], value: object) -> Any:
    try:
        return parse(value)
    except (ValueError, TypeError) as problem:
        raise Unreadable(str(problem)) from problem


def _literal(choices: tuple[Any, ...], value: object) -> Any:
    if not isinstance(value, (dict, list)) and value in choices:
        return value
    raise Unreadable(f"one of {', '.join(map(str, choices))}")


def _scalar(hint: Any, value: object) -> Any:
    if hint is Any or hint is object:
        return value
    if hint is bool:
        return _boolean(value)
    if hint is str:
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Unreadable("a number")
    spoilt = isinstance(value, str) and not _NUMBER.fullmatch(value)
    read = math.nan if spoilt else float(value)
    if not math.isfinite(read) or (hint is int and not read.is_integer()):
        raise Unreadable("a whole number" if hint is int else "a number")
    return value if isinstance(value, int) and hint is int else hint(read)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Unreadable("true or false")


def _text(value: object) -> str:
    if isinstance(value, Timestamp):
        return value.json.removesuffix("T00:00:00Z")
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable("a string")
    return str(value)

"""Reads YAML into trees with places: libyaml's event stream and a builder with its own stack.

One document at a time: duplicate keys are refused, merge keys are applied, the paths
tagged `!reset` and `!override` are recorded. Limits are checked while reading, so hostile input is refused before
it costs anything: visited values (Compose's own cap), values after alias expansion, depth.
Not here: what the values mean to Compose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from seaway.app.scalars import resolve
from seaway.app.tree import Map, Path, Seq, copied, pack
from seaway.errors import LimitExceeded, ParseError
from seaway.findings import Position

VISITED = 100_000
EXPANDED = 500_000
DEPTH = 256
DOCUMENTS = 1000
DIRECTIVES = 100

_RESETS = ("!reset", "!override")
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its tree, the paths whose earlier values it resets or overrides, and how many values the
    file has up to its end, aliases expanded.
    """

    tree: Any
    resets: tuple[Path, ...] = ()
    size: int = 0


@dataclass(slots=True)
class _Frame:
    """A mapping or list being read; `key` is the key read last, `size` the values in it after expansion."""

    node: Any
    anchor: str | None
    tag: str | None
    mark: int
    mapping: bool
    size: int = 1
    depth: int = 1
    key: str | None = None
    key_mark: int = 0
    merging: bool = False
    start: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    merges: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class _Anchored:
    value: Any
    size: int
    tag: str | None
    resets: tuple[Path, ...] = ()
    depth: int = 0


def documents(data: bytes, name: str, file: int, *, visited: int = VISITED) -> Iterator[Document]:
    """Yields each document of a file; raises ParseError or LimitExceeded with the place."""
    if data.count(b"%TAG") > DIRECTIVES:
        # The parser compares each with all before it.
        raise LimitExceeded(f"more than {DIRECTIVES} %TAG directives", where=name)
    builder = _Builder(name, file, visited)
    try:
        yield from builder.read(yaml.CLoader(data))
    except yaml.MarkedYAMLError as problem:
        place = problem.problem_mark or problem.context_mark
        where = Position(name, place.line + 1, place.column + 1) if place else name
        kind = LimitExceeded if "nesting depth" in str(problem.problem) else ParseError
        raise kind(problem.problem or "not YAML", where=where, hint=_advice(problem.problem)) from problem
    except yaml.YAMLError as problem:
        raise ParseError(str(getattr(problem, "reason", problem)), where=_position(problem, data, name)) from problem


def _advice(problem: str | None) -> str | None:
    if problem and "'\\t'" in problem:
        return "indent with spaces, YAML forbids tabs"
    return None


def _position(problem: yaml.YAMLError, data: bytes, name: str) -> Position | str:
    at = getattr(problem, "position", None)
    if not isinstance(at, int):
        return name
    return Position(name, data.count(b"\n", 0, at) + 1, at - data.rfind(b"\n", 0, at))


class _Builder:
    def __init__(self, name: str, file: int, visited: int) -> None:
        self.name, self.file, self.limit = name, pack(file, 0, 0), visited
        # Compose's reader knows an earlier document's anchors, YAML 1.2 or not.
        self.anchors: dict[str, _Anchored | None] = {}
        self.expanded = 0
        self.documents = 0
        self.clear()

    def clear(self) -> None:
        self.stack: list[_Frame] = []
        self.resets: list[Path] = []
        self.visits = 0
        self.root: Any = None

    def begin(self, event: Any) -> None:
        self.clear()
        self.documents += 1
        if self.documents > DOCUMENTS:
            raise LimitExceeded(f"more than {DOCUMENTS} documents in one file", where=self.where(event))
        if event.version not in (None, (1, 1)):
            says = f"YAML {'.'.join(map(str, event.version))} is not what Compose reads"
            raise ParseError(says, where=self.where(event), hint="delete the line %YAML")

    def read(self, loader: Any) -> Iterator[Document]:
        """Yields the documents of a stream of events, which are many: what is done for each is kept short."""
        take = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: lambda event: self.open(event, Map()),
            yaml.SequenceStartEvent: lambda event: self.open(event, Seq()),
            yaml.MappingEndEvent: self.close,
            yaml.SequenceEndEvent: self.close,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.begin,
        }
        get = loader.get_event
        while (event := get()) is not None:
            kind = type(event)
            if kind in take:
                take[kind](event)
            elif kind is yaml.DocumentEndEvent:
                yield Document(self.root, tuple(self.resets), self.expanded)

    def where(self, event: Any) -> Position:
        return Position(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def mark(self, event: Any) -> int:
        start = event.start_mark
        return self.file | pack(0, start.line + 1, start.column + 1)

    def visit(self, event: Any, size: int) -> None:
        self.visits += 1
        self.expanded += size
        if self.visits > self.limit:
            raise LimitExceeded(
                f"more than {self.limit} values in one document", where=self.where(event), hint="--max-nodes raises it"
            )
        if self.expanded > EXPANDED:
            raise LimitExceeded(f"aliases expand to more than {EXPANDED} values", where=self.where(event))

    def awaits_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].mapping and self.stack[-1].key is None

    def scalar(self, event: Any) -> None:
        value: object = event.value
        plain = event.implicit[0]
        tag = None if event.tag is None else _short(event.tag)
        if plain or tag is not None:
            value = self.resolved(event, tag)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.mapping and frame.key is None:
            self.key(event, value, merges=tag == "!!merge" or (plain and event.value == "<<"))
            return
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, tag)
        self.visit(event, 1)
        self.place(value, self.mark(event), 1, tag)

    def resolved(self, event: Any, tag: str | None) -> object:
        try:
            value = resolve(event.value, tag)
        except ValueError as problem:
            raise ParseError(str(problem), where=self.where(event)) from problem
        if type(value) is float and not math.isfinite(value):
            raise ParseError(f"{event.value[:100]} cannot be written as JSON", where=self.where(event))
        return value

    def key(self, event: Any, value: object, *, merges: bool) -> None:
        frame = self.stack[-1]
        text = event.value
        if text in frame.seen:
            raise ParseError(
                f'"{text[:100]}" is written twice, first in line {frame.seen[text]}', where=self.where(event)
            )
        if not isinstance(value, str):
            hint = f'quote it: "{text[:100]}"'
            raise ParseError(f"{text[:100]!r} is not a string key", where=self.where(event), hint=hint)
        frame.seen[text] = event.start_mark.line + 1
        frame.key, frame.key_mark, frame.merging = str(value), self.mark(event), merges
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, None)

    def open(self, event: Any, node: Any) -> None:
        if self.awaits_key():
            raise ParseError("a key must be a string", where=self.where(event))
        if len(self.stack) >= DEPTH:
            raise LimitExceeded(f"nested deeper than {DEPTH} levels", where=self.where(event))
        self.visit(event, 1)
        if event.anchor:
            self.anchors[event.anchor] = None
        mapping = type(node) is Map
        frame = _Frame(node, event.anchor, _short(event.tag), self.mark(event), mapping, start=len(self.resets))
        self.stack.append(frame)

    def close(self, _: Any) -> None:
        frame = self.stack.pop()
        for merged in frame.merges:
            self.merge(frame, merged)
        if frame.anchor:
            depth = len(self.path())
            inside = tuple(path[depth:] for path in self.resets[frame.start :])
            self.anchors[frame.anchor] = _Anchored(frame.node, frame.size, frame.tag, inside, frame.depth)
        if self.stack and self.stack[-1].depth <= frame.depth:
            self.stack[-1].depth = frame.depth + 1
        self.place(frame.node, frame.mark, frame.size, frame.tag)

    def merge(self, frame: _Frame, merged: Any) -> None:
        for each in merged if isinstance(merged, Seq) else [merged]:
            if not isinstance(each, Map):
                raise ParseError("<< takes a mapping or a list of mappings", where=self.unmark(frame.mark))
            for key, value in each.items():
                if key not in frame.node:
                    frame.node.put(key, value, each.at.get(key))

    def unmark(self, mark: int) -> Position:
        return Position(self.name, mark >> 20 & (1 << 24) - 1, mark & (1 << 20) - 1)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise ParseError(f"unknown anchor {event.anchor!r}", where=self.where(event))
        anchored = self.anchors[event.anchor]
        if anchored is None:
            raise ParseError(f"anchor {event.anchor!r} contains itself", where=self.where(event))
        if self.awaits_key():
            event.value = event.anchor
            self.key(event, anchored.value, merges=False)
            return
        self.visit(event, anchored.size)
        if len(self.stack) + anchored.depth > DEPTH:
            raise LimitExceeded(f"nested deeper than {DEPTH} levels by aliases", where=self.where(event))
        if self.stack and self.stack[-1].depth <= anchored.depth:
            self.stack[-1].depth = anchored.depth + 1
        self.resets += [self.path() + inside for inside in anchored.resets]
        self.place(copied(anchored.value), self.mark(event), anchored.size, anchored.tag)

    def place(self, value: Any, mark: int, size: int, tag: str | None) -> None:
        if tag is not None and tag in _RESETS:
            # Compose does not look for tags inside of what overrides.
            if any(frame.tag == "!override" for frame in self.stack):
                tag = None
            else:
                self.resets.append(self.path())
        if not self.stack:
            self.root = None if tag == "!reset" else value
            return
        frame = self.stack[-1]
        frame.size += size
        if not frame.mapping:
            if tag != "!reset":
                frame.node.add(value, mark)
            return
        key, frame.key = frame.key, None
        if tag == "!reset" or key is None:
            return
        if frame.merging:
            frame.merges.append(value)
        else:
            frame.node.put(key, value, frame.key_mark)

    def path(self) -> Path:
        parts: list[str | int] = []
        for frame in self.stack:
            if isinstance(frame.node, Seq):
                parts.append(len(frame.node))
            elif frame.key is not None and not frame.merging:
                parts.append(frame.key)
        return tuple(parts)


def _short(tag: str | None) -> str | None:
    if tag is None or tag == "!":
        return None
    return f"!!{tag[len(_CORE) :]}" if tag.startswith(_CORE) else tag

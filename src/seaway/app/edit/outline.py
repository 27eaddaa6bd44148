"""The outline of a YAML text: which key and which value lies where, as offsets into the text.

Built from libyaml's events with a stack of its own, like the loader's trees; merge keys are keys like others here and
aliases stay aliases, because an edit is one of the text. Offsets count characters of the text, a byte order mark
included. Source: YAML 1.2.2, libyaml's marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from seaway.errors import EditRefused

BOM = "\ufeff"


@dataclass(slots=True)
class Node:
    """A value: `kind` is scalar, map, seq or alias; `start` to `end` its text, anchor and tag included.

    `flow` for collections in brackets; `style` is a scalar's quote or block sign, empty for a plain one; `behind` the
    place right behind the colon or dash before it, -1 at the top.
    """

    kind: str
    start: int
    end: int
    column: int = 0
    flow: bool = False
    style: str = ""
    value: str = ""
    behind: int = -1
    entries: list[Entry] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written where the value would be."""
        return self.kind == "scalar" and self.start == self.end


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list (`key` None); `owner` is the collection it is in."""

    key: Node | None
    value: Node
    owner: Node

    @property
    def start(self) -> int:
        """Where the key, or the item, begins."""
        return (self.key or self.value).start

    @property
    def end(self) -> int:
        """Where the value ends; for an item or value that is not written, what stands before it."""
        return self.value.end

    @property
    def name(self) -> str | None:
        """The key's text."""
        return self.key.value if self.key else None


@dataclass(slots=True)
class Outline:
    """A text with the top value of each of its documents."""

    text: str
    roots: list[Node] = field(default_factory=list)

    def entries(self) -> Iterator[Entry]:
        """Yields every entry, outer ones first."""
        waiting = list(reversed(self.roots))
        while waiting:
            node = waiting.pop()
            yield from node.entries
            waiting.extend(entry.value for entry in reversed(node.entries))

    def at(self, offset: int) -> Entry | None:
        """Returns the innermost entry that begins at an offset."""
        found = [entry for entry in self.entries() if entry.start == offset]
        return found[-1] if found else None

    def offset(self, line: int, column: int) -> int:
        """Returns the offset of a place as the loader counts it: lines and columns from 1, the mark not counted."""
        at = 1 if self.text.startswith(BOM) else 0
        for _ in range(line - 1):
            at = _after_break(self.text, at)
        return at + column - 1

    @property
    def newline(self) -> str:
        """The line end of the text: the first it has."""
        at = self.text.find("\n")
        return "\r\n" if at > 0 and self.text[at - 1] == "\r" else "\n"


_BREAKS = "\n\r\x85\u2028\u2029"


def _after_break(text: str, at: int) -> int:
    """Returns where the next line begins; what breaks a line is libyaml's choice (YAML 1.1, section 5.4)."""
    found = [place for mark in _BREAKS if (place := text.find(mark, at)) >= 0]
    if not found:
        return len(text)
    first = min(found)
    return first + (2 if text[first : first + 2] == "\r\n" else 1)


@dataclass(slots=True)
class _Open:
    node: Node
    key: Node | None = None


def outline(text: str) -> Outline:
    """Reads the outline of a text; raises EditRefused where it is no YAML."""
    shift = 1 if text.startswith(BOM) else 0
    found, stack = Outline(text), list[_Open]()
    try:
        for event in yaml.parse(text[shift:], Loader=yaml.CLoader):
            _take(event, found, stack, shift)
    except yaml.YAMLError as problem:
        raise EditRefused(f"this is not YAML: {problem}") from problem
    return found


def _take(event: Any, found: Outline, stack: list[_Open], shift: int) -> None:
    kind = type(event)
    start, end = event.start_mark.index + shift, event.end_mark.index + shift
    if kind is yaml.ScalarEvent:
        style = event.style or ""
        node = Node("scalar", start, end, event.start_mark.column, style=style, value=event.value)
        if style in ("|", ">"):
            node.end = _block_end(found.text, start, end)
        _place(node, found, stack)
    elif kind is yaml.AliasEvent:
        _place(Node("alias", start, end, event.start_mark.column, value=event.anchor), found, stack)
    elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
        name = "map" if kind is yaml.MappingStartEvent else "seq"
        node = Node(name, start, end, event.start_mark.column, flow=bool(event.flow_style))
        stack.append(_Open(node))
    elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
        node = stack.pop().node
        node.end = end if node.flow else max([node.start, *(entry.end for entry in node.entries[-1:])])
        _place(node, found, stack)


def _place(node: Node, found: Outline, stack: list[_Open]) -> None:
    if not stack:
        found.roots.append(node)
        return
    top = stack[-1]
    if top.node.kind == "seq":
        node.behind = -1 if top.node.flow else found.text.rindex("-", 0, max(node.start, 1)) + 1
        top.node.entries.append(Entry(None, node, top.node))
    elif top.key is None:
        top.key = node
    else:
        node.behind = found.text.find(":", top.key.end) + 1
        top.node.entries.append(Entry(top.key, node, top.node))
        top.key = None


def _block_end(text: str, start: int, end: int) -> int:
    """Returns where a block scalar ends: before the line break after its last line, blank ones it keeps included."""
    head = text[start:end].split("\n", 1)[0]
    body = text[start:end]
    kept = body[:-1] if body.endswith("\n") and "+" in head.partition("#")[0] else body.rstrip()
    return start + len(kept.removesuffix("\r"))

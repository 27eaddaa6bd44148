"""Changes of a text as splices at places of its outline.

Each function returns the splice for one change; none is made where the text would have to be guessed: below an alias,
beside a key that is itself a collection. Deleting leaves comments that stand on lines of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from seaway.app.edit.outline import BOM, Entry, Node, Outline
from seaway.app.edit.spelling import entry, flow, requoted, scalar
from seaway.errors import EditRefused

_STEP = 2
_TAGS = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)*")
_COMMENT = re.compile(r"#[^\n\r\x85\u2028\u2029]*")
_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*")


@dataclass(frozen=True, slots=True)
class Splice:
    """What stands from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """By how much the text gets longer."""
        return len(self.text) - (self.end - self.start)


def applied(text: str, splice: Splice) -> str:
    """Returns the text after a splice."""
    return text[: splice.start] + splice.text + text[splice.end :]


def put(outline: Outline, node: Node, key: str, value: object) -> Splice:
    """Returns the splice that adds a key to a mapping, or to a value that is not written yet; raises EditRefused."""
    if node.is_empty or (node.kind == "scalar" and not node.style and node.value in ("null", "~", "")):
        gap = " " if outline.text[node.start - 1 : node.start] not in ("", " ", "\n") else ""
        return Splice(node.start, node.end, gap + flow({key: value}))
    if node.kind != "map":
        raise EditRefused("its value is not a mapping of its own")
    if not node.entries:
        return Splice(node.start, node.end, _tags(outline.text, node) + flow({key: value}))
    last = node.entries[-1]
    if node.flow:
        return _after(outline.text, last, f"{scalar(key)}: {flow(value)}")
    column = node.entries[0].key.column if node.entries[0].key else node.column
    splice = _below(outline, last, column, entry(key, value, column, outline.newline, _step(outline)))
    gap = outline.newline if node in outline.roots and _is_airy(outline, node) else ""
    return Splice(splice.start, splice.end, gap + splice.text)


def append(outline: Outline, node: Node, value: object) -> Splice:
    """Returns the splice that adds an item to a list; raises EditRefused."""
    if node.kind != "seq":
        raise EditRefused("its value is not a list of its own")
    if not node.entries:
        return Splice(node.start, node.end, f"{_tags(outline.text, node)}[{flow(value)}]")
    last = node.entries[-1]
    if node.flow:
        return _after(outline.text, last, flow(value))
    dash = _dashed(last)
    column = len(outline.text[_line_start(outline.text, dash) : dash])
    return _below(outline, last, column, f"- {flow(value)}")


def drop(outline: Outline, gone: Entry) -> Splice:
    """Returns the splice that deletes a key or item; a collection without any is written `{}` or `[]`."""
    owner = gone.owner
    index = next(number for number, each in enumerate(owner.entries) if each is gone)
    if len(owner.entries) == 1:
        return _instead(outline, owner, "{}" if owner.kind == "map" else "[]")
    if owner.flow:
        if index:
            return Splice(owner.entries[index - 1].end, gone.end, "")
        return Splice(gone.start, owner.entries[1].start, "")
    if index == 0 and not _begins_line(outline.text, _dashed(gone)):
        return Splice(_dashed(gone), _dashed(owner.entries[1]), "")
    start = _line_start(outline.text, _dashed(gone))
    end = _line_end(outline.text, gone.end)
    after = _next_line(outline.text, end)
    if after == end and start:  # the text's last line: the break before it goes instead
        return Splice(_break_before(outline.text, start), end, "")
    return Splice(start, after, "")


def replace(outline: Outline, entry_: Entry, value: object) -> Splice:
    """Returns the splice that gives a key or item another value; a scalar keeps its quotes, an anchor its name."""
    node = entry_.value
    if node.kind == "alias":
        raise EditRefused("its value is an alias")
    if node.is_empty:
        return Splice(node.start, node.end, f" {flow(value)}")
    plain = node.kind == "scalar" and node.style not in ("|", ">") and not isinstance(value, (dict, list, tuple))
    return _instead(outline, node, requoted(value, node.style, inside=entry_.owner.flow) if plain else flow(value))


def rename(outline: Outline, entry_: Entry, name: str) -> Splice:
    """Returns the splice that gives a key another name; raises EditRefused for an item or an alias."""
    key = entry_.key
    if key is None or key.kind != "scalar":
        raise EditRefused("it is not a key of its own")
    return Splice(key.start, key.end, _tags(outline.text, key) + requoted(name, key.style, inside=True))


# -- places ------------------------------------------------------------------------------------------------------


def _after(text: str, last: Entry, added: str) -> Splice:
    """Adds to a collection in brackets, right after its last entry; a trailing comma stays one."""
    following = re.compile(r"\s*,").match(text, last.end)
    if following:
        return Splice(following.end(), following.end(), f" {added}")
    return Splice(last.end, last.end, f"{' ' if last.value.is_empty else ''}, {added}")


def _below(outline: Outline, last: Entry, column: int, added: str) -> Splice:
    """Adds to a block, on a line of its own below the last entry and what is said about it on its line."""
    end = _behind_comments(outline.text, _line_end(outline.text, last.end), column)
    return Splice(end, end, f"{outline.newline}{' ' * column}{added}")


def _behind_comments(text: str, end: int, column: int) -> int:
    """Returns the end of the comments that follow a block and stand in it: what somebody commented out stays with it.

    At the top of the text blank lines do not end them.
    """
    at = end
    while (start := _next_line(text, at)) > at:
        at = _line_end(text, start)
        line = text[start:at]
        if line.lstrip(" ").startswith("#") and len(line) - len(line.lstrip(" ")) >= column:
            end = at
        elif line.strip() or column:
            break
    return end


def _is_airy(outline: Outline, root: Node) -> bool:
    """Returns whether blank lines stand between the sections of a file, or none can because there is one."""
    between = [outline.text[one.end : other.start] for one, other in pairwise(root.entries)]
    return not between or any(re.search(r"\n[ \t\r]*\n", text) for text in between)


def _instead(outline: Outline, node: Node, value: str) -> Splice:
    """Puts a value on one line where another stands; comments between the key and a block stay behind it."""
    text, tags = outline.text, _tags(outline.text, node)
    if node.kind == "scalar" or node.flow:
        return Splice(node.start, node.end, tags + value)
    if node.behind < 0:
        return Splice(node.start, node.end, tags + value)
    behind = _COMMENT.match(text, node.start + len(tags))
    said = text[node.behind : node.start].rstrip() + (f"  {behind.group().strip()}" if behind else "")
    return Splice(node.behind, node.end, f" {tags}{value}{said}")


def _dashed(item: Entry) -> int:
    """Returns where an entry begins: an item's dash, or its key."""
    if item.key is not None or item.owner.flow:
        return item.start
    return item.value.behind - 1


def _tags(text: str, node: Node) -> str:
    """Returns the anchor and tag before a value, with the blanks after them."""
    match = _TAGS.match(text, node.start, node.end)
    return match.group() if match else ""


def _begins_line(text: str, at: int) -> bool:
    return not text[_line_start(text, at) : at].strip(" ")


def _line_start(text: str, at: int) -> int:
    start = max(text.rfind(mark, 0, at) for mark in "\n\r\x85\u2028\u2029") + 1
    return start or int(text.startswith(BOM))


def _line_end(text: str, at: int) -> int:
    match = _LINE.match(text, at)
    return match.end() if match else at


def _next_line(text: str, end: int) -> int:
    return end + 2 if text[end : end + 2] == "\r\n" else min(end + 1, len(text))


def _break_before(text: str, start: int) -> int:
    return start - 2 if text[start - 2 : start] == "\r\n" else start - 1


def _step(outline: Outline) -> int:
    """Returns by how much the text indents: the first block inside a block says it."""
    for each in outline.entries():
        inner = each.value
        if each.key and each.owner.kind == "map" and inner.kind == "map" and not inner.flow and inner.entries:
            column = inner.entries[0].key.column if inner.entries[0].key else 0
            if column > each.key.column:
                return column - each.key.column
    return _STEP

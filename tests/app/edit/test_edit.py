"""Edits of odd files: what was asked for changes, and nothing else does."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app import edit
from seaway.app.edit import Block, Entry, Splice, outline
from seaway.app.edit.spelling import flow
from seaway.app.parse import documents
from seaway.app.tree import unpack
from seaway.errors import EditRefused

pytestmark = pytest.mark.rootless

WORDS = st.sampled_from(
    ["a", "b-c", "d.e", "image", "x-y", "Ünïcode", "🜁", "key with spaces", "80:80", "yes", "~x", "#no"]
)
SCALARS = st.one_of(
    st.text(alphabet="ab:#{}[],&*!|>'\"%@`-? \\$é🜁_0129./\t", max_size=12),
    st.integers(-5, 5000),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
FILES = st.dictionaries(WORDS, TREES, min_size=1, max_size=4)
VALUES = st.one_of(SCALARS, st.dictionaries(WORDS, SCALARS, max_size=2), st.lists(SCALARS, max_size=2))


def loaded(text: str) -> Any:
    """The tree as the loader sees it, as plain values."""
    return plain(next(iter(documents(text.encode(), "x", 0))).tree)


def plain(node: Any) -> Any:
    """A tree without places."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    return [plain(item) for item in node] if isinstance(node, list) else node


class Odd:
    """Writes a tree in a different style at every place: brackets, blocks, quotes, comments, odd indents, anchors."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.step = self.dice.choice((1, 2, 4))
        self.newline = self.dice.choice(("\n", "\r\n"))
        self.anchors = 0

    def text(self, tree: dict[str, Any]) -> str:
        """The whole file."""
        lines = ["# head\twith a tab", *self.block(tree, 0), "# the end"][: self.dice.choice((-1, None))]
        head = self.dice.choice(("", "\ufeff", "---\n"))
        return (head + "\n".join(lines) + self.dice.choice(("", "\n", "\n\n"))).replace("\n", self.newline)

    def block(self, tree: dict[str, Any], indent: int) -> list[str]:
        """The lines of a block mapping."""
        lines = []
        for key, value in tree.items():
            lines += self.dice.choice(([], [], [" " * indent + "# about\tit: {"], [""]))
            head = " " * indent + flow_key(key) + ":"
            lines += self.value(head, value, indent)
        return lines

    def value(self, head: str, value: Any, indent: int) -> list[str]:
        """A value behind what comes before it on its line."""
        comment = self.dice.choice(("", "", "  # said:\there"))
        anchor = self.anchor()
        if isinstance(value, dict) and value and self.dice.random() < 0.7:
            return [head + anchor + comment, *self.block(value, indent + self.step)]
        if isinstance(value, list) and value and self.dice.random() < 0.7:
            inner = indent + self.dice.choice((0, self.step)) if head.endswith(":") else indent + self.step
            lines = [head + anchor + comment]
            for item in value:
                lines += self.value(" " * inner + "-", item, inner + 1)
            return lines
        if value is None and self.dice.random() < 0.5:
            return [head + comment]
        fits = isinstance(value, str) and value and value.isascii() and value == value.strip() and "\t" not in value
        if fits and self.dice.random() < 0.2:
            return [head + f" {self.dice.choice(('|-', '>-'))}", " " * (indent + 1 + self.step) + value]
        return [head + anchor + " " + self.flow(value) + comment]

    def anchor(self) -> str:
        """An anchor nobody refers to, now and then."""
        self.anchors += 1
        return f" &n{self.anchors}" if self.dice.random() < 0.15 else ""

    def flow(self, value: Any) -> str:
        """A value on one line, or over several where it is in brackets."""
        gap = self.dice.choice(("", " "))
        if isinstance(value, dict):
            return (
                "{" + gap + ", ".join(f"{flow_key(key)}: {self.flow(item)}" for key, item in value.items()) + gap + "}"
            )
        if isinstance(value, list):
            return "[" + gap + ", ".join(map(self.flow, value)) + gap + "]"
        if isinstance(value, str) and "\\" not in value and self.dice.random() < 0.5:
            return "'" + value.replace("'", "''") + "'"
        return flow(value)


def flow_key(key: str) -> str:
    """A key, quoted where it must be."""
    return flow(key)


odd = settings(max_examples=150, deadline=None)


def cases(tree: dict[str, Any], seed: int) -> tuple[str, list[Entry]]:
    """A file and its entries; a file the writer could not write is none."""
    text = Odd(seed).text(tree)
    assert loaded(text) == tree, text
    return text, list(outline(text).entries())


def path_of(text: str, wanted: Entry) -> tuple[Any, ...]:
    """The path of an entry, found by walking the outline."""

    def walk(node: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
        for number, entry in enumerate(node.entries):
            here = (*path, entry.name if entry.key else number)
            if entry.start == wanted.start and entry.owner.start == wanted.owner.start and entry.name == wanted.name:
                return here
            if found := walk(entry.value, here):
                return found
        return None

    found = walk(outline(text).roots[0], ())
    assert found
    return found


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    """What lies at a path."""
    for part in path:
        tree = tree[part]
    return tree


def others_are_kept(text: str, splice: Splice) -> None:
    """Every byte outside the splice stays, and so does the line end."""
    after = edit.applied(text, splice)
    assert after.startswith(text[: splice.start])
    assert after.endswith(text[splice.end :])
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    if "\r\n" in text:
        assert "\n" not in after.replace("\r\n", "")


@odd
@given(FILES, st.integers(0, 1 << 30), st.integers(0, 99), VALUES)
def test_a_key_is_added_and_nothing_else_changes(tree: dict[str, Any], seed: int, pick: int, value: object) -> None:
    """Into any mapping or empty value, in brackets or a block, at any depth."""
    text, entries = cases(tree, seed)
    places = [(), *(path_of(text, each) for each in entries if each.value.kind == "map" or each.value.is_empty)]
    path = places[pick % len(places)]
    here = outline(text)
    node = here.roots[0]
    for part in path:
        node = next(e.value for i, e in enumerate(node.entries) if (e.name if e.key else i) == part)
    splice = edit.put(here, node, "added", value)
    others_are_kept(text, splice)
    expected = loaded(text)
    whole = at(expected, path)
    if whole is None:
        at(expected, path[:-1])[path[-1]] = {"added": value}
    else:
        whole["added"] = value
    assert loaded(edit.applied(text, splice)) == expected


@odd
@given(FILES, st.integers(0, 1 << 30), st.integers(0, 99))
def test_an_entry_is_deleted_and_nothing_else_changes(tree: dict[str, Any], seed: int, pick: int) -> None:
    """Any key, any item; comments on lines of their own stay."""
    text, entries = cases(tree, seed)
    gone = entries[pick % len(entries)]
    path = path_of(text, gone)
    here = outline(text)
    again = next(
        e for e in here.entries() if e.start == gone.start and e.owner.start == gone.owner.start and e.name == gone.name
    )
    splice = edit.drop(here, again)
    others_are_kept(text, splice)
    expected = loaded(text)
    del at(expected, path[:-1])[path[-1]]
    after = edit.applied(text, splice)
    assert loaded(after) == expected
    assert after.count("# head") == text.count("# head")


@odd
@given(FILES, st.integers(0, 1 << 30), st.integers(0, 99), VALUES)
def test_a_value_is_replaced_and_nothing_else_changes(
    tree: dict[str, Any], seed: int, pick: int, value: object
) -> None:
    """Any value, by a scalar, a mapping or a list."""
    text, entries = cases(tree, seed)
    path = path_of(text, entries[pick % len(entries)])
    here = outline(text)
    splice = edit.replace(here, list(here.entries())[pick % len(entries)], value)
    others_are_kept(text, splice)
    expected = loaded(text)
    at(expected, path[:-1])[path[-1]] = value
    assert loaded(edit.applied(text, splice)) == expected


@odd
@given(FILES, st.integers(0, 1 << 30), st.integers(0, 99))
def test_a_key_is_renamed_in_its_place(tree: dict[str, Any], seed: int, pick: int) -> None:
    """Order and value stay."""
    text, entries = cases(tree, seed)
    keys = [each for each in entries if each.key]
    wanted = keys[pick % len(keys)]
    path = path_of(text, wanted)
    splice = edit.rename(outline(text), wanted, "renamed")
    others_are_kept(text, splice)
    expected = loaded(text)
    owner = at(expected, path[:-1])
    renamed = {("renamed" if key == path[-1] else key): value for key, value in owner.items()}
    owner.clear()
    owner.update(renamed)
    after = loaded(edit.applied(text, splice))
    assert after == expected
    assert list(at(after, path[:-1])) == list(renamed)


@odd
@given(FILES, st.integers(0, 1 << 30), st.integers(0, 99), VALUES)
def test_an_item_is_added_to_a_list(tree: dict[str, Any], seed: int, pick: int, value: object) -> None:
    """At its end, in brackets or as a block."""
    text, entries = cases({**tree, "list": [1]}, seed)
    lists = [each for each in entries if each.value.kind == "seq"]
    wanted = lists[pick % len(lists)]
    splice = edit.append(outline(text), wanted.value, value)
    expected = loaded(text)
    at(expected, path_of(text, wanted)).append(value)
    assert loaded(edit.applied(text, splice)) == expected


@given(VALUES)
def test_what_is_spelled_is_read_back(value: object) -> None:
    """In a block and in brackets."""
    assert loaded(f"k: {flow(value)}\n") == {"k": value}
    assert loaded(f"k: [{flow(value)}]\n") == {"k": [value]}


def test_a_block_is_written_a_key_a_line_and_takes_the_files_own_indent() -> None:
    """Four columns where the file has four, the file's line end, no final line break where there was none."""
    text = "services:\r\n    api:\r\n        image: x # why"
    here = outline(text)
    splice = edit.put(here, here.roots[0], "x-seaway", Block({"version": 1, "environments": Block({"dev": {}})}))
    added = "\r\n\r\nx-seaway:\r\n    version: 1\r\n    environments:\r\n        dev: {}"
    assert edit.applied(text, splice) == text + added


@pytest.mark.parametrize("text", ["a: &x {b: 1}\nc: *x\n", "a: [1]\nc: text\n"])
def test_what_is_no_mapping_of_its_own_takes_no_key(text: str) -> None:
    """Neither an alias nor a text."""
    here = outline(text)
    with pytest.raises(EditRefused):
        edit.put(here, here.roots[0].entries[1].value, "k", 1)


def test_a_place_of_the_loader_is_found_whatever_breaks_lines() -> None:
    """Lines are counted as libyaml does: CRLF once, a line separator too; a byte order mark is no column."""
    text = '\ufeffa: 1\r\nb: "\u2028 x"\nc: 2\n'
    tree = next(iter(documents(text.encode(), "x", 0))).tree
    for key, mark in tree.at.items():
        _, line, column = unpack(mark)
        here = outline(text)
        found = here.at(here.offset(line, column))
        assert found is not None
        assert found.name == key


def test_the_first_item_of_a_list_inside_a_list_is_deleted() -> None:
    """The next one takes its place on the line."""
    here = outline("a:\n- - b\n  - c\n")
    gone = here.roots[0].entries[0].value.entries[0].value.entries[0]
    assert edit.applied(here.text, edit.drop(here, gone)) == "a:\n- - c\n"

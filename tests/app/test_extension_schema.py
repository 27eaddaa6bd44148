"""The JSON Schema of `x-seaway`: made from the dataclasses, it accepts exactly what reading accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.extension import Extension, read_top
from seaway.app.extension_schema import PLACES, ROOTS, editor_schema, extension_schema, meanings
from seaway.app.keys import Key, blocks_below, keys_of
from seaway.app.reading import Reader, Unreadable
from seaway.app.schema import schema as compose_schema
from seaway.app.spelling import spelled
from tests.app.test_extension import MISTAKES

pytestmark = pytest.mark.rootless

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference" / "x-seaway.yaml"
BLOCKS = blocks_below(*ROOTS)
KEYS = [(kind, key) for kind in BLOCKS for key in keys_of(kind).values()]
WHOLE = jsonschema_rs.Draft202012Validator(editor_schema())
VALUES: list[Any] = [
    *(None, True, "true", 0, 1, -1, 1.5, 120, "1", "1.5", "-3", "x", "", "10%", "1%%", "5s", "1h30m", "5 s", "2x"),
    *("256Mi", "100m", "auto", "none", "canary", "restricted", [], ["a"], [1, True], {}, {"a": "b"}, {"a": None}),
]


def validator(kind: type) -> jsonschema_rs.Draft202012Validator:
    """A validator of one block."""
    return jsonschema_rs.Draft202012Validator({**extension_schema(), "$ref": f"#/$defs/{kind.__name__}"})


VALIDATORS = {kind: validator(kind) for kind in BLOCKS}


def is_read(kind: type, value: object) -> bool:
    """Whether reading says nothing against a value."""
    reader = Reader()
    try:
        reader.block(kind, value, ())
    except Unreadable:
        return False
    return not reader.findings


def named(pair: tuple[type, Key]) -> str:
    """A key's test id."""
    return f"{pair[0].__name__}.{pair[1].name}"


def test_each_key_has_a_meaning_and_nothing_else_has() -> None:
    """A field without a text, or a text without a field, is a mistake."""
    said = {(block, name) for block, keys in meanings().items() for name in keys}
    assert {(kind.__name__, key.name) for kind, key in KEYS} == said


# The top is read as a whole, criteria in short; what has no default has no spelling.
SPELLED = [
    (kind, key)
    for kind, key in KEYS
    if kind is not Extension and key.field != "criteria" and spelled(key.hint, key.default) is not None
]


@pytest.mark.parametrize("pair", SPELLED, ids=named)
def test_a_default_as_people_write_it_is_read_as_the_default(pair: tuple[type, Key]) -> None:
    """Schema and reference show defaults by their spelling, so the spelling must mean them."""
    kind, key = pair
    least = {each.name: _least(each) for each in keys_of(kind).values() if each.required}
    reader = Reader()
    block: Any = reader.block(kind, {**least, key.name: spelled(key.hint, key.default)}, ())
    assert reader.findings == []
    assert getattr(block, key.field) == key.default


def _least(key: Key) -> object:
    """Some value for a required key."""
    return get_args(key.hint)[0] if _plain(get_args(key.hint)) else 1


def _block(kind: type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Blocks with some keys of a kind, right and wrong, and words that are no block."""
    keys = list(keys_of(kind).values())
    some = st.lists(st.sampled_from(keys), max_size=4, unique_by=lambda key: key.name)
    required = [key for key in keys if key.required]
    made = some.flatmap(lambda chosen: _mapping([*required, *chosen], depth))
    return st.one_of(made, made, made, made, st.sampled_from(VALUES))


def _mapping(keys: list[Key], depth: int) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({key.name: _value(key.hint, depth) for key in keys})


def _value(hint: Any, depth: int) -> st.SearchStrategy[Any]:
    own = [_block(kind, depth + 1) for kind in BLOCKS if kind is hint or kind in get_args(hint)] if depth < 2 else []
    literals = [st.sampled_from(get_args(hint))] if get_origin(hint) and not own and _plain(get_args(hint)) else []
    return st.one_of(*own, *own, *literals, st.sampled_from(VALUES))


def _plain(values: tuple[Any, ...]) -> bool:
    return bool(values) and all(isinstance(each, str) for each in values)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_the_schema_accepts_exactly_what_is_read(data: st.DataObject) -> None:
    """An editor neither marks what Seaway reads nor lets pass what it refuses."""
    kind = data.draw(st.sampled_from([each for each in BLOCKS if each is not Extension]))
    value = data.draw(_block(kind))
    assert VALIDATORS[kind].is_valid(value) == is_read(kind, value), (kind.__name__, value)


@pytest.mark.parametrize(("text", "code", "says", "hint"), [each for each in MISTAKES if "owner" not in each[3]])
def test_the_schema_refuses_what_reading_refuses(text: str, code: str, says: str, hint: str) -> None:
    """Each mistake of the other test is one for an editor too."""
    assert not VALIDATORS[Extension].is_valid(yaml.safe_load(text)), (code, says, hint)


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("examples/*/compose*.yaml")), REFERENCE], ids=lambda path: path.name
)
def test_a_file_that_loads_is_valid_for_an_editor(path: Path) -> None:
    """The whole file, Compose's keys and ours."""
    assert list(WHOLE.iter_errors(yaml.load(path.read_text().replace("!override", ""), yaml.BaseLoader))) == []


@pytest.mark.parametrize("place", ["x-seaway", *(f"{section}.a.x-seaway" for section in PLACES)])
def test_an_editor_marks_a_misspelt_key_at_every_place(place: str) -> None:
    """At the top and beside services, volumes, secrets, networks and models."""
    block: dict[str, Any] = {"zzz": 1}
    for part in reversed(place.split(".")):
        block = {part: block}
    if place.startswith("models"):
        block["models"]["a"]["model"] = "x"
    errors = [error for error in WHOLE.iter_errors(block) if "x-seaway" in map(str, error.instance_path)]
    assert errors


def test_a_variable_may_stand_for_any_value() -> None:
    """Interpolation comes before reading, so an editor cannot know better."""
    block = yaml.safe_load("{version: 1, risk: '${R}', release: {watch: '${W:-5s}', keep: '$K', weights: ['${P}%']}}")
    assert VALIDATORS[Extension].is_valid(block)


def test_composes_own_schema_is_left_as_it_is() -> None:
    """The editor's schema is a copy: loading still follows Compose alone."""
    editor_schema()
    assert "x-seaway" not in compose_schema()["properties"]
    assert "x-seaway" not in compose_schema()["$defs"]["service"]["properties"]


def test_the_reference_has_every_key_and_reads_without_a_word() -> None:
    """Each key of each block stands in docs/reference/x-seaway.yaml where it belongs, and is read."""
    page = yaml.safe_load(REFERENCE.read_text())
    reader = Reader()
    read_top(page["x-seaway"], reader)
    for section, kind in PLACES.items():
        reader.block(kind, next(iter(page[section].values()))["x-seaway"], (section,))
    assert reader.findings == []
    for kind, key in KEYS:
        if kind.__name__ not in ("Criterion", "BaseKeys"):
            assert f" {key.name}: " in REFERENCE.read_text() or f" {key.name}:\n" in REFERENCE.read_text(), key

"""Where values come from: through merges, extends, anchors, short forms and env files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.app.load import load, select
from seaway.app.model import App
from seaway.app.tree import Map, Origins, Seq, chain, copied, pack, unpack
from seaway.findings import Position

pytestmark = pytest.mark.rootless


def loaded(folder: Path, **files: str) -> App:
    """Loads files given by name, `_` for `.`, in order."""
    names = [name.replace("_", ".") for name in files]
    for name, text in zip(names, files.values(), strict=True):
        (folder / name).write_text(text)
    return load(select(folder, {}, files=[name for name in names if name.startswith("c")]))


def test_a_value_knows_its_place(tmp_path: Path) -> None:
    """Keys have the place they are written at; what a phase made has that of what is around it."""
    api = loaded(tmp_path, c_yaml='services:\n  api:\n    image: x\n    ports: ["80:80", "81-82:81-82"]\n').services[
        "api"
    ]
    assert str(api.where()) == "c.yaml:2:3"
    assert str(api.where("image")) == "c.yaml:3:5"
    assert str(api.where("ports", 0, "target")) == "c.yaml:4:13"
    assert str(api.where("ports", 2)) == "c.yaml:4:22"
    assert str(api.where("networks", "default")) == "c.yaml:2:3"


def test_an_override_keeps_what_it_overrode(tmp_path: Path) -> None:
    """The chain is newest first."""
    app = loaded(
        tmp_path,
        c1_yaml="services:\n  a:\n    image: one\n",
        c2_yaml="services: {a: {image: two}}\n",
        c3_yaml="services: {a: {image: three}}\n",
    )
    places = [str(place) for place in app.services["a"].origins.chain("image")]
    assert places == ["c3.yaml:1:16", "c2.yaml:1:16", "c1.yaml:3:5"]


def test_entries_of_a_merged_list_keep_their_own_places(tmp_path: Path) -> None:
    """Each entry points to the file it was written in."""
    app = loaded(
        tmp_path,
        c1_yaml="services:\n  a: {image: x, environment: {A: 1, B: 1}, cap_add: [X]}\n",
        c2_yaml="services: {a: {environment: [B=2, C=3], cap_add: [Y]}}\n",
    )
    service = app.services["a"]
    assert str(service.where("environment", "A")) == "c1.yaml:2:31"
    assert str(service.where("environment", "B")) == "c2.yaml:1:30"
    assert str(service.where("environment", "C")) == "c2.yaml:1:35"
    assert str(service.where("cap_add", 1)) == "c2.yaml:1:51"


def test_an_extended_value_points_to_its_base(tmp_path: Path) -> None:
    """What was taken over has the place of the base."""
    app = loaded(
        tmp_path,
        c_yaml="services:\n  a: {extends: {file: base.yaml, service: b}, user: u}\n",
        base_yaml="services:\n  b:\n    image: x\n",
    )
    assert str(app.services["a"].where("image")) == "base.yaml:3:5"
    assert str(app.services["a"].where("user")) == "c.yaml:2:47"


def test_an_anchored_value_points_to_the_anchor(tmp_path: Path) -> None:
    """A merged key has the place where it is written, not where it is used."""
    app = loaded(tmp_path, c_yaml="x-a: &a\n  image: x\nservices:\n  s:\n    <<: *a\n    user: u\n")
    assert str(app.services["s"].where("image")) == "c.yaml:2:3"


def test_a_variable_of_an_env_file_points_to_the_entry_that_names_it(tmp_path: Path) -> None:
    """Own variables win, with their own place."""
    text = "services:\n  a:\n    image: x\n    env_file:\n      - one.env\n      - two.env\n    environment: {B: '2'}\n"
    app = loaded(tmp_path, c_yaml=text, one_env="A=1\nB=1\n", two_env="C=1\n")
    service = app.services["a"]
    assert service.compose["environment"] == {"A": "1", "B": "2", "C": "1"}
    assert [str(service.where("environment", name)) for name in "ABC"] == ["c.yaml:5:9", "c.yaml:7:19", "c.yaml:6:9"]


def test_the_blocks_of_seaway_have_places(tmp_path: Path) -> None:
    """`where` knows x-seaway too."""
    app = loaded(tmp_path, c_yaml="services:\n  a:\n    image: x\n    x-seaway:\n      uses: [faq]\n")
    assert str(app.services["a"].where("x-seaway", "uses")) == "c.yaml:5:7"


PLACES = st.tuples(st.integers(0, 1000), st.integers(1, 1 << 20), st.integers(1, 1 << 16))


@given(PLACES)
@settings(max_examples=50)
def test_a_place_survives_packing(place: tuple[int, int, int]) -> None:
    """File, line and column come back."""
    assert unpack(pack(*place)) == place


Marks = int | tuple[int, ...] | None
MARKS = st.one_of(st.none(), st.integers(1, 50), st.lists(st.integers(1, 50), min_size=1, max_size=4).map(tuple))


@given(MARKS, MARKS)
@settings(max_examples=100)
def test_a_chain_begins_with_the_newest_and_forgets_none(newest: Marks, older: Marks) -> None:
    """Both sides are in the chain, the newest first."""
    joined = chain(newest, older)
    parts = [mark if isinstance(mark, tuple) else (mark,) for mark in (newest, older) if mark is not None]
    flat = [mark for part in parts for mark in part]
    assert set(joined if isinstance(joined, tuple) else [joined] if joined else []) == set(flat)
    if flat and joined is not None:
        assert (joined[0] if isinstance(joined, tuple) else joined) == flat[0]


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Lists and mappings of smaller trees."""
    maps = st.dictionaries(st.text(max_size=3), inner, max_size=3).map(Map)
    return st.one_of(st.lists(inner, max_size=3).map(Seq), maps)


LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.none())
TREES = st.recursive(LEAVES, containers, max_leaves=10)


@given(TREES)
@settings(max_examples=50)
def test_a_copy_is_equal_and_shares_nothing(tree: object) -> None:
    """Changing a copy leaves the original alone."""
    before = repr(tree)
    copy = copied(tree)
    assert copy == tree
    if isinstance(copy, Map):
        copy.put("new", 1, 1)
    if isinstance(copy, Seq):
        copy.add(1, 1)
    assert repr(tree) == before


def test_origins_of_nothing_are_nowhere() -> None:
    """A tree without marks has no places."""
    assert Origins(Map(a=1), ()).at("a") is None
    assert Origins(Map(), ("f",)).chain("x", "y") == ()


def test_origins_below_ask_relative_paths() -> None:
    """A subtree's origins are asked by its own paths."""
    root = Map(a=Map(b=1))
    root.at["a"], root["a"].at["b"] = pack(0, 1, 2), pack(0, 3, 4)
    origins = Origins(root, ("f",)).below("a")
    assert origins.at("b") == Position("f", 3, 4)
    assert origins.at() == Position("f", 1, 2)

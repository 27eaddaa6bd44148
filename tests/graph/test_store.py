"""The store is the ledger folded: the same rows however it was folded, and whole whatever happened."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.world import World
from tests.graph import story
from tests.graph.story import Tape

from seaway.digest import Digest
from seaway.errors import GraphForked, GraphUnreadable
from seaway.evidence.deeds import ModelSignature
from seaway.evidence.roles import Role
from seaway.graph import GraphStore, NotaryFeed, why
from seaway.graph import store as stores
from seaway.graph.change import Leaf
from seaway.graph.fold import FOLDS, FoldInvalid, fold
from seaway.graph.kinds import Edge

pytestmark = pytest.mark.rootless

STORY = story.tell()


def folded(path: Path, *parts: Tape) -> GraphStore:
    """A store that followed one ledger after the other."""
    store = GraphStore.open(path)
    for part in parts:
        store.follow(part)
    return store


def memory(*sizes: int) -> Digest:
    """The content after following the story to each of these sizes."""
    store = GraphStore(Path("memory"), sqlite3.connect(":memory:", isolation_level=None))
    store._prepare()
    for size in sizes:
        store.follow(STORY.upto(size))
    return store.content()


WHOLE = memory(STORY.size)


@given(st.lists(st.integers(0, STORY.size), max_size=4).map(sorted))
@settings(max_examples=30, deadline=None)
def test_folding_in_parts_is_folding_at_once(sizes: list[int]) -> None:
    """fold(a + b) = fold(fold(a), b)."""
    assert memory(*sizes, STORY.size) == WHOLE


def test_batches_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is a matter of writing, not of content."""
    monkeypatch.setattr(stores, "BATCH", 3)
    assert folded(tmp_path / "g.sqlite", STORY).content() == WHOLE


def test_a_rebuild_from_the_ledger_alone_is_the_same(tmp_path: Path) -> None:
    """Delete the store, ask again: same answers, same hash."""
    path = tmp_path / "g.sqlite"
    store = folded(path, STORY.upto(20), STORY)
    before = why(store, story.request("v2", 15))
    store.close()
    again = GraphStore.rebuild(path, STORY)
    assert again.content() == WHOLE
    assert why(again, story.request("v2", 15)) == before


def test_another_history_has_another_hash(tmp_path: Path) -> None:
    """The hash is of the content."""
    assert folded(tmp_path / "g.sqlite", STORY.upto(STORY.size - 1)).content() != WHOLE


def test_following_twice_changes_nothing(tmp_path: Path) -> None:
    """Repeating gives the same rows."""
    assert folded(tmp_path / "g.sqlite", STORY, STORY).content() == WHOLE


def test_a_ledger_that_forked_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    """Shorter, or another root at the folded size, or another origin."""
    store = folded(tmp_path / "g.sqlite", STORY)
    other = Tape([replace(leaf, valid=leaf.index != 3) for leaf in STORY.leaves(0)])
    elsewhere = Tape(list(STORY.leaves(0)))
    elsewhere.origin = "other.local"
    for ledger in (STORY.upto(5), other, elsewhere):
        with pytest.raises(GraphForked) as caught:
            store.follow(ledger)
        assert caught.value.hint
    assert store.content() == WHOLE


def test_a_ledger_that_leaves_one_out_is_refused(tmp_path: Path) -> None:
    """A hole in the feed is no fold."""
    leaves = list(STORY.leaves(0))
    del leaves[4]
    store = GraphStore.open(tmp_path / "g.sqlite")
    with pytest.raises(GraphForked, match="from 0 on"):
        store.follow(Tape(leaves))
    assert store.size == 0


def test_a_leaf_that_does_not_count_folds_to_nothing_and_is_counted(tmp_path: Path) -> None:
    """Neither a false statement nor a malformed one becomes a row."""
    leaves = [replace(leaf, valid=False) for leaf in STORY.leaves(0)]
    leaves[1] = replace(leaves[1], valid=True)
    malformed = next(at for at, leaf in enumerate(leaves) if "deployment" in leaf.predicate_type)
    leaves[malformed] = replace(leaves[malformed], valid=True, predicate={})
    store = folded(tmp_path / "g.sqlite", Tape(leaves))
    assert (store.size, store.skipped) == (STORY.size, STORY.size - 1)
    assert store.connection.execute("SELECT key FROM node").fetchall() == [(str(story.FAQ),)]


@pytest.mark.parametrize("predicate_type", FOLDS)
def test_every_fold_refuses_what_lacks_its_fields(predicate_type: str) -> None:
    """A statement without its fields raises FoldInvalid, or changes only what needs none."""
    leaf = Leaf(0, "sha256:" + "1" * 64, predicate_type, "sha256:" + "2" * 64, {})
    try:
        assert len(fold(leaf)) <= 2
    except FoldInvalid as error:
        assert "leaf 0" in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.integers(0, STORY.size - 1), st.data())
@settings(max_examples=120, deadline=None)
def test_no_statement_breaks_the_fold(at: int, data: st.DataObject) -> None:
    """Any value in any field: changes, or FoldInvalid, never another error."""
    leaf = next(STORY.leaves(at))
    key = data.draw(st.sampled_from(sorted(leaf.predicate)))
    try:
        fold(replace(leaf, predicate={**leaf.predicate, key: data.draw(json_values)}))
    except FoldInvalid:
        return


def test_a_type_nobody_folds_changes_nothing() -> None:
    """Unknown types are no error."""
    assert fold(Leaf(0, "", "https://example.org/other", "", {})) == ()


def test_a_deployment_ends_what_it_replaces(tmp_path: Path) -> None:
    """A canary beside stable ends nothing of stable; all the weight ends the rest, with the leaf that said so."""
    store = folded(tmp_path / "g.sqlite", STORY)
    asked = (
        "SELECT e.properties ->> 'version', e.since, e.until, e.ended FROM edge e JOIN node n ON n.id = e.dst "
        "WHERE e.kind = ? AND n.key = 'svc:api' ORDER BY e.since, e.leaf"
    )
    rows = [(row[0], row[1], row[2]) for row in store.connection.execute(asked, (Edge.SERVES,))]
    minute = {m: int(story.at(m).timestamp()) for m in (4, 14, 16, 34, 36)}
    assert rows == [
        (story.version("v1"), minute[4], minute[16]),
        (story.version("v2"), minute[14], minute[16]),
        (story.version("v1"), minute[16], minute[36]),
        (story.version("v3"), minute[34], minute[36]),
        (story.version("v3"), minute[36], None),
    ]
    ended = [row[3] for row in store.connection.execute(asked, (Edge.SERVES,))]
    assert ended[-1] is None
    assert all(isinstance(leaf, int) for leaf in ended[:-1])


def test_a_file_that_is_no_graph_is_unreadable(tmp_path: Path) -> None:
    """Corrupt: the hint is the command that makes it anew."""
    path = tmp_path / "g.sqlite"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(GraphUnreadable) as caught:
        GraphStore.open(path)
    assert "rebuild" in str(caught.value.hint)
    assert GraphStore.rebuild(path, STORY).content() == WHOLE


def test_a_newer_schema_is_refused_and_an_older_fold_made_anew(tmp_path: Path) -> None:
    """What this Seaway cannot read it does not touch; what an older one made it replaces."""
    path = tmp_path / "g.sqlite"
    store = folded(path, STORY)
    store._set("fold", "0")
    store.close()
    assert GraphStore.open(path).size == 0
    store = folded(path, STORY)
    store._set("schema", "99")
    store.close()
    with pytest.raises(GraphUnreadable, match="newer"):
        GraphStore.open(path)


def test_two_at_once_give_the_same_rows(tmp_path: Path) -> None:
    """Two commands fold the same ledger at the same time."""
    path = tmp_path / "g.sqlite"
    folded(path, STORY.upto(2)).close()
    threads = [threading.Thread(target=lambda: folded(path, STORY).close()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert GraphStore.open(path).content() == WHOLE


def test_what_another_process_folded_meanwhile_is_not_folded_twice(tmp_path: Path) -> None:
    """Between asking the ledger and writing, somebody else was faster."""
    path = tmp_path / "g.sqlite"

    class Overtaken(Tape):
        def leaves(self, first: int) -> Iterator[Leaf]:
            folded(path, STORY.upto(9)).close()
            yield from super().leaves(first)

    assert folded(path, Overtaken(list(STORY.leaves(0)))).content() == WHOLE


def test_a_version_named_again_is_open_once(tmp_path: Path) -> None:
    """Another release says the same version serves, with part of the weight: the older row ends."""
    tape = story.tell()
    tape.add(story.deployment(50, "v3", release="4", weight=60.0, arm="stable").about(story.bundle("v3")), "p-alice")
    store = folded(tmp_path / "g.sqlite", tape)
    asked = "SELECT n.key FROM edge e JOIN node n ON n.id = e.dst WHERE e.kind = ? AND e.until IS NULL"
    assert sorted(store.connection.execute(asked, (Edge.SERVES,))) == [("svc:api",), ("svc:worker",)]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from seaway.graph import GraphStore, store as stores
from tests.graph import story
stores.BATCH = 4
left = [int(sys.argv[2])]
def trace(statement):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
store = GraphStore.open(Path(sys.argv[1]))
store.connection.set_trace_callback(trace)
store.follow(story.tell())
"""


@pytest.mark.parametrize("statement", [1, 2, 7, 60, 151, 320])
def test_killed_while_folding_it_goes_on(tmp_path: Path, statement: int) -> None:
    """A real SIGKILL before the n-th SQL statement: the next fold gives the same rows."""
    path = tmp_path / "g.sqlite"
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", KILLED, str(path), str(statement), str(root)]
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root / "src")}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert folded(path, STORY).content() == WHOLE


def test_a_real_ledger_is_followed(tmp_path: Path) -> None:
    """Signed statements through the notary: what verifies is folded, by the person it resolves to."""
    world = World(tmp_path)
    with world.found() as notary:
        builder = world.enrol(notary, "p-bea", Role.BUILDER)
        image = Digest.of(b"image")
        model = ModelSignature.over({"a": Digest.of(b"a")})
        notary.append_all(
            [(model.about(model.root), builder), (story.provenance("v1", "api", model).about(image), builder)]
        )
        store = GraphStore.open(tmp_path / "g.sqlite")
        store.follow(NotaryFeed(notary))
        answer = why(store, str(image))
        assert (store.size, store.skipped) == (notary.ledger.size, 0)
        assert (answer.models[0].signed_by, answer.models[0].state) == ("p-bea", "verified")
        before = store.content()
        store.close()
        assert GraphStore.rebuild(tmp_path / "g.sqlite", NotaryFeed(notary)).content() == before

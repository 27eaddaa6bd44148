"""No key of `x-seaway` is ignored in silence: somebody reads it, or it is marked and `check` says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.keys import Key, later, unacted
from seaway.app.load import How, load, select
from seaway.targets.check import check
from tests.app.readers import asked, is_mentioned, marked, typed_reads

pytestmark = pytest.mark.rootless
ASKED = list(asked())


@pytest.mark.parametrize(("kind", "key"), ASKED, ids=[f"{kind.__name__}.{key.name}" for kind, key in ASKED])
def test_each_key_has_a_reader_or_says_that_it_has_none(kind: type, key: Key) -> None:
    """A new field is read somewhere, or declared with `later` until it is."""
    assert is_mentioned(kind, key), f"nobody reads {kind.__name__}.{key.field}: read it, or declare it with later(…)"


@pytest.mark.long
def test_marks_and_readers_agree_by_type() -> None:
    """By the types of every expression: what is not marked is read, what is marked is not (then drop the mark)."""
    reads = typed_reads()
    by_name = {"ModelLayerKeys.placed", "SuiteKeys.dataset"}  # read with getattr
    unread = [
        f"{kind.__name__}.{key.field}"
        for kind, key in asked()
        if (f"{kind.__module__}.{kind.__name__}", key.field) not in reads
    ]
    stale = [
        f"{kind.__name__}.{key.field}"
        for kind, key in marked()
        if (f"{kind.__module__}.{kind.__name__}", key.field) in reads
    ]
    assert set(unread) == by_name
    assert stale == []


def app_findings(tmp_path: Path, text: str) -> list[str]:
    """What SW-105 says about a file."""
    (tmp_path / "compose.yaml").write_text(text)
    app = load(select(tmp_path, {}), how=How(lenient=True))
    return [str(each) for each in check(app, purpose="kubernetes") if each.code == "SW-105"]


def test_a_key_that_leads_nowhere_is_said_where_it_is_written(tmp_path: Path) -> None:
    """At the top, beside a service, in `defaults`, beside a volume: once each, with its place."""
    said = app_findings(
        tmp_path,
        """
services:
  api:
    image: shop:1
    x-seaway: {security: {userns: true}}
  web: {image: shop:1}
x-seaway:
  version: 1
  team: {engineers: 3}
  observe: {sample: 5%}
  defaults: {job: {deadline: 1h}}
volumes: {pg: {x-seaway: {retain: false}}}
""",
    )
    assert [line.split(" ")[0] + " " + line.split(" ")[3] for line in said] == [
        "compose.yaml:5:27 x-seaway.security.userns",
        "compose.yaml:9:3 x-seaway.team",
        "compose.yaml:10:13 x-seaway.observe.sample",
        "compose.yaml:11:20 x-seaway.defaults.job.deadline",
        "compose.yaml:12:27 volumes.pg.x-seaway.retain",
    ]


def test_a_promise_made_by_a_default_is_said_too(tmp_path: Path) -> None:
    """Gates that are written promise a day of soak and parity unless they say otherwise."""
    file = "services: {api: {image: 'shop:1'}}\nx-seaway: {version: 1, owner: o, environments: {prod: {gates: %s}}}"
    assert len(app_findings(tmp_path, file % "{}")) == 2
    assert app_findings(tmp_path, file % "{soak: 0s, parity: false}") == []


def test_the_default_written_out_asks_for_nothing(tmp_path: Path) -> None:
    """A value that is what nothing does anyway is no finding."""
    assert app_findings(tmp_path, "services: {a: {image: 'x:1', x-seaway: {waits: false, job: {timezone: UTC}}}}") == []


def test_a_mark_keeps_the_default_and_its_copy_apart() -> None:
    """`later` declares a field as `field` does."""
    field: object = later({})
    assert field.default_factory() == {}  # type: ignore[attr-defined]


def test_nothing_is_said_of_an_app_without_the_block(tmp_path: Path) -> None:
    """The first contact is not met with our own gaps."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: 'x:1'}}\nvolumes: {v: }\n")
    app = load(select(tmp_path, {}))
    assert list(unacted(app.extension)) == []
    assert list(unacted(app.services["a"].extension, app.extension.defaults)) == []

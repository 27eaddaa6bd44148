"""A fresh clone: env files that are not there are findings, and all the rest is still said."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.load import How, select
from seaway.app.tolerant import load_tolerantly
from seaway.errors import SourceMissing
from seaway.findings import Finding, Position
from seaway.revision.mend import mend
from seaway.targets.check import check
from seaway.targets.check.absent import missing

pytestmark = pytest.mark.rootless

LISTED = """services:
  a:
    image: x:1
    env_file:
      - one.env
      - ./deep/two.env
  b: {image: y, env_file: one.env}
"""


def found(folder: Path, text: str) -> tuple[Finding, ...]:
    """What is said of absent files, in a folder with this compose file."""
    (folder / "compose.yaml").write_text(text)
    app, absent = load_tolerantly(select(folder, {}), None, How(lenient=True))
    assert check(app, purpose="kubernetes")
    return missing(app, absent)


def test_each_absent_file_is_said_once_with_its_place_and_its_users(tmp_path: Path) -> None:
    """In the order of the file."""
    one, two = found(tmp_path, LISTED)
    assert (one.code, one.where) == ("SW-003", Position("compose.yaml", 5, 9))
    assert one.says == "the env file one.env of a, b is not there"
    assert two.says == "the env file deep/two.env of a is not there"


def test_the_example_beside_it_is_the_hint(tmp_path: Path) -> None:
    """What the project offers is what helps."""
    (tmp_path / "one.env.example").write_text("A=1\n")
    assert found(tmp_path, LISTED)[0].hint == "cp one.env.example one.env"


@pytest.mark.parametrize("text", [LISTED, "services: {a: {image: x:1, env_file: one.env}}\n"])
def test_the_fix_lets_compose_do_without(text: str, tmp_path: Path) -> None:
    """Written as not required, in a list or as a text alone; then nothing is absent."""
    said = found(tmp_path, text)
    selection = select(tmp_path, {})
    app, _ = load_tolerantly(selection, None, How(lenient=True))
    mended = mend(selection, app, said)
    assert not mended.refused
    mended.draft.write()
    assert load_tolerantly(selection, None, How(lenient=True))[1] == ()


def test_what_else_is_missing_still_stops(tmp_path: Path) -> None:
    """A base to extend is no file of variables."""
    (tmp_path / "compose.yaml").write_text("services: {a: {extends: {file: gone.yaml, service: b}}}\n")
    with pytest.raises(SourceMissing):
        load_tolerantly(select(tmp_path, {}), None, How(lenient=True))

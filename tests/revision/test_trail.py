"""The trail of a place: what a value lies over, through files, bases and anchors, and which variables fill it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.app.select import select
from seaway.findings import Finding
from seaway.pipeline.look import look
from seaway.project import Project

pytestmark = pytest.mark.rootless

BASE = """
x-shared: &shared
  init: true
services:
  api:
    extends: {file: common.yaml, service: base}
    <<: *shared
    image: "app:${TAG}"
    stop_signal: SIGINT
include: [more.yaml]
"""


def found(folder: Path, environ: dict[str, str]) -> dict[str, Finding]:
    """What is said, the last of each code and service."""
    (folder / "compose.yaml").write_text(BASE)
    (folder / "compose.override.yaml").write_text("services:\n  api:\n    stop_signal: SIGQUIT\n")
    (folder / "common.yaml").write_text("services:\n  base:\n    stop_signal: SIGUSR1\n    privileged: true\n")
    (folder / "more.yaml").write_text("services:\n  extra:\n    image: x:1\n    uts: host\n")
    (folder / ".env").write_text("# versions\nOTHER=1\nTAG=latest\n")
    space = Project(select(folder, environ), environ, lambda _: b"")
    return {f"{each.code} {each.says.split(' ')[0]}": each for each in look(space, None, None).findings}


def test_an_override_names_what_it_lies_over_down_to_the_base(tmp_path: Path) -> None:
    """Override, file, base of another file: newest first."""
    said = found(tmp_path, {})["SW-222 api"]
    assert str(said.where) == "compose.override.yaml:3:5"
    assert [str(place) for place in said.overrode] == ["compose.yaml:9:5", "common.yaml:3:5"]


def test_places_go_through_anchors_bases_and_included_files(tmp_path: Path) -> None:
    """Each lies where somebody wrote it."""
    said = found(tmp_path, {})
    assert str(said["SW-211 init"].where) == "compose.yaml:3:3"
    assert str(said["SW-701 api"].where) == "common.yaml:4:5"
    assert str(said["SW-701 extra"].where) == "more.yaml:4:5"


def test_a_variable_is_named_with_the_line_that_sets_it(tmp_path: Path) -> None:
    """In `.env`; what the shell sets wins and is said to be the shell's."""
    assert found(tmp_path, {})["SW-208 the"].filled == ("TAG in .env:3",)


def test_what_no_file_sets_is_the_shells(tmp_path: Path) -> None:
    """A variable that is only exported."""
    (tmp_path / "compose.yaml").write_text('services: {a: {image: "x:${V}", user: "1"}}\n')
    environ = {"V": "latest"}
    space = Project(select(tmp_path, environ), environ, lambda _: b"")
    assert {each.filled for each in look(space, None, None).findings if each.code == "SW-208"} == {("V in the shell",)}

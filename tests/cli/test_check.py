"""`seaway check` from the command line: what is shown and fixed, and what a release from files alone refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seaway.app.load import How, select
from seaway.app.tolerant import load_tolerantly
from seaway.cli import run
from seaway.pipeline.look import fixable, look
from seaway.project import Project
from seaway.revision.mend import mend

pytestmark = pytest.mark.rootless

TEXT = "version: '3'\nservices:\n  db:\n    image: postgres:16  # kept\n    volumes: [pg:/d]\nvolumes: {pg: }\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a compose file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compose.yaml").write_text(TEXT)
    return tmp_path


def test_safe_edits_are_shown_made_and_done(folder: Path, capsys: Capture) -> None:
    """`--yes` writes; the diff is data; a second time there is nothing."""
    assert run(["check", "--fix", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "-version: '3'" in out
    assert "fixed: SW-002 ×1, SW-703 ×1" in err
    assert "image: postgres:16  # kept\n" in (folder / "compose.yaml").read_text()
    assert run(["check", "--fix", "--yes"]) == 0
    assert capsys.readouterr().out == ""


def test_without_a_terminal_nothing_is_written(folder: Path, capsys: Capture) -> None:
    """The option that answers is named."""
    assert run(["check", "--fix"]) == 2
    assert "seaway check --fix --yes" in capsys.readouterr().err
    assert (folder / "compose.yaml").read_text() == TEXT


def test_a_code_that_needs_a_decision_is_fixed_when_it_is_named(folder: Path, capsys: Capture) -> None:
    """And what has to be decided is said."""
    assert run(["check", "--fix", "--yes", "--code", "SW-512"]) == 0
    assert "decide: how large it gets" in capsys.readouterr().err
    assert "pg: {x-seaway: {size: 10Gi}}" in (folder / "compose.yaml").read_text()
    assert (folder / "compose.yaml").read_text().startswith("version")


def test_json_carries_the_fix_and_sarif_is_a_log(folder: Path, capsys: Capture) -> None:
    """One document each, exit code 1 for what is refused."""
    assert run(["check", "--json"]) == 1
    found = {each["code"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["SW-703"]["fix"]["safe"] is True
    assert found["SW-512"]["fix"]["decide"]
    assert run(["check", "--sarif"]) == 1
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"


def test_what_is_not_shown_is_counted_with_its_title(folder: Path, capsys: Capture) -> None:
    """Five kinds, then a line for each other kind."""
    (folder / "compose.yaml").write_text(TEXT.replace("[pg:/d]", "[pg:/d]\n    init: true\n    privileged: true"))
    run(["check"])
    assert "1 × SW-211  init adds no reaper" in capsys.readouterr().out


def test_an_unknown_code_is_refused(folder: Path) -> None:
    """The known ones are named."""
    assert run(["check", "--code", "SW-000"]) == 17


GOVERNED = """
x-seaway: {version: 1, environments: {prod: {target: docker}}}
services: {a: {image: "x:${TAG}", user: "1"}}
"""


def test_a_variable_of_the_shell_is_a_finding_of_a_named_environment_and_its_fix_a_line(folder: Path) -> None:
    """Written into `.env`, the release no longer depends on the shell."""
    (folder / "compose.yaml").write_text(GOVERNED)
    environ = {"TAG": "1"}
    space = Project.find(environ, lambda _: b"")
    looked = look(space, "prod", None)
    assert looked.findings[0].code == "SW-021"
    mend(space.selection, looked.app, fixable(looked, ["SW-021"])).draft.write()
    assert (folder / ".env").read_text() == "TAG=\n"
    assert "SW-021" not in {each.code for each in look(Project.find(environ, lambda _: b""), "prod", None).findings}


def test_a_file_outside_is_a_finding_of_a_named_environment_and_its_fix_a_root(folder: Path) -> None:
    """Once its folder is named, it may be read."""
    inner = folder / "inner"
    inner.mkdir()
    (folder / "shared.env").write_text("A=1\n")
    (inner / "compose.yaml").write_text(GOVERNED.replace('user: "1"', "env_file: ../shared.env").replace("${TAG}", "1"))
    selection = select(inner, {})
    space = Project(selection, {}, lambda _: b"")
    looked = look(space, "prod", None)
    assert looked.findings[0].code == "SW-018"
    mend(selection, looked.app, fixable(looked, ["SW-018"])).draft.write()
    again, _ = load_tolerantly(select(inner, {}), "prod", How(governed=True))
    assert again.extension.roots

"""What the pages and the hints say: commands exist, codes have pages and pages codes, every page can be found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from seaway.cli import run
from seaway.targets.check.catalogue import catalogue, elsewhere
from tests.docs.generate import ROOT, SOURCES
from tests.docs.spoken import Spoken, fault, of_hints, of_pages

pytestmark = pytest.mark.rootless

FINDINGS = ROOT / "docs" / "findings"
SPOKEN = sorted({*of_pages(), *of_hints()}, key=lambda each: (each.where, each.line))
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: f"{spoken.where}: {spoken.line}"[:90])
def test_a_command_that_is_told_exists(spoken: Spoken) -> None:
    """No page and no hint names a command, a subcommand or an option that the command line has not."""
    assert fault(spoken) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("seaway bild", "there is no command bild"),
        ("seaway keys neww alice", "there is no command neww"),
        ("seaway check --al", "check has no option --al"),
        ("seaway pause|halt production", "there is no command halt"),
        ("seaway check --all; then seaway bild", ""),
        ("seaway keys new NAME --help", ""),
    ],
)
def test_a_command_that_is_not_there_is_found(line: str, said: str) -> None:
    """The check itself can fail, and stops where the command does."""
    assert fault(Spoken("here", line)) == said


def codes_in_source() -> set[str]:
    """Every code that stands somewhere in the product."""
    files = [path for folder in SOURCES for kind in ("*.py", "*.toml") for path in folder.rglob(kind)]
    return {code for path in files for code in re.findall(r"\bSW-\d{3,4}\b", path.read_text())}


def test_each_code_has_a_page_and_each_page_a_code() -> None:
    """A finding that cannot be looked up, or a page of one that is gone, is a mistake."""
    pages = {path.stem for path in FINDINGS.glob("SW-*.md")}
    assert codes_in_source() == pages
    assert pages == set(catalogue()) | set(elsewhere())


def test_no_code_is_described_twice() -> None:
    """A code has one level and one page."""
    assert not set(catalogue()) & set(elsewhere())


def test_every_page_can_be_found_from_the_index() -> None:
    """From docs/README.md, over links, one reaches every page of docs."""
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.exists():
            reached.add(page)
            links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()) if page.suffix == ".md" else []
            waiting += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert {path for path in (ROOT / "docs").rglob("*") if path.is_file()} <= reached


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_yaml_on_a_page_can_be_read(path: Path) -> None:
    """Every fenced block of YAML is YAML."""
    for block in YAML.findall(path.read_text()):
        yaml.load(re.sub(r"!(override|reset)", "", block), yaml.SafeLoader)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "schemas").glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_of_an_answer_says_which_command_gives_it(path: Path) -> None:
    """Schemas are named for what they describe and carry a version."""
    schema = json.loads(path.read_text())
    assert schema["$schema"].endswith("2020-12/schema")
    assert fault(Spoken(path.name, schema["description"])) == ""
    assert schema["$id"] == f"seaway:{path.stem}:1"


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ("findings", ["check", "--json"]),
        ("explain", ["check", "--explain", "SW-703", "--json"]),
        ("exit-codes", ["help", "exit-codes", "--json"]),
        ("error", ["check", "nowhere", "--json"]),
    ],
)
def test_an_answer_is_what_its_schema_says(
    schema: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a command prints with --json is valid for the schema that names the command."""
    (tmp_path / "compose.yaml").write_text("services: {a: {image: x, privileged: true, environment: {TOKEN: abc}}}")
    monkeypatch.chdir(tmp_path)
    run(arguments)
    answer = json.loads(capsys.readouterr().out)
    rules = json.loads((ROOT / "docs" / "schemas" / f"{schema}.json").read_text())
    assert list(jsonschema_rs.validator_for(rules).iter_errors(answer)) == []
    assert answer

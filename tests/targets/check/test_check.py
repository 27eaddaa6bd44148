"""What is said about apps: each case a file, each finding with its place; run with SEAWAY_UPDATE=1 to write them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from seaway.app.load import How, load, select
from seaway.app.model import App
from seaway.errors import NameUnknown
from seaway.findings import Finding, Level
from seaway.targets.check import Purpose, check, explain
from seaway.targets.check.catalogue import RISKS, catalogue

pytestmark = pytest.mark.rootless

CASES = Path(__file__).parent / "cases"
PAGES = Path(__file__).parents[3] / "docs" / "findings"
LINE = "----------\n"


@dataclass(frozen=True)
class Case:
    """A case: files by path, the purpose, and the lines expected."""

    path: Path
    purpose: Purpose
    files: dict[str, str]
    expected: str

    @classmethod
    def read(cls, path: Path) -> Case:
        """Reads a case; its first line is `# <purpose>: what it shows`."""
        given, _, expected = path.read_text().partition(LINE)
        head, *parts = given.split("--- ")
        files = {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}
        return cls(path, cast(Purpose, head[2:].partition(":")[0]), files, expected)

    def app(self, folder: Path) -> App:
        """Loads the case with every override file named in it."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        names = [name for name in self.files if name.endswith(".yaml") and "base" not in name]
        return load(select(folder, {}, files=names), how=How(lenient=True))


def lines(findings: tuple[Finding, ...]) -> str:
    """Findings as people read them, with their hints."""
    return "".join(f"{finding}\n" + (f"    hint: {finding.hint}\n" if finding.hint else "") for finding in findings)


def paths() -> list[Path]:
    """The cases, by name."""
    return sorted(CASES.glob("*.txt"))


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_a_case_gets_its_findings(path: Path, tmp_path: Path) -> None:
    """The findings, their order, places and hints are those the case lists."""
    case = Case.read(path)
    said = lines(check(case.app(tmp_path), purpose=case.purpose, today=date(2026, 11, 24)))
    if os.environ.get("SEAWAY_UPDATE") == "1":
        path.write_text(path.read_text().partition(LINE)[0] + LINE + said)
    assert said.replace(str(tmp_path), "<here>") == case.expected


def codes_of_cases() -> Iterator[str]:
    """Every code that some case expects."""
    for path in paths():
        for line in Case.read(path).expected.splitlines():
            yield from (word for word in line.split() if word.startswith("SW-"))


def test_every_code_has_a_case() -> None:
    """No code is without a case; refused loads are tested in `tests/app`, SW-003 in `test_absent`, SW-304 below."""
    refused = {"SW-003", "SW-018", "SW-021", "SW-304"}
    assert set(catalogue()) - refused == set(codes_of_cases())


def test_every_code_has_its_page() -> None:
    """`docs/findings/` holds exactly the pages of the catalogue; SEAWAY_UPDATE=1 writes them."""
    pages = {code: explain(code) for code in catalogue()}
    if os.environ.get("SEAWAY_UPDATE") == "1":
        for code, page in pages.items():
            (PAGES / f"{code}.md").write_text(page)
    assert {code: (PAGES / f"{code}.md").read_text() for code in pages} == pages


def test_an_unknown_code_is_refused_with_the_known_ones() -> None:
    """`explain` names what there is."""
    with pytest.raises(NameUnknown) as caught:
        explain("SW-000")
    assert "SW-703" in str(caught.value.hint)


def test_every_entry_has_a_known_risk_and_says_something() -> None:
    """Risks are those the order knows; pages are not empty; somebody hears of each code."""
    for entry in catalogue().values():
        assert entry.risk in RISKS
        assert entry.why
        assert entry.fix
        assert any(entry.levels.values())


def simple(tmp_path: Path, text: str) -> App:
    """An app of one file."""
    (tmp_path / "compose.yaml").write_text(text)
    return load(select(tmp_path, {}), how=How(lenient=True))


CAPPED = """
x-seaway: {version: 1}
services:
  api:
    image: shop:1
    user: "1000"
    stop_signal: SIGINT
    x-seaway:
      resources: {cpu: 1, memory: 1Gi}
      accept: {SW-222: {reason: fine, owner: team, until: %s}}
"""


@pytest.mark.parametrize(
    ("until", "level"),
    [("2026-11-24", Level.NOTE), ("2026-11-23", Level.LOSS), ("someday", Level.LOSS), ("2027-01-01", Level.NOTE)],
)
def test_an_accepted_loss_is_a_note_until_it_ends(until: str, level: Level, tmp_path: Path) -> None:
    """The day named is the last one; what is no date is no leave."""
    app = simple(tmp_path, CAPPED % until)
    assert [finding.level for finding in check(app, purpose="kubernetes", today=date(2026, 11, 24))] == [level]


def test_an_error_cannot_be_accepted(tmp_path: Path) -> None:
    """Leave for a code that is an error changes nothing."""
    text = CAPPED.replace("stop_signal: SIGINT", "privileged: true").replace("SW-222", "SW-701") % "2027-01-01"
    found = check(simple(tmp_path, text), purpose="kubernetes", today=date(2026, 11, 24))
    assert [finding.level for finding in found] == [Level.ERROR]


def test_the_gravest_come_first(tmp_path: Path) -> None:
    """Errors before losses before notes, and security before cost."""
    text = "services: {b: {image: x, init: true, privileged: true, gpus: all}, a: {image: y, ports: ['80:80']}}"
    found = check(simple(tmp_path, text), purpose="kubernetes")
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=list(Level).index)
    errors = [catalogue()[finding.code].risk for finding in found if finding.level is Level.ERROR]
    assert errors == sorted(errors, key=RISKS.index)


def test_checking_changes_nothing(tmp_path: Path) -> None:
    """Two checks of one app say the same."""
    app = simple(tmp_path, "services: {a: {image: x, privileged: true, environment: {TOKEN: abc}}}")
    assert check(app, purpose="kubernetes") == check(app, purpose="kubernetes")


@pytest.mark.parametrize(("size", "said"), [(1 << 20, False), ((1 << 20) + 1, True)])
def test_a_config_over_a_mebibyte_is_said(size: int, said: bool, tmp_path: Path) -> None:
    """A ConfigMap holds one mebibyte and not a byte more."""
    app = simple(tmp_path, f"services: {{a: {{image: x, configs: [c]}}}}\nconfigs: {{c: {{content: {'x' * size}}}}}")
    assert ("SW-304" in {finding.code for finding in check(app, purpose="kubernetes")}) is said


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    """Neither says nor hint holds the value."""
    app = simple(
        tmp_path, "services: {a: {image: x, environment: {DATABASE_URL: 'pg://u:hunter2@db/x', TOKEN: hunter2}}}"
    )
    assert "hunter2" not in lines(check(app, purpose="kubernetes"))

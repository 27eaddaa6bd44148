"""Every row of the loader's tables is needed: without it a case loads differently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from seaway.app import canonical, crosschecks, interpolate, merge, paths, unicity
from seaway.app.containers import with_hooks, with_jobs
from seaway.app.patterns import table
from seaway.errors import SeawayError
from tests.app.oracle import Case, cases, ours

pytestmark = pytest.mark.rootless


@dataclass(frozen=True)
class Row:
    """A row of a table: the module, the names of the rows and of the compiled table, the row's path."""

    module: ModuleType
    rows: str
    compiled: str
    path: str

    def remove(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Compiles the table without the row."""
        left = {path: rule for path, rule in getattr(self.module, self.rows).items() if path != self.path}
        if self.compiled == "FORM_TABLE" or self.module is paths:
            left = with_hooks(left)
        monkeypatch.setattr(
            self.module, self.compiled, table(left if self.module in (crosschecks, unicity) else with_jobs(left))
        )

    def __str__(self) -> str:
        return f"{self.module.__name__.rpartition('.')[2]}:{self.path}"


TABLES = [
    (merge, "RULES", "TABLE"),
    (unicity, "KEYS", "TABLE"),
    (interpolate, "CASTS", "TABLE"),
    (canonical, "FORMS", "FORM_TABLE"),
    (canonical, "DEFAULTS", "DEFAULT_TABLE"),
    (paths, "RESOLVERS", "TABLE"),
    (crosschecks, "CHECKS", "TABLE"),
]
# Compose cannot print an SSH agent with a path as JSON; `test_paths` has it.
ROWS = [
    Row(module, rows, compiled, path)
    for module, rows, compiled in TABLES
    for path in getattr(module, rows)
    if path != "services.*.build.ssh.*"
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Case, Path, str]]:
    """Each case, its folder, and what it loads to with every table whole."""
    root = tmp_path_factory.mktemp("tables")
    found = {}
    for index, case in enumerate(cases()):
        folder = case.write(root / str(index))
        found[case.name] = (case, folder, outcome(case, folder))
    return found


def outcome(case: Case, folder: Path) -> str:
    """What a case loads to, or that it is refused."""
    try:
        return json.dumps(ours(case, folder), sort_keys=True)
    except (SeawayError, TypeError, AttributeError, ValueError, KeyError) as problem:
        return f"{type(problem).__name__}: {problem}"


def changed(loaded: Mapping[str, tuple[Case, Path, str]], word: str) -> Iterator[str]:
    """Names of the cases that load differently now, those that speak of a word first."""
    ordered = sorted(loaded.values(), key=lambda each: word not in "".join(each[0].files.values()))
    return (case.name for case, folder, before in ordered if outcome(case, folder) != before)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_taken_away_changes_a_case(
    row: Row, loaded: Mapping[str, tuple[Case, Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some case sees that the row is gone."""
    row.remove(monkeypatch)
    word = [part for part in row.path.split(".") if part not in ("*", "[]")][-1]
    assert next(changed(loaded, word), None) is not None


@pytest.mark.parametrize("operator", list(interpolate.OPERATORS))
def test_an_operator_taken_away_changes_a_case(
    operator: str, loaded: Mapping[str, tuple[Case, Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some case sees that the operator is gone."""
    monkeypatch.delitem(interpolate.OPERATORS, operator)
    assert next(changed(loaded, operator), None) is not None

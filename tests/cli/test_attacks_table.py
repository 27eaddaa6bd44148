"""The table of attacks: each row names a line that is there once, and a test that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.defences import ROWS, sources, without

pytestmark = pytest.mark.rootless
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row["attack"] for row in ROWS])
def test_a_row_names_its_defence_and_its_test(number: int) -> None:
    """Else a defence that moved would be taken away nowhere, and its test would stay green for that."""
    compile(without(sources()[number], number), ROWS[number]["defence"], "exec")
    file, _, name = ROWS[number]["test"].partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()

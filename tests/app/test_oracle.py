"""Every case loads as `docker compose` loads it: the same values, or refused by both."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seaway.errors import AppError, NotYet
from tests.app.oracle import BINARY, VERSION, Case, ask, cases, ours

pytestmark = pytest.mark.rootless


def test_the_oracle_is_the_pinned_compose() -> None:
    """The binary says the version that the cases were made for."""
    said = subprocess.run([str(BINARY), "version", "--short"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == VERSION.removeprefix("v")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_loads_as_compose_loads_it(case: Case, tmp_path: Path) -> None:
    """Compose and Seaway print the same JSON, or both refuse, and our message says what the case expects."""
    folder = case.write(tmp_path)
    consistent = case.name.startswith("consistency")
    theirs = ask(case, folder, consistent=consistent)
    if case.expected == "accept":
        assert theirs is not None, "the oracle refuses"
        assert ours(case, folder, consistent=consistent) == theirs
        return
    assert theirs is None, "the oracle accepts"
    with pytest.raises((AppError, NotYet)) as caught:
        ours(case, folder, consistent=consistent)
    assert case.expected.removeprefix("reject").strip() in str(caught.value)

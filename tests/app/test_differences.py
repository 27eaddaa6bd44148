"""What loads differently on purpose does so, and is on the page that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.errors import SeawayError
from tests.app.oracle import Case, ask, differences, ours

pytestmark = pytest.mark.rootless

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "compose-differences.md"


@pytest.mark.parametrize("case", differences(), ids=lambda case: case.name)
def test_a_difference_is_one(case: Case, tmp_path: Path) -> None:
    """One of the two refuses, with the words the case expects where it is us."""
    folder = case.write(tmp_path)
    theirs = ask(case, folder)
    if case.expected == "accept":
        assert ours(case, folder) is not None
        assert theirs is None
        return
    assert theirs is not None
    with pytest.raises(SeawayError) as caught:
        ours(case, folder)
    assert case.expected.removeprefix("reject").strip() in str(caught.value)


def test_every_difference_is_on_its_page() -> None:
    """By the name of its case."""
    page = PAGE.read_text()
    assert [case.name for case in differences() if f"`{case.name.partition('/')[2]}`" not in page] == []

"""A release on one line."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.cli.watching import line

pytestmark = pytest.mark.rootless


def _seen(**changes: Any) -> dict[str, Any]:
    return {"state": "judging", "reason": "", "cursor": 2, "steps": 7, "verdict": None, **changes}


def test_a_hold_says_why() -> None:
    """Nobody has to open the papers to learn that the counts were missing."""
    assert line(_seen(state="held", reason="blind")).split() == ["held", "step", "3/7", "(blind)"]


def test_what_goes_on_has_nothing_to_explain() -> None:
    """State and step alone."""
    assert line(_seen()).split() == ["judging", "step", "3/7"]


def test_each_criterion_shows_its_counts() -> None:
    """Bad of all, the canary's against stable's, and the evidence on both sides."""
    one = {"criterion": "errors", "canary": {"n": 9, "bad": 1}, "stable": {"n": 8, "bad": 0}}
    shown = line(_seen(verdict={"standings": [{**one, "regress": 2.0, "certificate": 0.5}]}))
    assert "errors 1/9 : 0/8 against 2 for 0.5" in shown

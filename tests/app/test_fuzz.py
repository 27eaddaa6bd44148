"""Differential fuzz: models drawn from the Compose schema load alike in Compose and in Seaway."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.draw import Draw
from tests.app.fuzz import run, shrunk

pytestmark = pytest.mark.rootless

SEED = int(os.environ.get("SEAWAY_SEED", "1"))


def test_drawn_models_load_alike(tmp_path: Path) -> None:
    """What both accept is equal, and what one refuses the other refuses; SEAWAY_SEED draws others."""
    outcome = run(SEED, 200, tmp_path)
    assert outcome.differences == []
    assert outcome.accepted > 20


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_ten_thousand_drawn_models_load_alike(tmp_path: Path) -> None:
    """As above, for as many as the long lane has time for; SEAWAY_ROUNDS draws more."""
    outcome = run(SEED + 1, int(os.environ.get("SEAWAY_ROUNDS", "10000")), tmp_path)
    assert outcome.differences == []


def test_a_failing_case_is_made_small() -> None:
    """What the failure does not need is left out."""
    case = replace(Draw(7).case(0), files={"compose.yaml": '{"services": {"a": {"image": "x", "user": "u"}, "b": {}}}'})
    small = shrunk(case, lambda each: "user" in each.files["compose.yaml"])
    assert small.files["compose.yaml"] == '{"services": {"a": {"user": "u"}}}'

"""Shared by all rooms: the switch under which a skip is a failure, the long lane, and the rig."""

from __future__ import annotations

import os

import pytest

from tests.rig.session import arrange, is_excused
from tests.rig.session import rig as rig  # a fixture, found here by its name

STRICT = os.environ.get("SEAWAY_NO_SKIPS") == "1"
LONG = os.environ.get("SEAWAY_LONG") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the long lane out unless asked for; deselected tests are not skips. The rig's tests come last."""
    items[:] = [item for item in items if LONG or not item.get_closest_marker("long")]
    arrange(items)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Turns a skip into a failure under SEAWAY_NO_SKIPS=1; an expected failure stays one."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if STRICT and report.skipped and not hasattr(report, "wasxfail") and not is_excused(item):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where every skip is a failure: {report.longrepr}"
    return outcome

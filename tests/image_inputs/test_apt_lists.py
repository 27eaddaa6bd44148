"""When apt's lists are fetched: once for several resolutions in a row, anew for other sources or whoever insists."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from seaway.errors import BaseError
from seaway.image.aptget import Apt

pytestmark = pytest.mark.rootless


class Lists(Apt):
    """An apt that counts what it is asked to fetch."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "apt.conf")
        self.fetched = 0
        self.broken = False
        (home / "sources.d").mkdir()
        self.sources = home / "sources.d" / "debian.sources"
        self.sources.write_text("URIs: http://deb.example\n")

    def _call(self, program: str, *arguments: str, fails: bool = True) -> str:
        if self.broken:
            raise BaseError("no mirror")
        self.fetched += 1
        return ""


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    """Lists that were never fetched."""
    return Lists(tmp_path)


def test_lists_that_are_fresh_serve_again(lists: Lists) -> None:
    """Within the time that the caller allows."""
    for _ in range(3):
        lists.update(within=60.0)
    assert lists.fetched == 1


def test_a_caller_that_allows_no_age_gets_new_lists(lists: Lists) -> None:
    """A scan is about now."""
    lists.update(within=60.0)
    lists.update()
    assert lists.fetched == 2


@pytest.mark.parametrize("age", [61.0, -100.0])
def test_old_lists_and_those_of_a_clock_set_back_are_fetched_anew(lists: Lists, age: float) -> None:
    """A mark in the future says nothing."""
    lists.update(within=60.0)
    then = time.time() - age
    os.utime(lists.config.parent / "updated", (then, then))
    lists.update(within=60.0)
    assert lists.fetched == 2


def test_other_sources_need_other_lists(lists: Lists) -> None:
    """The mark is for the sources it was made with."""
    lists.update(within=60.0)
    lists.sources.write_text("URIs: http://other.example\n")
    lists.update(within=60.0)
    assert lists.fetched == 2


def test_a_fetch_that_failed_leaves_no_mark(lists: Lists) -> None:
    """What was half fetched is not fresh."""
    lists.update(within=60.0)
    lists.broken = True
    with pytest.raises(BaseError):
        lists.update()
    lists.broken = False
    lists.update(within=60.0)
    assert lists.fetched == 2

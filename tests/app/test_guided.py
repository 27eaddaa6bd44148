"""The fuzzer that coverage guides: it finds what is planted, and on the loader as it is it finds nothing."""

from __future__ import annotations

import os

import pytest

from seaway.app import scalars
from tests.app.guided import Fuzz, first, tried

pytestmark = pytest.mark.rootless


def test_the_kept_corpus_loads_without_a_fault() -> None:
    """Each input reaches the room and raises nothing but our own errors."""
    for given in first():
        reached, failure = tried(given)
        assert failure is None
        assert len(reached) > 100


def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates, which no kept input has, are broken: the fuzzer makes an input that has one."""

    def broken(_: str) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(scalars, "datetime", broken)
    fuzz = Fuzz(1)
    fuzz.run(lambda run: bool(run.failures) or run.executions > 8_000)
    assert fuzz.failures


def test_changes_are_the_same_for_a_seed() -> None:
    """A run can be had again."""
    fuzz, again = Fuzz(3), Fuzz(3)
    for each in (fuzz, again):
        each.run(lambda run: run.executions > 30)
    assert fuzz.corpus == again.corpus


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_an_hour_finds_nothing() -> None:
    """SEAWAY_ROUNDS executions, each guided by what the ones before reached."""
    fuzz = Fuzz(int(os.environ.get("SEAWAY_SEED", "1")))
    fuzz.run(lambda run: run.executions > int(os.environ.get("SEAWAY_ROUNDS", "200000")))
    assert fuzz.failures == {}

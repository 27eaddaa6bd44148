"""Every case loads as `docker compose` loads it: the same values, or refused by both."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from seaway.errors import SeawayError
from tests.app.oracle import BINARY, VERSION, Batch, Case, cases, ours

pytestmark = pytest.mark.rootless


def test_the_oracle_is_the_pinned_compose() -> None:
    """The binary says the version that the cases were made for."""
    said = subprocess.run([str(BINARY), "version", "--short"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == VERSION.removeprefix("v")


@pytest.fixture(scope="module")
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """Compose's answers about the cases that are to be run."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen: list[Any] = [
        item.callspec.params["case"] for item in items if item.path == request.path and hasattr(item, "callspec")
    ]
    batch = Batch(tmp_path_factory.mktemp("cases"))
    with ThreadPoolExecutor(4) as pool:
        batch.ask(chosen, pool)
        yield batch


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_loads_as_compose_loads_it(case: Case, batch: Batch) -> None:
    """Compose and Seaway print the same JSON, or both refuse, and our message says what the case expects."""
    folder, theirs = batch.answer(case)
    if case.expected == "accept":
        assert theirs is not None, "the oracle refuses"
        assert ours(case, folder, consistent=case.consistent) == theirs
        return
    assert theirs is None, "the oracle accepts"
    with pytest.raises(SeawayError) as caught:
        ours(case, folder, consistent=case.consistent)
    assert case.expected.removeprefix("reject").strip() in str(caught.value)

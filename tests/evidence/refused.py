"""What every attack must meet: a refusal of its own kind, with its reason and exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from seaway.errors import SeawayError


@contextmanager
def refused(kind: type[SeawayError], reason: str, exit_code: int) -> Iterator[None]:
    """Expects exactly this error."""
    with pytest.raises(kind, match=reason) as caught:
        yield
    assert type(caught.value) is kind
    assert caught.value.exit_code == exit_code

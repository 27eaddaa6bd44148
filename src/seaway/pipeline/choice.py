"""What every verb is given beside the project: what a person chose, and whom to tell of progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose beside the environment: a key by name or URI, a bundle by digest or its beginning."""

    key: str | None = None
    bundle: str | None = None
    reason: str = ""


UNCHOSEN = Choice()

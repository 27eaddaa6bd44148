"""The stretches of the road, a file each: what `pipeline` strings together, made of the rooms' own parts.

A stage taken from here loads when something of it is first asked for: a command walks few of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from seaway.lazy import LateModule

if not TYPE_CHECKING:

    def __getattr__(name: str) -> LateModule:
        """Returns a stage that may not be loaded yet."""
        if name.startswith("_") or find_spec(f"{__name__}.{name}") is None:
            raise AttributeError(name)
        return LateModule(f"{__name__}.{name}")

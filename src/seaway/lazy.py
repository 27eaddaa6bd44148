"""Modules that load at their first use: the start of a command is a promise, and most commands need none of these.

What asks for a module this way keeps its real import for the type checker, below `TYPE_CHECKING`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LateModule:
    """Stands for a module and imports it when an attribute is asked for, under the lock that every import takes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)

    def __repr__(self) -> str:
        return f"<late {self._name}>"

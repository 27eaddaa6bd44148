"""A remark: what a subject says about one place of one service, before it has a level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.app.model import App, Service
from seaway.app.tree import Path
from seaway.findings import Fix


@dataclass(frozen=True, slots=True)
class Remark:
    """A code, what is said, the path of the key it concerns (below the service, or of the app), and how to fix it.

    Without a fix of its own, it is to delete the key.
    """

    code: str
    says: str
    path: Path = ()
    hint: str | None = None
    fix: Fix | None = None


Subject = Callable[[Service, App], Iterator[Remark]]
AppSubject = Callable[[App], Iterator[Remark]]


@dataclass(frozen=True, slots=True)
class Row:
    """A key whose presence is said: the path below the service, the code, and what is said of `{value}`."""

    path: str
    code: str
    says: str
    hint: str | None = None


def rows(service: Service, table: tuple[Row, ...]) -> Iterator[Remark]:
    """Yields a remark for each row whose key the service has."""
    for row in table:
        parts = tuple(row.path.split("."))
        value: Any = service.compose
        for part in parts:
            value = value.get(part) if isinstance(value, Mapping) else None
        if value not in (None, [], {}, "", False):
            shown = value if isinstance(value, (str, int, float)) else row.path
            yield Remark(row.code, row.says.format(service=service.name, value=shown), parts, row.hint)


def entries(service: Service, key: str) -> list[Any]:
    """Returns a list of the service, or an empty one."""
    value = service.compose.get(key)
    return value if isinstance(value, list) else []


def keys(service: Service, key: str) -> Mapping[str, Any]:
    """Returns a mapping of the service, or an empty one."""
    value = service.compose.get(key)
    return value if isinstance(value, Mapping) else {}


def text(service: Service, key: str) -> str:
    """Returns a string of the service, or an empty one."""
    value = service.compose.get(key)
    return value if isinstance(value, str) else ""

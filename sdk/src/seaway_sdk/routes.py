"""From a request's scope to the route's template, so that series stay few: raw paths are never a label.

Works on what Starlette and FastAPI leave in the scope, by shape alone: neither is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway_sdk.conventions import UNMATCHED_ROUTE


class Routes:
    """Templates by endpoint, learnt once an app."""

    def __init__(self) -> None:
        self._app: object = None
        self._known: dict[int, list[tuple[str, Any]]] = {}

    def template(self, scope: Any) -> str:
        """Returns the template that answered, or `unmatched`."""
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return UNMATCHED_ROUTE
        app = scope.get("app")
        if app is not self._app:
            self._app = app
            self._known = {}
            for key, template, pattern in _walk(getattr(app, "routes", ()), ""):
                self._known.setdefault(key, []).append((template, pattern))
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        return self._choose(self._known.get(id(endpoint), []), path)

    @staticmethod
    def _choose(found: list[tuple[str, Any]], path: str) -> str:
        if len(found) == 1:
            return found[0][0]
        fitting = (template for template, pattern in found if pattern is not None and pattern.match(path))
        return next(fitting, UNMATCHED_ROUTE)


def _walk(routes: Any, prefix: str) -> Iterator[tuple[int, str, Any]]:
    for route in routes:
        path = prefix + (getattr(route, "path", None) or "")
        if endpoint := getattr(route, "endpoint", None):
            yield id(endpoint), path, getattr(route, "path_regex", None)
        else:
            yield from _walk(getattr(route, "routes", None) or (), path)

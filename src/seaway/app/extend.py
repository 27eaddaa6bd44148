"""`extends`: a service takes over another's definition, from its own file or another one, recursively.

A base in another file is neither validated nor given defaults; its paths are resolved from its own directory.
Source: compose-go `loader/extends.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.app.faults import AtPath
from seaway.app.merge import merged
from seaway.app.tree import Map, Path, copied, size
from seaway.errors import MergeError, SchemaError

CHAIN = 100
COPIED = 1_000_000


class Endless(AtPath, MergeError):
    """Services extend each other in a circle, or something that is not there."""


class Misplaced(AtPath, SchemaError):
    """The services section has another form."""


@dataclass(frozen=True, slots=True)
class Bases:
    """The services of one document that can be extended, the paths it resets, the folder its `file:` are found from.

    `file` is the other file they are from, empty for the document at hand.
    """

    services: Map
    resets: tuple[Path, ...]
    folder: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Extending:
    """Applies `extends`; `read` returns the services of another file, given its path as written and who names it."""

    read: Callable[[str, Bases], Bases]
    copied: list[int] = field(default_factory=lambda: [0])

    def apply(self, model: Map, document: Bases) -> None:
        """Replaces each service of a model by its definition merged over its base, in place."""
        services = model.get("services")
        if services is None:
            return
        if not isinstance(services, Map):
            raise Misplaced("must be a mapping", ("services",))
        bases = replace(document, services=services)
        for name in list(services):
            self.service(name, bases, ())

    def service(self, name: str, bases: Bases, trail: tuple[tuple[str, str], ...]) -> Any:
        """Returns a service with its base merged in."""
        service = bases.services[name]
        if not isinstance(service, Map):
            if service is None:
                return None
            raise Misplaced("must be a mapping", ("services", name))
        if "extends" not in service:
            return service
        reference, file = _reference(service["extends"], name)
        other = self._other(name, (reference, file), bases)
        # Compose counts a step within a file as one within the first file, wherever it is.
        if len(trail) > CHAIN:
            raise Endless(f"extends through more than {CHAIN} services", ("services", name, "extends"))
        step = (other.file if file is not None else "", name)
        if step in trail:
            circle = " extends ".join(f"{service} in {file}" if file else service for file, service in (*trail, step))
            raise Endless(f"circular reference: {circle}", ("services", name, "extends"))
        base = self.service(reference, other, (*trail, step))
        if base is None:
            return service
        self.copied[0] += size(base)
        if self.copied[0] > COPIED:
            raise Endless(f"extends copies more than {COPIED} values", ("services", name, "extends"))
        return self._merged(name, copied(base), bases)

    def _other(self, name: str, reference: tuple[str, str | None], bases: Bases) -> Bases:
        service, file = reference
        other = bases if file is None else self.read(file, bases)
        if service not in other.services:
            where = "" if file is None else f" in {file}"
            raise Endless(f'service "{service}" not found{where}', ("services", name, "extends"))
        return other

    def _merged(self, name: str, base: Map, bases: Bases) -> Map:
        drop(Map(services=Map({name: base})), bases.resets)
        whole = merged(base, bases.services[name], ("services", name))
        whole.pop("extends", None)
        bases.services[name] = whole
        return whole  # type: ignore[no-any-return]  # two mappings merge into one


def _reference(extends: Any, name: str) -> tuple[str, str | None]:
    if isinstance(extends, str):
        return extends, None
    if isinstance(extends, Map) and isinstance(extends.get("service"), str):
        file = extends.get("file")
        if file is not None and not isinstance(file, str):
            raise Misplaced("must be a path", ("services", name, "extends", "file"))
        return extends["service"], file
    raise Misplaced('needs "service"', ("services", name, "extends"))


def drop(model: Map, paths: tuple[Path, ...]) -> None:
    """Deletes the entries at paths from a tree, in place; what is not there is not missed."""
    for path in paths:
        node: Any = model
        for key in path[:-1]:
            node = node.get(str(key)) if isinstance(node, Map) else None
        if isinstance(node, Map) and path and path[-1] in node:
            del node[str(path[-1])]

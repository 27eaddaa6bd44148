"""Keys of `x-seaway` that nothing acts on yet: what is written and leads nowhere is said, never ignored in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from seaway.app.keys import Key, unacted
from seaway.app.model import App, Service
from seaway.app.reading import dotted
from seaway.app.service_keys import ServiceExtension
from seaway.app.spelling import spelled
from seaway.app.tree import Path
from seaway.targets.check.remark import Remark
from seaway.targets.check.repair import drop, put


def services(service: Service, app: App) -> Iterator[Remark]:
    """SW-105 for keys of a service that are its own, not its app's."""
    for path, key in unacted(service.extension, app.extension.defaults):
        yield _remark(("x-seaway", *path), key, service.name)


def blocks(app: App) -> Iterator[Remark]:
    """SW-105 for keys of the block at the top, and of those beside volumes, secrets, networks and models."""
    top = app.extension
    base = ServiceExtension(release=top.release, observe=top.observe, cost=top.cost)
    for path, key in unacted(top):
        if path[0] != "defaults":
            yield _remark(("x-seaway", *path), key)
    for path, key in unacted(top.defaults, base):
        yield _remark(("x-seaway", "defaults", *path), key)
    beside: Mapping[str, Mapping[str, object]] = {
        "volumes": app.volume_extensions,
        "secrets": app.secret_extensions,
        "networks": app.network_extensions,
        "models": app.model_extensions,
    }
    for section, extensions in beside.items():
        for name, block in extensions.items():
            for path, key in unacted(block):
                yield _remark((section, name, "x-seaway", *path), key)


def _remark(path: Path, key: Key, service: str = "") -> Remark:
    of, to = f" of {service}" if service else "", spelled(key.hint, key.off)
    says = f"{dotted(path)}{of} is read, and nothing acts on it yet"
    if key.off == key.default or key.inherits:
        return Remark("SW-105", says, path, f"delete {path[-1]}, or see to it yourself until Seaway does", drop(*path))
    return Remark("SW-105", says, path, f"{path[-1]}: {json.dumps(to)}, or see to it yourself", put(*path, to=to))

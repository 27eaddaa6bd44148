"""Keys of `x-seaway` that nothing acts on yet: what is written and leads nowhere is said, never ignored in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seaway.app.keys import unacted
from seaway.app.model import App, Service
from seaway.app.reading import dotted
from seaway.app.service_keys import ServiceExtension
from seaway.app.tree import Path
from seaway.targets.check.remark import Remark

_HINT = "delete it, or look after it yourself until Seaway does"


def services(service: Service, app: App) -> Iterator[Remark]:
    """SW-105 for keys of a service that are its own, not its app's."""
    for path in unacted(service.extension, app.extension.defaults):
        yield _remark(("x-seaway", *path), service.name)


def blocks(app: App) -> Iterator[Remark]:
    """SW-105 for keys of the block at the top, and of those beside volumes, secrets, networks and models."""
    top = app.extension
    base = ServiceExtension(release=top.release, observe=top.observe, cost=top.cost)
    for path in unacted(top):
        if path[0] != "defaults":
            yield _remark(("x-seaway", *path))
    for path in unacted(top.defaults, base):
        yield _remark(("x-seaway", "defaults", *path))
    beside: Mapping[str, Mapping[str, object]] = {
        "volumes": app.volume_extensions,
        "secrets": app.secret_extensions,
        "networks": app.network_extensions,
        "models": app.model_extensions,
    }
    for section, extensions in beside.items():
        for name, block in extensions.items():
            for path in unacted(block):
                yield _remark((section, name, "x-seaway", *path))


def _remark(path: Path, service: str = "") -> Remark:
    of = f" of {service}" if service else ""
    return Remark("SW-105", f"{dotted(path)}{of} is read, and nothing acts on it yet", path, _HINT)

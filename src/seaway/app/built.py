"""Building the `App`: the bound document and the `x-seaway` blocks of the merged model, together as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from seaway.app.assemble import Assembly
from seaway.app.extension import Environment, Extension, read_beside, read_service, read_top
from seaway.app.model import App, Service
from seaway.app.reading import Reader
from seaway.app.service_keys import ModelExtension, NetworkExtension, SecretExtension, VolumeExtension
from seaway.app.tree import Map, Origins

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What an app is made of: the merged model, and the bound document without the inactive services."""

    assembly: Assembly
    model: Map
    document: Map
    inactive: Map

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, by number."""
        return tuple(self.assembly.names)


def built(parts: Parts, environments: Mapping[str, Environment], environment: Environment) -> App:
    """Reads the `x-seaway` blocks and returns the app; problems with them are among its findings."""
    written = Origins(parts.model, parts.names)
    reader = Reader(lambda path: written.at(*path))
    extension = _top(parts.model, environments, reader)
    assembly = parts.assembly
    return App(
        name=parts.model["name"],
        environment=environment,
        directory=assembly.source.directory,
        services=_services(parts, parts.document["services"], extension, reader),
        inactive=_services(parts, parts.inactive, extension, reader),
        extension=extension,
        origins=Origins(parts.document, parts.names),
        document=parts.document,
        files=tuple(assembly.files),
        sources=assembly.source.files,
        variables=dict(assembly.used),
        findings=tuple(reader.findings),
        volume_extensions=_beside(parts.model, "volumes", VolumeExtension, reader),
        secret_extensions=_beside(parts.model, "secrets", SecretExtension, reader),
        network_extensions=_beside(parts.model, "networks", NetworkExtension, reader),
        model_extensions=_beside(parts.model, "models", ModelExtension, reader),
    )


def _top(model: Map, environments: Mapping[str, Environment], reader: Reader) -> Extension:
    """Reads the block at the top; environments are those of the first file, read before."""
    block = model.get("x-seaway")
    if isinstance(block, Map):
        block = {key: value for key, value in block.items() if key != "environments"}
    return replace(read_top(block, reader, environments), environments=environments)


def _services(parts: Parts, documents: Map, extension: Extension, reader: Reader) -> Mapping[str, Service]:
    root = Map(services=documents)
    origins, written = Origins(root, parts.names), Origins(parts.model, parts.names)
    found = {}
    for name, document in documents.items():
        path = ("services", name)
        block = parts.model["services"][name].get("x-seaway")
        keys = read_service(block, extension.defaults, (*path, "x-seaway"), reader)
        found[name] = Service(name, document, keys, origins.below(*path), written.below(*path))
    return found


def _beside(model: Map, section: str, kind: type[T], reader: Reader) -> Mapping[str, T]:
    found = {}
    for name, entry in (model.get(section) or {}).items():
        block: Any = entry.get("x-seaway") if isinstance(entry, Map) else None
        found[name] = read_beside(kind, block, (section, name, "x-seaway"), reader)
    return found

"""`App`: one compose project, loaded for one environment, as a frozen value.

`Service.compose` is the canonical long form, as `docker compose config --format json --no-consistency` has it but
with `$` as meant (not doubled) and the service's `x-seaway` read into `extension`. Read places with `origins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.app.extension import Environment, Extension
from seaway.app.service_keys import (
    ModelExtension,
    NetworkExtension,
    SecretExtension,
    ServiceExtension,
    VolumeExtension,
)
from seaway.app.sources import SourceFile
from seaway.app.tree import Origins
from seaway.findings import Finding, Position


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its compose keys in long form, its `x-seaway`, and where each was written.

    `origins` knows the keys of `compose`, `written` those of the merged files, `x-seaway` among them.
    """

    name: str
    compose: Mapping[str, object]
    extension: ServiceExtension
    origins: Origins
    written: Origins

    def where(self, *path: str | int) -> Position | None:
        """Returns the place of a key of this service, or of the nearest entry around it."""
        return (self.written if path[:1] == ("x-seaway",) else self.origins).at(*path)


@dataclass(frozen=True, slots=True)
class App:
    """A compose project in one environment; `variables` are those interpolation used, `files` the compose files.

    `services` are those whose profile is active; `inactive` the others. `volumes`, `networks`, `secrets`,
    `configs` and `models` are in long form, with names resolved; their `x-seaway` blocks are in the mappings
    of the same name with `_extensions`.
    """

    name: str
    environment: Environment
    directory: Path
    services: Mapping[str, Service]
    inactive: Mapping[str, Service]
    extension: Extension
    origins: Origins
    document: Mapping[str, object]
    files: tuple[Path, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    volume_extensions: Mapping[str, VolumeExtension] = field(default_factory=dict)
    secret_extensions: Mapping[str, SecretExtension] = field(default_factory=dict)
    network_extensions: Mapping[str, NetworkExtension] = field(default_factory=dict)
    model_extensions: Mapping[str, ModelExtension] = field(default_factory=dict)

    @property
    def volumes(self) -> Mapping[str, Mapping[str, object]]:
        """Named volumes in long form."""
        return self._section("volumes")

    @property
    def networks(self) -> Mapping[str, Mapping[str, object]]:
        """Networks in long form."""
        return self._section("networks")

    @property
    def secrets(self) -> Mapping[str, Mapping[str, object]]:
        """Secrets in long form; values are never among them."""
        return self._section("secrets")

    @property
    def configs(self) -> Mapping[str, Mapping[str, object]]:
        """Configs in long form."""
        return self._section("configs")

    @property
    def models(self) -> Mapping[str, Mapping[str, object]]:
        """Models in long form."""
        return self._section("models")

    def _section(self, name: str) -> Mapping[str, Mapping[str, object]]:
        section = self.document.get(name)
        return section if isinstance(section, Mapping) else {}

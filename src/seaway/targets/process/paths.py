"""Where a project's target keeps its state: in the user's state directory, never in the project.

<state>/<app>-<8 hex of the project's folder>/
    agent.lock, agent.sock, agent.log
    <environment>/wishes.json, addresses.json, engine.json, request.key, versions/, secrets/, configs/, volumes/,
        cells/, envoy/, stage/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.targets.process.record import make_folder, sync_folder


def state_directory(environ: Mapping[str, str]) -> Path:
    """Returns the user's state directory for Seaway (XDG Base Directory; `SEAWAY_STATE_DIR` wins)."""
    if own := environ.get("SEAWAY_STATE_DIR"):
        return Path(own)
    if shared := environ.get("XDG_STATE_HOME"):
        return Path(shared) / "seaway"
    return Path(environ.get("HOME") or "~").expanduser() / ".local" / "state" / "seaway"


@dataclass(frozen=True, slots=True)
class EnvironmentPaths:
    """The folder of one environment of a project."""

    folder: Path
    app: str
    environment: str

    @property
    def wishes(self) -> Path:
        """What is wished: one file, replaced whole."""
        return self.folder / "wishes.json"

    @property
    def addresses(self) -> Path:
        """The block of loopback addresses and each service's place in it."""
        return self.folder / "addresses.json"

    @property
    def engine(self) -> Path:
        """Which Docker Engine the environment lives on; absent where it runs as processes."""
        return self.folder / "engine.json"

    @property
    def versions(self) -> Path:
        """The installed versions, a file each, by digest."""
        return self.folder / "versions"

    @property
    def secrets(self) -> Path:
        """Secret values by version, readable by the owner alone."""
        return self.folder / "secrets"

    @property
    def configs(self) -> Path:
        """Configuration files by content digest."""
        return self.folder / "configs"

    @property
    def volumes(self) -> Path:
        """Named volumes; they outlive `down`."""
        return self.folder / "volumes"

    @property
    def request_key(self) -> Path:
        """The key that signs the tokens of requests here."""
        return self.folder / "request.key"

    @property
    def cells(self) -> Path:
        """A folder a replica: spec, records, log."""
        return self.folder / "cells"

    @property
    def envoy(self) -> Path:
        """Envoy's files."""
        return self.folder / "envoy"

    @property
    def tools(self) -> Path:
        """Programs fetched once for all of the user's projects, such as proot."""
        return self.folder.parent.parent.parent / "tools"

    def make(self) -> None:
        """Creates the folders, for the owner alone, and their names durably: also those that a kill left unsynced."""
        envoy = (self.envoy / "eds", self.envoy / "rds")
        for folder in (self.versions, self.secrets, self.configs, self.volumes, self.cells, *envoy):
            make_folder(folder)
        for folder in (*list(self.folder.parents)[:3], self.folder):
            sync_folder(folder)


@dataclass(frozen=True, slots=True)
class ProjectPaths:
    """The folder of one project and user; one agent serves it."""

    folder: Path
    app: str

    @classmethod
    def of(cls, app: str, project: Path, environ: Mapping[str, str]) -> ProjectPaths:
        """Names the folder after the app and the project's own folder, so two clones are two projects."""
        mark = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:8]
        return cls(state_directory(environ) / f"{app}-{mark}", app)

    @property
    def lock(self) -> Path:
        """Held by the agent for life."""
        return self.folder / "agent.lock"

    @property
    def socket(self) -> Path:
        """Where the agent answers, mode 0600."""
        return self.folder / "agent.sock"

    @property
    def log(self) -> Path:
        """What the agent says about itself."""
        return self.folder / "agent.log"

    def environment(self, name: str) -> EnvironmentPaths:
        """Returns the folder of one environment."""
        return EnvironmentPaths(self.folder / "environments" / name, self.app, name)

    def environments(self) -> list[str]:
        """Returns the environments that have ever been installed here."""
        folder = self.folder / "environments"
        return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []

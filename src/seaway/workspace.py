"""One project on this machine: its folder, its stores and its ledger, opened together and only when asked for.

What can be made again lies in the project (`.seaway/`) or in the user's cache; facts and keys lie in the user's data
directory, which `git clean` in the project cannot reach; what runs lies in the user's state directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from seaway.app.load import How, load, select
from seaway.app.model import App
from seaway.app.select import Selection
from seaway.errors import NameUnknown
from seaway.evidence.keyring import Keyring
from seaway.evidence.notary import Notary
from seaway.evidence.place import Place
from seaway.image.layout import Layout
from seaway.image.roots import ImageRoots
from seaway.targets.process.paths import ProjectPaths

Ask = Callable[[str], bytes]


@dataclass(frozen=True)
class Workspace:
    """A project as the command line selected it; `ask` gives the passphrase of a key by its URI."""

    selection: Selection
    environ: Mapping[str, str]
    ask: Ask

    @classmethod
    def find(
        cls,
        environ: Mapping[str, str],
        ask: Ask,
        *,
        directory: Path | None = None,
        files: Sequence[str] = (),
        profiles: Sequence[str] = (),
        project_name: str | None = None,
        env_files: Sequence[str] = (),
    ) -> Workspace:
        """Finds the project from the current folder; raises SourceMissing where there is no compose file."""
        selection = select(
            Path.cwd(),
            environ,
            files=files,
            profiles=profiles,
            project_name=project_name,
            env_files=env_files,
            project_directory=directory,
        )
        return cls(selection, environ, ask)

    # -- the app ---------------------------------------------------------------------------------------------------

    def load(self, environment: str | None = None, *, governed: bool = False, lenient: bool = False) -> App:
        """Loads the app for an environment (None: the first)."""
        return load(self.selection, environment, how=How(governed=governed, lenient=lenient))

    @cached_property
    def base(self) -> App:
        """The app from its base compose file alone: what images are a function of."""
        return load(replace(self.selection, files=self.selection.files[:1], override=None), governed=True)

    @property
    def name(self) -> str:
        """The app's name."""
        return self.base.name

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments in the order of promotion."""
        return tuple(self.base.extension.environments)

    def environment(self, name: str | None) -> str:
        """Returns an environment's name, the first for None; raises NameUnknown with those there are."""
        if name is None:
            return self.environments[0]
        if name not in self.environments:
            raise NameUnknown(
                f'there is no environment "{name}"', where="x-seaway.environments", hint=" or ".join(self.environments)
            )
        return name

    def before(self, environment: str) -> str:
        """Returns the environment before this one, empty for the first."""
        at = self.environments.index(environment)
        return self.environments[at - 1] if at else ""

    # -- what lies in the project and in the cache -----------------------------------------------------------------

    @property
    def directory(self) -> Path:
        """The project's folder."""
        return self.base.directory

    @property
    def lock_path(self) -> Path:
        """`seaway.lock`, which belongs in version control."""
        return self.directory / "seaway.lock"

    @property
    def build_path(self) -> Path:
        """What the last build made, by service."""
        return self.directory / ".seaway" / "build.json"

    @cached_property
    def store(self) -> Layout:
        """The project's image store."""
        folder = self.directory / ".seaway"
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        return Layout(folder / "oci")

    @property
    def cache(self) -> Path:
        """Where downloads are kept by hash, for all projects of the user."""
        if own := self.environ.get("SEAWAY_CACHE_DIR"):
            return Path(own)
        shared = Path(self.environ.get("XDG_CACHE_HOME") or "")
        home = Path(self.environ.get("HOME") or Path.home())
        return (shared if shared.is_absolute() else home / ".cache") / "seaway"

    # -- what belongs to the user ----------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """Where this app's ledger and keys lie."""
        origin = self.base.extension.ledger.origin or f"{self.name}.local"
        return Place.of_user(origin, self.environ)

    @cached_property
    def keyring(self) -> Keyring:
        """The keys on this machine."""
        return Keyring(self.place.keys, self.environ, self.ask)

    def notary(self) -> Notary:
        """Opens the ledger for writing; close it soon, others wait."""
        return Notary.open(self.place)

    def reading(self) -> Notary:
        """Opens the ledger for reading."""
        return Notary.reading(self.place)

    @property
    def paths(self) -> ProjectPaths:
        """Where the project's agent and what it runs keep their state."""
        return ProjectPaths.of(self.name, self.directory, self.environ)

    @cached_property
    def roots(self) -> ImageRoots:
        """Unpacked images, shared by all projects of the user."""
        return ImageRoots(self.place.state / "roots")


def environment_of_process() -> dict[str, str]:
    """Returns this process's environment variables as a plain mapping."""
    return dict(os.environ)

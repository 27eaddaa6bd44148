"""One project on this machine as its compose file says: the app, its environments, where its files and state lie.

Nothing here opens a store or the ledger, so that commands that only look (`check`, `config`, `ps`) start without them;
`workspace.py` adds those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from seaway.app.load import How, load, select
from seaway.app.model import App
from seaway.app.select import Selection
from seaway.errors import NameUnknown, SourceMissing
from seaway.targets.process.paths import ProjectPaths

Ask = Callable[[str], bytes]


def here() -> Path:
    """Returns the current folder; raises SourceMissing where it was removed under the shell."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise SourceMissing("the current folder is gone", hint="cd into the project's folder again") from error


@dataclass(frozen=True)
class Project:
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
    ) -> Self:
        """Finds the project from the current folder; raises SourceMissing where there is no compose file."""
        selection = select(
            here(),
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

    def require_service(self, name: str) -> None:
        """Raises NameUnknown, with the services there are, for a service that the app has in no environment."""
        known = {each for environment in self.environments for each in self.load(environment).services}
        if name not in known:
            raise NameUnknown(f'there is no service "{name}"', hint=" or ".join(sorted(known)))

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

    @property
    def paths(self) -> ProjectPaths:
        """Where the project's agent and what it runs keep their state."""
        return ProjectPaths.of(self.name, self.directory, self.environ)

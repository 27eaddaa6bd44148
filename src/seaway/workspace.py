"""A project with its stores and its ledger, opened together and only when asked for.

What can be made again lies in the project (`.seaway/`) or in the user's cache; facts and keys lie in the user's data
directory, which `git clean` in the project cannot reach; what runs lies in the user's state directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seaway.errors import StoreError
from seaway.evidence.keyring import Keyring
from seaway.evidence.notary import Notary
from seaway.evidence.pin import Pin
from seaway.evidence.place import Place
from seaway.image.layout import Layout
from seaway.image.roots import ImageRoots
from seaway.project import Project


@dataclass(frozen=True)
class Workspace(Project):
    """A project whose images, keys and ledger are at hand."""

    # -- what lies in the project and in the cache -----------------------------------------------------------------

    @cached_property
    def store(self) -> Layout:
        """The project's image store."""
        folder = self.directory / ".seaway"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"the image store cannot be made: {error.strerror}", where=folder) from error
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
        said = self.base.extension.ledger
        pin = Pin(said.key or "", said.genesis or "")
        return Place.of_user(said.origin or f"{self.name}.local", self.environ, pin=pin)

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

    @cached_property
    def roots(self) -> ImageRoots:
        """Unpacked images, shared by all projects of the user."""
        return ImageRoots(self.place.state / "roots")

"""The wishes and the installed versions of one environment on disk; whoever reads them sees whole values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import StaleEpoch, Undetermined
from seaway.targets.base import Action, Version
from seaway.targets.document import read_version, version_document
from seaway.targets.process.addresses import Addresses, choose
from seaway.targets.process.listeners import listeners
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import keep_json, read_json
from seaway.targets.process.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Installed:
    """A version that may run here, and where the roots of its images are, or an engine's ids of them."""

    version: Version
    roots: Mapping[Digest, Path] = field(default_factory=dict)
    images: Mapping[Digest, str] = field(default_factory=dict)


class Store:
    """Reads and writes the state of an environment; one writer of wishes, the agent."""

    def __init__(self, paths: EnvironmentPaths) -> None:
        self.paths = paths
        self._installed: dict[str, tuple[int, Installed]] = {}
        self._durable: dict[str, object] = {}  # the addresses as last kept: every turn asks for them

    def wishes(self) -> Wishes:
        """Returns what is wished; nothing yet is no wish."""
        try:
            return Wishes.read(read_json(self.paths.wishes))
        except (ValueError, TypeError, KeyError) as error:
            raise Undetermined(f"the wishes are damaged: {error}", where=self.paths.wishes) from error

    def act(self, action: Action, epoch: int) -> Wishes:
        """Stores the wishes after an action; raises StaleEpoch for a writer that has been replaced."""
        wishes = self.wishes()
        if epoch < wishes.epoch:
            raise StaleEpoch(f"epoch {epoch} is over, {wishes.epoch} has begun")
        versions = {digest: each.version for digest, each in self.installed().items()}
        after = replace(wishes.apply(action, versions), epoch=epoch)
        self.keep(after)
        return after

    def keep(self, wishes: Wishes) -> None:
        """Stores wishes durably."""
        keep_json(self.paths.wishes, wishes.document())

    def install(self, installed: Installed) -> None:
        """Stores a version under its digest."""
        document = {
            "version": version_document(installed.version),
            "roots": {str(digest): str(root) for digest, root in installed.roots.items()},
            "images": {str(digest): identity for digest, identity in installed.images.items()},
        }
        keep_json(self.paths.versions / f"{installed.version.digest.hex}.json", document)

    def installed(self) -> dict[Digest, Installed]:
        """Returns the installed versions by digest, read again only where a file changed."""
        found: dict[Digest, Installed] = {}
        for path in sorted(self.paths.versions.glob("*.json")):
            known = self._installed.get(path.name)
            mark = path.stat().st_mtime_ns
            if known is None or known[0] != mark:
                known = self._installed[path.name] = (mark, _read_installed(path))
            found[known[1].version.digest] = known[1]
        return found

    def addresses(self, services: tuple[str, ...]) -> Addresses:
        """Returns the addresses with a place for each service, chosen and stored the first time."""
        document = read_json(self.paths.addresses)
        if document:
            known = Addresses.read(document)
        else:
            known = choose(str(self.paths.folder), self.paths.environment, listeners())
        full = known.including(services)
        if not (document == full.document() == self._durable):
            keep_json(self.paths.addresses, full.document())
            self._durable = full.document()
        return full


def _read_installed(path: Path) -> Installed:
    document = read_json(path) or {}
    try:
        roots = {Digest.parse(text): Path(root) for text, root in document["roots"].items()}
        images = {Digest.parse(text): str(identity) for text, identity in document.get("images", {}).items()}
        return Installed(read_version(document["version"]), roots, images)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Undetermined(f"an installed version is damaged: {error}", where=path, hint=f"move {path} away") from error

"""The state of an environment in its own namespace: what is wished, what was applied, which versions are known.

ConfigMap `seaway-state` holds wishes and inventory and is replaced by compare-and-swap; a version is a ConfigMap of its
own that never changes. So an agent needs nothing but the cluster: it may die anywhere, and another goes on.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.digest import Digest
from seaway.errors import ApplyConflict, StaleEpoch, TargetUnsupported, Undetermined
from seaway.targets.base import Action, Version
from seaway.targets.document import read_version, version_document
from seaway.targets.kubernetes.cluster import CONFIG_MAPS, Changed, Cluster, Item
from seaway.targets.kubernetes.names import HASH, Object, labels, metadata
from seaway.targets.kubernetes.render import LARGEST, Rendered
from seaway.targets.process.wishes import Wishes

STATE = "seaway-state"
RECORD = "seaway.dev/record"
TRIES = 5

Reference = tuple[str, str, str]
"""(apiVersion, kind, name) of an object in the app's namespace."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A version that may run on a cluster: how it is lowered, and the objects it is there."""

    version: Version
    app: tuple[Object, ...]
    running: Mapping[str, Object]

    @classmethod
    def of(cls, version: Version, rendered: Rendered) -> Installed:
        """Returns a rendered version to be installed."""
        return cls(version, rendered.app, rendered.running)


@dataclass(frozen=True, slots=True)
class State:
    """What is wished and what was applied; `mark` is the resourceVersion it was read at, None where there is none."""

    wishes: Wishes = field(default_factory=Wishes)
    inventory: tuple[Reference, ...] = ()
    mark: str | None = None


class Store:
    """Reads and writes the state of one app in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, app: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.app = app
        self._versions: dict[str, Installed] = {}

    # -- wishes and inventory ----------------------------------------------------------------------------------------

    def state(self) -> State:
        """Returns the state; nothing yet is no wish."""
        item = self.cluster.get(CONFIG_MAPS, self.namespace, STATE)
        if item is None:
            return State()
        try:
            data = item["data"]
            inventory = tuple(tuple(each) for each in json.loads(data["inventory"]))
            return State(Wishes.read(json.loads(data["wishes"])), inventory, item["metadata"]["resourceVersion"])
        except (ValueError, TypeError, KeyError) as error:
            raise Undetermined(f"the state is damaged: {error}", where=f"ConfigMap/{STATE}") from error

    def wishes(self) -> Wishes:
        """Returns what is wished."""
        return self.state().wishes

    def act(self, action: Action, epoch: int) -> Wishes:
        """Stores the wishes after an action; raises StaleEpoch for a writer that has been replaced."""
        versions = {digest: each.version for digest, each in self.installed().items()}

        def after(state: State) -> State:
            if epoch < state.wishes.epoch:
                raise StaleEpoch(f"epoch {epoch} is over, {state.wishes.epoch} has begun")
            return replace(state, wishes=replace(state.wishes.apply(action, versions), epoch=epoch))

        return self.change(after).wishes

    def change(self, after: Callable[[State], State]) -> State:
        """Replaces the state by what a function makes of it, however often others write in between."""
        for _ in range(TRIES):
            state = self.state()
            wanted = after(state)
            if wanted == state and state.mark is not None:
                return state
            try:
                return replace(wanted, mark=self._write(wanted))
            except Changed:
                continue
        raise ApplyConflict("somebody else writes the state again and again", where=f"ConfigMap/{STATE}")

    def _write(self, state: State) -> str:
        about = metadata(STATE, self.namespace, {**labels(self.app), RECORD: "state"})
        data = {"wishes": json.dumps(state.wishes.document()), "inventory": json.dumps(sorted(state.inventory))}
        item: Item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}
        if state.mark is None:
            return str(self.cluster.create(item)["metadata"]["resourceVersion"])
        item["metadata"] = {**about, "resourceVersion": state.mark}
        return str(self.cluster.replace(item)["metadata"]["resourceVersion"])

    # -- versions ----------------------------------------------------------------------------------------------------

    def install(self, installed: Installed) -> None:
        """Stores a version under its digest; one that is there stays."""
        digest = installed.version.digest
        document = {
            "version": version_document(installed.version),
            "app": list(installed.app),
            "running": dict(installed.running),
        }
        packed = base64.b64encode(gzip.compress(json.dumps(document, sort_keys=True).encode(), mtime=0)).decode()
        if len(packed) > LARGEST:
            raise TargetUnsupported(
                "the app's objects together are larger than a ConfigMap", hint="fewer, smaller configs"
            )
        about = metadata(version_name(digest), self.namespace, {**labels(self.app), RECORD: "version"})
        item: Item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "immutable": True}
        try:
            self.cluster.create(item | {"binaryData": {"version": packed}})
        except Changed:
            if digest not in self.installed():
                raise Undetermined(f"another version is kept as {version_name(digest)}") from None

    def installed(self) -> dict[Digest, Installed]:
        """Returns the known versions by digest; each is read once."""
        found: dict[Digest, Installed] = {}
        for item in self.cluster.find(CONFIG_MAPS, self.namespace, {**labels(self.app), RECORD: "version"}):
            name = item["metadata"]["name"]
            known = self._versions.get(name)
            if known is None:
                known = self._versions[name] = _read(item)
            found[known.version.digest] = known
        return found

    def forget(self, digest: Digest) -> None:
        """Removes a version that nothing needs any more."""
        self.cluster.delete(CONFIG_MAPS, self.namespace, version_name(digest))
        self._versions.pop(version_name(digest), None)


def version_name(digest: Digest) -> str:
    """Returns the name of the ConfigMap that holds a version."""
    return f"seaway-version-{digest.hex[:HASH]}"


def _read(item: Mapping[str, Any]) -> Installed:
    try:
        document = json.loads(gzip.decompress(base64.b64decode(item["binaryData"]["version"])))
        return Installed(read_version(document["version"]), tuple(document["app"]), document["running"])
    except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
        name = item["metadata"]["name"]
        raise Undetermined(f"an installed version is damaged: {error}", where=f"ConfigMap/{name}") from error

"""Named volumes, writable for the user of the service that mounts them first.

A new volume belongs to root unless the image has the folder, which the engine then copies with its owner. For a
program that is not root the folder is given to its user: through a container that is created and never started, since
images have no shell. What is noted in the environment's folder is only that this was done, for which making of it.
"""

from __future__ import annotations

import secrets
from typing import Any

from seaway.targets.blueprint import Mount, Workload
from seaway.targets.docker.api import EngineApi, EngineRefused
from seaway.targets.docker.archive import File, files_archive
from seaway.targets.docker.document import is_root, owner_of
from seaway.targets.docker.names import Names
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import read_json, write_json


class Volumes:
    """The named volumes of an environment."""

    def __init__(self, api: EngineApi, names: Names, paths: EnvironmentPaths) -> None:
        self._api = api
        self._names = names
        self._paths = paths

    def make(self, workload: Workload, image: str) -> None:
        """Makes the volumes of a workload and hands new ones to its user; what is in them stays as it is."""
        for mount in workload.mounts:
            if mount.kind == "volume":
                self._make(mount, workload, image)

    def _make(self, mount: Mount, workload: Workload, image: str) -> None:
        name = self._names.volume(mount.source)
        made = {"made": str(self._volume(name).get("CreatedAt"))}
        note = self._paths.volumes / f"{mount.source}.json"
        if read_json(note) == made:
            return
        if not is_root(workload):
            self._hand_over(mount, workload, image)
        write_json(note, made)

    def _volume(self, name: str) -> dict[str, Any]:
        """Returns the volume, made if it is not there."""
        body = {"Name": name, "Labels": self._names.labels()}
        found: dict[str, Any] = self._api.post("/volumes/create", body)
        return found

    def _hand_over(self, mount: Mount, workload: Workload, image: str) -> None:
        uid, gid = owner_of(workload)
        source = {"Type": "volume", "Source": self._names.volume(mount.source), "Target": mount.path}
        body = {
            "Image": image,
            "Entrypoint": ["/never-started"],
            "Labels": self._names.labels("volume"),
            "HostConfig": {"NetworkMode": "none", "Mounts": [source]},
        }
        helper = self._api.post(
            "/containers/create", body, name=self._names.container(f"volume-{secrets.token_hex(4)}")
        )
        try:
            folder = files_archive([File(mount.path, None, uid, gid, 0o755)])
            self._api.send("PUT", f"/containers/{helper['Id']}/archive", folder, path="/")
        finally:
            remove(self._api, str(helper["Id"]))


def remove(api: EngineApi, container: str) -> None:
    """Removes a container with its anonymous volumes, running or not."""
    try:
        api.delete(f"/containers/{container}", force=1, v=1)
    except EngineRefused as error:
        if error.status != 409:  # its removal is under way
            raise

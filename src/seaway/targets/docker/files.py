"""The files that are put into a container before it starts: configuration, secrets, and the key of requests.

They lie in the container's own layer and go with it. A secret belongs to the service's user and nobody else may read
it; values come from the environment's folder, so a rollback brings back those of its own version.
"""

from __future__ import annotations

from collections.abc import Iterator

from seaway.targets.base import Version
from seaway.targets.blueprint import Mount, Workload
from seaway.targets.docker.archive import File
from seaway.targets.docker.document import is_root, owner_of
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.request_key import INSIDE_CELL, request_key
from seaway.targets.process.spec import secret_path


def files_of(workload: Workload, version: Version, paths: EnvironmentPaths) -> Iterator[File]:
    """Yields the files of a workload's replica."""
    uid, gid = owner_of(workload)
    # A name that only the image knows cannot be given a file, so everybody in the container may read it.
    private = 0o444 if is_root(workload) and not workload.user.partition(":")[0].isdecimal() else 0o400
    yield File(INSIDE_CELL, request_key(paths) + b"\n", uid, gid, private)
    for mount in workload.mounts:
        if mount.kind == "config":
            yield _file(mount, (paths.configs / version.blueprint.configs[mount.source].hex).read_bytes(), 0o444)
        if mount.kind == "secret":
            data = secret_path(paths, version.digest, mount.source).read_bytes()
            yield File(mount.path, data, uid, gid, mount.mode if mount.mode is not None else private)


def _file(mount: Mount, data: bytes, mode: int) -> File:
    return File(mount.path, data, mode=mount.mode if mount.mode is not None else mode)

"""An image of the tests on a real engine, and targets of small apps there that leave nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from seaway.digest import Digest
from seaway.errors import EvidenceMissing
from seaway.targets.blueprint import Workload
from seaway.targets.docker.target import DockerTarget, Setting
from seaway.targets.process.paths import EnvironmentPaths


@dataclass
class MemoryBlobs:
    """A blob store in memory."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> Digest:
        """Stores bytes."""
        digest = Digest.of(data)
        self.blobs[digest] = data
        return digest

    def get(self, digest: Digest) -> bytes:
        """Returns bytes."""
        if digest not in self.blobs:
            raise EvidenceMissing(f"no blob {digest.short}")
        return self.blobs[digest]

    def open(self, digest: Digest) -> BinaryIO:
        """Opens bytes."""
        return io.BytesIO(self.get(digest))

    def has(self, digest: Digest) -> bool:
        """Tells whether bytes are here."""
        return digest in self.blobs


def make_image(blobs: MemoryBlobs, root: Path, **config: object) -> Digest:
    """Stores an image of one layer that holds a folder, owned by root, and returns its manifest's digest."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.add(root, "", filter=_owned_by_root)
    layer = gzip.compress(plain.getvalue(), 1, mtime=0)
    diff_id = f"sha256:{hashlib.sha256(plain.getvalue()).hexdigest()}"
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    body = json.dumps(document).encode()
    manifest = {
        "schemaVersion": 2,
        "config": {"digest": str(blobs.put(body)), "size": len(body)},
        "layers": [{"digest": str(blobs.put(layer)), "size": len(layer)}],
    }
    return blobs.put(json.dumps(manifest).encode())


def _owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def on(image: Digest, workload: Workload) -> Workload:
    """Returns a workload with the image of these tests."""
    return replace(workload, image=image)


def open_docker(paths: EnvironmentPaths, host: str) -> DockerTarget:
    """Opens an environment on an engine."""
    return DockerTarget(paths, Setting.prepare(paths, {"DOCKER_HOST": host}))


def end_all(target: DockerTarget) -> None:
    """Takes an environment down and removes its containers, networks and volumes."""
    api, names = target.setting.api, target.supervisor.cells.names  # type: ignore[attr-defined]
    target.store.keep(replace(target.store.wishes(), down=True))
    filters = {"label": [f"{key}={value}" for key, value in names.labels().items()]}
    for entry in api.get("/containers/json", all=1, filters=filters):
        api.delete(f"/containers/{entry['Id']}", force=1, v=1)
    target.supervisor.fronts.stop()
    for volume in api.get("/volumes", filters=filters)["Volumes"] or []:
        api.delete(f"/volumes/{volume['Name']}", force=1)
    target.supervisor.close()

"""Images brought to the engine by digest: loaded from our store unless they are there, and checked layer by layer.

An engine knows an image by an id of its own making; what is compared is what a program sees: the digests of the
unpacked layers and the config. The tag only keeps `docker image prune` from taking what a rollback needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from seaway.blobs import BlobStore
from seaway.digest import Digest
from seaway.errors import DigestMismatch, EngineUnavailable
from seaway.targets.docker.api import EngineApi, EngineRefused
from seaway.targets.docker.archive import Stored, docker_archive

REPOSITORY = "seaway.local"


def bring(api: EngineApi, store: BlobStore, manifest: Digest, app: str) -> str:
    """Returns the engine's id of an image, loaded if it is not there; raises DigestMismatch for other layers."""
    image = Stored.of(store, manifest)
    tag = f"{REPOSITORY}/{app}:{manifest.hex[:24]}"
    known = _inspect(api, tag, image.diff_ids)
    if known is None:
        said = api.send("POST", "/images/load", docker_archive(store, image, [tag]), quiet=1)
        known = _inspect(api, tag, image.diff_ids)
        if known is None:
            raise EngineUnavailable(f"the engine did not take {manifest.short}: {said.strip()[-300:]}", where=tag)
    return known


def holds(api: EngineApi, identity: str) -> bool:
    """Tells whether the engine still has an image."""
    try:
        api.get(f"/images/{identity}/json")
    except EngineRefused as error:
        if error.status == 404:
            return False
        raise
    return True


def _inspect(api: EngineApi, tag: str, diff_ids: Sequence[str]) -> str | None:
    try:
        found = api.get(f"/images/{tag}/json")
    except EngineRefused as error:
        if error.status == 404:
            return None
        raise
    layers = found.get("RootFS", {}).get("Layers") or []
    if list(layers) != list(diff_ids):
        raise DigestMismatch("the engine has other layers under this name", where=tag, hint=f"docker image rm {tag}")
    return str(found["Id"])

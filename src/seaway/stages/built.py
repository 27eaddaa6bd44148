"""The bundles that were built here: the last one, one by the beginning of its digest, one with its images."""

from __future__ import annotations

import json
from collections.abc import Mapping

from seaway.bundle import Bundle, read_bundle
from seaway.digest import Digest
from seaway.errors import NameUnknown, StoreError
from seaway.image.model import Image
from seaway.workspace import Workspace


def last_bundle(space: Workspace) -> Bundle:
    """Returns the bundle that was built last here; raises StoreError if there is none."""
    try:
        digest = Digest.parse(str(_remembered(space)["bundle"]))
    except (KeyError, ValueError) as error:
        raise _damaged(space) from error
    return read_bundle(space.store, digest)


def find_bundle(space: Workspace, beginning: str) -> Bundle:
    """Returns the bundle whose digest begins so; raises NameUnknown for none or several."""
    wanted = beginning.removeprefix("sha256:")
    known = [one.digest for one in space.store.manifests() if one.digest.hex.startswith(wanted)]
    found = []
    for digest in known:
        try:
            found.append(read_bundle(space.store, digest))
        except StoreError:
            continue  # an image, not a bundle
    if len(found) != 1:
        raise NameUnknown(f"{len(found)} bundles here begin with {wanted}", hint="seaway status")
    return found[0]


def open_bundle(space: Workspace, digest: Digest) -> tuple[Bundle, dict[str, Image]]:
    """Reads a bundle and its images from the store; raises StoreError with what makes them again."""
    if not space.store.has(digest):
        raise StoreError(
            f"bundle {digest.short} is not in the image store here",
            where=space.store.directory,
            hint="seaway build makes it again from the commit it was built from",
        )
    bundle = read_bundle(space.store, digest)
    return bundle, {service: space.store.image(image.digest) for service, image in bundle.images.items()}


def _remembered(space: Workspace) -> Mapping[str, object]:
    try:
        body = json.loads(space.build_path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError("nothing was built here yet", where=space.build_path, hint="seaway build") from error
    except ValueError as error:
        raise _damaged(space) from error
    if not isinstance(body, dict):
        raise _damaged(space)
    return body


def _damaged(space: Workspace) -> StoreError:
    return StoreError("the record of the last build is damaged", where=space.build_path, hint="seaway build")

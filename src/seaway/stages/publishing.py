"""Images and bundles into the registry that the app names, under one tag a bundle that never moves.

A version comes from version control: the tag of the commit, else its date and its abbreviated name. What other
repositories of the same registry hold - bases, images by digest - is mounted from there. Not here: what is attached
to them (`proving.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import BaseError, UsageError
from seaway.http import Client
from seaway.image import lockfile, source
from seaway.image.reference import Reference
from seaway.image.registry import Registry
from seaway.image.transfer import Pushed, Watch, push
from seaway.workspace import Workspace

_UNTAGGED = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 128
_OURS = ("apt:", "rootfs:", "oci:")


@dataclass(frozen=True, slots=True)
class Sent:
    """A bundle in a registry: where, under which tag, and what it took."""

    repository: str
    tag: str
    pushed: Pushed


def repository(space: Workspace, *, writes: bool = True) -> Registry:
    """Opens the repository that `x-seaway.registry.push` names; raises UsageError where nothing does."""
    named = space.base.extension.registry.push
    if named is None:
        raise UsageError(
            "nothing says which registry images go to",
            where="x-seaway.registry",
            hint="x-seaway: {registry: {push: registry.example/team/app}} in the base compose file",
        )
    return Registry(Reference.parse(named), Client(), writes=writes)


def send(space: Workspace, registry: Registry, bundle: Bundle, *, watch: Watch | None = None) -> Pushed:
    """Sends a bundle with its images, by digest; what is there is left as it is."""
    origins = dict(_origins(space, registry.reference))
    return push(registry, bundle.digest, space.store, origins=origins, watch=watch)


def send_tagged(space: Workspace, bundle: Bundle, *, watch: Watch | None = None) -> Sent:
    """Sends the bundle that was built now, and gives it its tag; raises RegistryError for a tag of another bundle."""
    registry = repository(space)
    pushed = send(space, registry, bundle, watch=watch)
    tag = bundle_tag(source.version(space.directory), bundle.digest)
    registry.tag(tag, bundle.digest)
    return Sent(f"{registry.reference.host}/{registry.reference.repository}", tag, pushed)


def bundle_tag(version: str, digest: Digest) -> str:
    """Returns a bundle's one tag: its version as far as a tag can spell it, and 12 digits of its digest."""
    spelled = _UNTAGGED.sub("-", version).lstrip(".-")
    end = f"-{digest.hex[:12]}"
    return f"{spelled[: _LONGEST - len(end)] or '0'}{end}"


def _origins(space: Workspace, target: Reference) -> Iterator[tuple[Digest, str]]:
    """Yields layers that another repository of the target's registry holds, and its name."""
    for locked in lockfile.read(space.lock_path).services.values():
        base = locked.base.base
        if not base.reference.startswith(_OURS) and (name := _beside(base.reference, target)):
            for layer in base.layers:
                yield layer.descriptor.digest, name
    for service in {**space.base.inactive, **space.base.services}.values():
        name = _beside(str(service.compose.get("image") or ""), target)
        reference = Reference.parse(str(service.compose["image"])) if name else None
        if reference and reference.digest and space.store.has(reference.digest):
            for body in space.store.manifest(reference.digest).get("layers", ()):
                yield Digest.parse(str(body["digest"])), name


def _beside(name: str, target: Reference) -> str:
    """Returns the repository of a name, if it is another one of the target's registry."""
    try:
        found = Reference.parse(name)
    except BaseError:
        return ""
    return found.repository if found.host == target.host and found.repository != target.repository else ""

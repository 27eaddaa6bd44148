"""From the compose file to images and one bundle, all by digest.

What a build made is remembered in `.seaway/build.json`; losing it costs a rebuild, never a fact. Not here: reading it
again (`built.py`), signing (`attesting.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from seaway.app.load import sources
from seaway.app.sources import SourceFile as AppSource
from seaway.bundle import Bundle, ImageReference, Reference, Role, SourceFile, make_bundle
from seaway.digest import Digest
from seaway.errors import LockError
from seaway.image import layout, lockfile, transfer
from seaway.image.lockfile import Lock
from seaway.image.model import Image
from seaway.image.reference import Reference as Name
from seaway.image.service import Builder, BuiltService, with_layers
from seaway.image.source import SecretRules
from seaway.workspace import Workspace

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class BuiltBundle:
    """A bundle just built, with what each native image was made of; `images` has every service of the app."""

    bundle: Bundle
    images: Mapping[str, Image]
    services: tuple[BuiltService, ...]

    @property
    def commit(self) -> str:
        """The commit all sources are of; empty without version control or with changes that are not committed."""
        commits = {"" if each.source.is_dirty else each.source.commit for each in self.services}
        return commits.pop() if len(commits) == 1 else ""


def lock_all(space: Workspace, say: Say, *, upgrade: bool = False, frozen: bool = False) -> Lock:
    """Refreshes `seaway.lock` for each native service, or refuses a stale one where it is `frozen`."""
    lock, builder = lockfile.read(space.lock_path), builder_of(space)
    for service in builder.services():
        say("lock", service.name)
        lock = builder.lock(service, lock, upgrade=upgrade, frozen=frozen)
    if not frozen:
        lock.write(space.lock_path)
    return lock


def build_all(space: Workspace, say: Say, *, frozen: bool = False) -> BuiltBundle:
    """Builds every native service, fetches the others by digest, and names all of it by one bundle."""
    lock, builder = lock_all(space, say, frozen=frozen), builder_of(space)
    built = []
    for service in builder.services():
        say("build", service.name)
        one = builder.build(service, lock)
        lock = with_layers(lock, one, builder.platform(service))
        built.append(one)
    if not frozen:
        lock.write(space.lock_path)
    images = {one.service: one.built.image for one in built} | dict(_pinned_images(space, say))
    bundle = _bundle(space, images, built)
    _remember(space, bundle, built)
    return BuiltBundle(bundle, images, tuple(built))


def builder_of(space: Workspace) -> Builder:
    """Returns the builder of the app's native services, which keeps the app's secrets out of layers."""
    return Builder(space.base, space.store, space.cache, SecretRules(dict(_secret_values(space))))


def _secret_values(space: Workspace) -> Iterator[tuple[str, str]]:
    """Yields the values that must never enter a layer: those of the app's compose secrets."""
    for name, secret in space.base.secrets.items():
        if path := secret.get("file"):
            file = space.directory / str(path)
            if file.is_file():
                yield name, file.read_text(errors="replace").strip()
        elif variable := secret.get("environment"):
            yield name, space.environ.get(str(variable), "")


def _pinned_images(space: Workspace, say: Say) -> Iterator[tuple[str, Image]]:
    """Fetches the images that are not built here; each must be named by digest."""
    for name, service in sorted({**space.base.inactive, **space.base.services}.items()):
        if service.extension.image is not None and service.extension.image.base is not None:
            continue
        reference = Name.parse(str(service.compose.get("image") or ""))
        if reference.digest is None:
            raise LockError(
                f"{name} names an image without its digest",
                where=service.where("image"),
                hint="name it as repository@sha256:…",
            )
        say("pull", name)
        platform = Builder(space.base, space.store, space.cache).platform(service)
        yield name, space.store.image(transfer.pull(reference, platform, space.store))


def _bundle(space: Workspace, images: Mapping[str, Image], built: list[BuiltService]) -> Bundle:
    references = {
        name: ImageReference(image.digest, len(space.store.get(image.digest))) for name, image in images.items()
    }
    return make_bundle(
        space.name,
        references,
        sources=[_source(space, file) for file in sources(space.selection)],
        references=dict(_references(space, built)),
        store=space.store,
    )


def _source(space: Workspace, file: AppSource) -> SourceFile:
    roles = {"compose": Role.COMPOSE, "config": Role.CONFIG, "env": Role.ENV, "label": Role.CONFIG}
    return SourceFile(file.path, roles[file.role], (space.directory / file.path).read_bytes())


def _references(space: Workspace, built: list[BuiltService]) -> Iterator[tuple[str, Reference]]:
    """Yields the app's references and the models and data of its images, by the root of their files."""
    for name, keys in space.base.extension.references.items():
        yield name, Reference(keys.kind, keys.uri, Digest.parse(keys.digest) if keys.digest else None)
    for one in built:
        for label, material in one.materials.items():
            kind, _, name = label.partition("/")
            yield f"{one.service}.{name}", Reference(kind, material.uri, material.root)


def _remember(space: Workspace, bundle: Bundle, built: list[BuiltService]) -> None:
    body = {
        "bundle": str(bundle.digest),
        "services": {one.service: {"image": str(one.built.image.digest), "sbom": str(one.built.sbom)} for one in built},
    }
    layout.replace(space.build_path, json.dumps(body, indent=1, sort_keys=True).encode() + b"\n")

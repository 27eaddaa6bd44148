"""A bundle as files for a cluster: rendered, compared with the published schemas, and written so that nothing is half.

Rendering needs no cluster and no agent. What an environment cannot carry is said before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from seaway.app.model import App
from seaway.bundle import Bundle
from seaway.errors import ClusterRefused, FindingsError, StoreError
from seaway.findings import Finding, Level
from seaway.image.model import Image
from seaway.stages.built import open_bundle
from seaway.targets.base import Version
from seaway.targets.check import check
from seaway.targets.kubernetes.manifest import documents
from seaway.targets.kubernetes.render import Rendered, render, version_of
from seaway.targets.kubernetes.schema import faults, is_known, schema_version
from seaway.targets.kubernetes.setting import Setting
from seaway.targets.lower import lower, read_configs
from seaway.workspace import Workspace

INSTALL, APP = "install.yaml", "app.yaml"


@dataclass(frozen=True, slots=True)
class Rendering:
    """An app as Kubernetes objects: what was lowered, what came of it, and what is worth saying about it.

    `unknown` are the objects that the schemas do not describe, such as routes of a gateway.
    """

    version: Version
    setting: Setting
    rendered: Rendered
    findings: tuple[Finding, ...]
    schema: str
    unknown: tuple[str, ...]

    @property
    def files(self) -> Mapping[str, str]:
        """The files by name: what an administrator applies, and what the app is."""
        return {INSTALL: documents(self.rendered.install), APP: documents(self.rendered.app)}


def rendering(space: Workspace, environment: str, bundle: Bundle, *, registry: str | None = None) -> Rendering:
    """Renders a bundle for an environment; raises FindingsError for what a cluster cannot carry.

    `registry` stands for `x-seaway.registry.push`. Raises ClusterRefused where a schema refuses an object.
    """
    app = _in_registry(space.load(environment, governed=True), registry)
    found = check(app, purpose="kubernetes", today=datetime.now(UTC).date())
    if errors := tuple(each for each in found if each.level is Level.ERROR):
        raise FindingsError(errors, hint=f"seaway check {environment} --for kubernetes --all")
    _, images = open_bundle(space, bundle.digest)
    version, setting, rendered = lowered(app, images, bundle)
    every = (*rendered.install, *rendered.app)
    if refused := faults(every):
        raise ClusterRefused(f"the schemas of Kubernetes {schema_version()} refuse {refused[0]}")
    unknown = tuple(f"{item['kind']}" for item in every if not is_known(item))
    return Rendering(version, setting, rendered, found, schema_version(), unknown)


def lowered(app: App, images: Mapping[str, Image], bundle: Bundle) -> tuple[Version, Setting, Rendered]:
    """Lowers an app and renders it; the version is named by what runs on a cluster."""
    repositories = {name: image.repository for name, image in bundle.images.items() if image.repository}
    setting = Setting.of(app, repositories)
    version = lower(app, images, bundle.digest)
    rendered = render(version.blueprint, setting, read_configs(app))
    return version_of(version, rendered), setting, rendered


def _in_registry(app: App, registry: str | None) -> App:
    if registry is None:
        return app
    keys = replace(app.extension.registry, push=registry)
    return replace(app, extension=replace(app.extension, registry=keys))


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files, each whole or not at all; what else is in the folder stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sorted(files.items()):
            partial = folder / f".{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise StoreError(f"the manifests cannot be written: {error.strerror}", where=folder) from error

"""From a pinned base, locked wheels and app files to an image known by its digest, in numbered steps.

Rules: the same request gives the same digest, on any host; a layer that is recorded is not made again; nothing of the
app is executed; findings of level error stop before anything has a name, layers stay cached. Source: OCI image-spec
1.1. Not here: where base, wheels and app entries come from, sending images anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seaway.app.service_keys import LayerKeys
from seaway.digest import Digest
from seaway.errors import FindingsError, UsageError
from seaway.findings import Finding, Level
from seaway.image.closure import check_cuda, check_libraries, check_sizes
from seaway.image.config import Run, write_config, write_manifest
from seaway.image.facts import LayerRecord, image_facts
from seaway.image.layer_plan import plan
from seaway.image.layout import Layout
from seaway.image.model import Base, Entry, Image, Layer, LockedWheel
from seaway.image.sbom import write_sbom
from seaway.image.skeleton import skeleton
from seaway.image.wheelhouse import Places
from seaway.image.workshop import WheelLayer, Workshop


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """All that an image of one service for one platform is a function of.

    `below` are layers of models and data, in the store; `roots` the app's import roots; `has_gpu` None: unknown.
    `expected` are layers that a lock records, by key; one that is made with another digest is refused.
    """

    service: str
    base: Base
    wheels: tuple[LockedWheel, ...]
    app: tuple[Entry, ...]
    run: Run
    layers: LayerKeys = field(default_factory=LayerKeys)
    below: tuple[Layer, ...] = ()
    roots: tuple[str, ...] = ("opt/app",)
    winner: Mapping[str, str] = field(default_factory=dict)
    has_gpu: bool | None = None
    expected: Mapping[Digest, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """An image that lies in the store, with the digests of its facts and of its software bill of materials."""

    image: Image
    wheel_layers: tuple[WheelLayer, ...]
    findings: tuple[Finding, ...]
    facts: Digest
    sbom: Digest


def build(request: BuildRequest, store: Layout, *, places: Places, workers: int | None = None) -> Built:
    """Builds an image into the store.

    Wheels are looked for in `places`, and only those that must be converted. Raises FindingsError for findings of
    level error, UsageError for a request without a command, and what wheels and store raise.
    """
    _check_request(request)
    planned = plan(request.wheels, request.layers, below=len(request.base.layers) + len(request.below))  # 3
    shop = Workshop(store, places, request.base, request.layers.gzip, workers)
    environment = skeleton(request.base, request.roots)
    drops = shop.settle(request.wheels, request.winner, reserved=[entry.path for entry in environment])
    wheel_layers = shop.find_or_make(planned, drops)  # 4
    for layer in wheel_layers:
        layer.check(request.expected)
    below, app = shop.make(environment, "environment"), shop.make(request.app, "app")  # 5
    stable = (below, *(layer.record for layer in wheel_layers))
    records = (*stable, app)
    findings = _check(request, records)  # 6
    image = _name(request, records, store)  # 7
    facts = store.put(image_facts(request.base.digest, stable))  # 9; without the app: they change with the lock alone
    components = (*request.base.packages, *(part for record in records for part in record.components))
    sbom = store.put(write_sbom(image, request.service, components))
    return Built(image, wheel_layers, findings, facts, sbom)


def _check_request(request: BuildRequest) -> None:
    if not request.run.cmd and not request.run.entrypoint:
        raise UsageError(
            "nothing says what the image runs",
            where=f"services.{request.service}",
            hint="add `command:` to the service in the base compose file, or `x-seaway.image.cmd`",
        )


def _check(request: BuildRequest, records: Sequence[LayerRecord]) -> tuple[Finding, ...]:
    """Returns all findings; raises FindingsError if one is an error."""
    elves = [elf for record in records for elf in record.elves]
    findings = (
        *(finding for record in records for finding in record.findings),
        *check_libraries(request.base, elves),
        *check_cuda(request.base, elves, request.wheels, has_gpu=request.has_gpu),
        *check_sizes((*request.below, *(record.layer for record in records))),
        *(_not_reproducible(wheel) for wheel in request.wheels if wheel.built),
    )
    if any(finding.level is Level.ERROR for finding in findings):
        raise FindingsError(findings)
    return findings


def _not_reproducible(wheel: LockedWheel) -> Finding:
    says = f"{wheel.name} {wheel.version} was built here from source; another build may give other bytes"
    return Finding("SW-1012", Level.NOTE, says, wheel.filename, "lock a version that has a wheel")


def _name(request: BuildRequest, records: Sequence[LayerRecord], store: Layout) -> Image:
    """Writes config and manifest; the image's name comes last, when all it names is durable."""
    layers = (*request.base.layers, *request.below, *(record.layer for record in records))
    config = write_config(request.base, request.run, layers, request.service)
    manifest = write_manifest(request.base, request.run, layers, config, request.service)
    store.put(config)
    name = f"{request.service}.{str(request.base.platform).replace('/', '-')}"
    digest = store.add_manifest(manifest, {"org.opencontainers.image.ref.name": name}, request.base.platform)
    return Image(digest, Digest.of(config), request.base.platform, json.loads(config), layers)

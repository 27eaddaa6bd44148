"""The software bill of materials of an image, CycloneDX 1.6 JSON, from facts and not from guesses.

Rules: sorted, no clock, the serial number follows from the image's digest, so the same image has the same document.
Source: CycloneDX 1.6, section "bom". Pure. Not here: signing and publishing it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from urllib.parse import quote

from seaway import __version__
from seaway.digest import canonical
from seaway.image.model import Component, Image

CYCLONEDX = "application/vnd.cyclonedx+json"


def write_sbom(image: Image, service: str, components: Iterable[Component]) -> bytes:
    """Returns the document for an image as canonical JSON; `components` are those of base and wheels."""
    parts = {component.purl: component for component in sorted(components, key=lambda c: (c.purl, c.sha256))}
    return canonical(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, str(image.digest))}",
            "version": 1,
            "metadata": {
                "component": _image(image, service),
                "tools": {"components": [{"type": "application", "name": "seaway", "version": __version__}]},
            },
            "components": [_component(parts[purl]) for purl in sorted(parts)],
            "dependencies": [{"ref": str(image.digest), "dependsOn": sorted(parts)}],
        }
    )


def wheel_component(name: str, version: str, licenses: Iterable[str], sha256: str) -> Component:
    """Names a wheel as a component (purl type pypi)."""
    return Component(name, version, f"pkg:pypi/{quote(name)}@{quote(version)}", tuple(licenses), sha256)


def _image(image: Image, service: str) -> dict[str, object]:
    return {
        "type": "container",
        "bom-ref": str(image.digest),
        "name": service,
        "version": str(image.digest),
        "hashes": [{"alg": "SHA-256", "content": image.digest.hex}],
        "properties": [{"name": "dev.seaway.platform", "value": str(image.platform)}],
    }


def _component(part: Component) -> dict[str, object]:
    body: dict[str, object] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    }
    if part.sha256:
        body["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    if part.licenses:
        body["licenses"] = [{"license": {"name": text}} for text in part.licenses]
    return body

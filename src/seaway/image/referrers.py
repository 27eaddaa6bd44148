"""What is attached to a manifest in a registry. Source: OCI distribution-spec 1.1, "Listing Referrers", referrers tag.

Rules: the referrers API where the registry has it, else an index at the tag `sha256-<hex>` of the subject, whose
descriptors carry the artifact type: read, changed, written, and after a moment read again, up to five times, so that of
two writers none is lost. At most 1,000 referrers and ten pages are read. Who writes to a registry can attach anything:
nothing here is believed, it is only listed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from seaway.digest import Digest, canonical
from seaway.errors import RegistryError
from seaway.http import Ask
from seaway.image.layout import descriptor_of
from seaway.image.model import INDEX, MANIFEST, Descriptor
from seaway.image.registry import Registry, read_object, refused

MOST = 1000
_PAGES = 10
_TRIES = 5
_SETTLED = 0.25  # seconds; longer than anybody takes from reading the tag to writing it
_EMPTY = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that names a subject, as the registry lists it."""

    descriptor: Descriptor
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def list_referrers(registry: Registry, subject: Digest) -> tuple[Referrer, ...]:
    """Returns what the registry lists as attached to a subject, unverified; raises RegistryError."""
    found = _from_interface(registry, subject)
    listed = _from_tag(registry, subject) if found is None else found
    return tuple(_referrer(body, registry) for body in listed[:MOST])


def attach(
    registry: Registry,
    subject: Digest,
    manifests: Sequence[bytes],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Writes manifests that name a subject and makes sure that they are listed; raises RegistryError.

    Their config and layers must be in the repository.
    """
    is_listed = True
    for data in manifests:
        answer = registry.put_manifest(data)
        if answer.status not in (200, 201):
            raise refused("PUT", f"{registry.base}/manifests/{Digest.of(data)}", answer)
        is_listed = is_listed and answer.headers.get("oci-subject") == str(subject)
    if manifests and not is_listed and _from_interface(registry, subject) is None:
        _add_to_tag(registry, subject, [_entry(data) for data in manifests], pause)


def referrer_tag(subject: Digest) -> str:
    """Returns the tag under which a registry without the API keeps a subject's referrers."""
    return f"sha256-{subject.hex}"


def _from_interface(registry: Registry, subject: Digest) -> list[dict[str, Any]] | None:
    """Returns what the referrers API lists, None where the registry has no such API."""
    found: list[dict[str, Any]] = []
    url = f"{registry.base}/referrers/{subject}"
    for _ in range(_PAGES):
        answer = registry.ask(Ask("GET", url, {"Accept": INDEX}))
        if answer.status in (400, 404, 405, 501) and not found:
            return None
        if answer.status != 200:
            raise refused("GET", url, answer)
        found += _listed(answer.body, registry)
        following = _next_page(answer.headers.get("link", ""), url)
        if not following or len(found) >= MOST:
            break
        url = following
    return found


def _next_page(link: str, url: str) -> str:
    """Returns the next page's address (RFC 8288), empty at the end or where it is at another host."""
    target, _, parameters = link.partition(">")
    if not target.startswith("<") or 'rel="next"' not in parameters.replace("rel=next", 'rel="next"'):
        return ""
    following = urljoin(url, target[1:])
    return following if urlsplit(following)[:2] == urlsplit(url)[:2] else ""


def _from_tag(registry: Registry, subject: Digest) -> list[dict[str, Any]]:
    data = registry.find_manifest(referrer_tag(subject))
    return [] if data is None else _listed(data, registry)


def _add_to_tag(
    registry: Registry, subject: Digest, entries: Sequence[dict[str, object]], pause: Callable[[float], None]
) -> None:
    wanted = {str(entry["digest"]): entry for entry in entries}
    for _ in range(_TRIES):
        listed = _from_tag(registry, subject)
        missing = [entry for digest, entry in wanted.items() if digest not in {one.get("digest") for one in listed}]
        if not missing:
            return
        data = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [*listed, *missing]})
        answer = registry.put_manifest(data, referrer_tag(subject))
        if answer.status not in (200, 201):
            raise refused("PUT", f"{registry.base}/manifests/{referrer_tag(subject)}", answer)
        pause(_SETTLED)  # somebody who had read before this was written may write without it
    listed = _from_tag(registry, subject)
    if not wanted.keys() <= {str(one.get("digest")) for one in listed}:
        raise RegistryError(
            "somebody else keeps changing what is attached",
            where=f"{registry.reference.repository}:{referrer_tag(subject)}",
            hint="run the same command again",
        )


def _listed(data: bytes, registry: Registry) -> list[dict[str, Any]]:
    listed = read_object(data, registry.reference).get("manifests")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise RegistryError("the list of referrers is not an index", where=registry.reference)
    return listed


def _referrer(body: dict[str, Any], registry: Registry) -> Referrer:
    try:
        descriptor = descriptor_of(body)
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"a referrer is no manifest: {error!r}", where=registry.reference) from error
    return Referrer(descriptor, str(body.get("artifactType", "")), descriptor.annotations)


def _entry(data: bytes) -> dict[str, object]:
    """Returns a manifest's descriptor with its artifact type (distribution-spec, "Pushing Manifests with Subject")."""
    body = json.loads(data)
    config_type = body.get("config", {}).get("mediaType", "")
    kind = body.get("artifactType") or (config_type if config_type != _EMPTY else "")
    media_type = str(body.get("mediaType", MANIFEST))
    entry = Descriptor(media_type, Digest.of(data), len(data), body.get("annotations", {})).json()
    return {**entry, "artifactType": kind} if kind else entry

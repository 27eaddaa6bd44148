"""The OCI registry as a source of images: reads by digest, verifies every byte. Source: OCI distribution-spec 1.1.

Rules: a manifest is hashed also when it is asked by tag, and has at most 4 MiB; blobs stream to disk, resume by
Range, and enter the store only with the digest and size of their descriptor; nothing unverified is returned, and
wrong bytes are never asked for a second time in the hope of better ones. Credentials go to the registry's own host
and to the token realm that it names, which must be https unless the registry is plain loopback (`http.guard_realm`).

Not here: names (`reference.py`), credentials (`credentials.py`), time-outs and retries (`seaway.http`).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from seaway.digest import Digest
from seaway.errors import DigestMismatch, NotYet, RegistryError
from seaway.http import Answer, Client, GuardRefused, guard_realm
from seaway.image.credentials import find_credentials
from seaway.image.layout import Layout, descriptor_of, platform_json
from seaway.image.model import INDEX, MANIFEST, Descriptor, Platform
from seaway.image.reference import Reference

__all__ = ["Reference", "Registry", "pull", "push"]

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPT = ", ".join((INDEX, MANIFEST, _DOCKER_LIST, _DOCKER_MANIFEST))
_MANIFEST_LIMIT = 4 << 20
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def pull(reference: Reference, platform: Platform, store: Layout, *, client: Client | None = None) -> Digest:
    """Brings an image for one platform into the store and returns its manifest's digest.

    Raises RegistryError where the registry cannot or will not, DigestMismatch where it sends other bytes.
    """
    registry = Registry(reference, client or Client())
    digest, data = registry.manifest(str(reference.digest or reference.tag), platform)
    body = _json(data, reference)
    try:
        wanted = [descriptor_of(body["config"]), *(descriptor_of(layer) for layer in body["layers"])]
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"the manifest is not that of an image: {error!r}", where=reference) from error
    for descriptor in wanted:
        registry.fetch(descriptor, store)
    store.put(data)
    return digest


def push(reference: Reference, digest: Digest, store: Layout) -> None:
    """Sends an image to a registry."""
    raise NotYet(
        "pushing images to a registry",
        hint=f"copy {digest} from {store.directory} to {reference} with skopeo or oras: it is an OCI layout",
    )


class Registry:
    """One repository of one registry, with the tokens it has given."""

    def __init__(self, reference: Reference, client: Client) -> None:
        self._reference = reference
        self._client = client
        self._base = f"{reference.url}/v2/{reference.repository}"
        self._authorization: dict[str, str] = {}

    def manifest(self, name: str, platform: Platform) -> tuple[Digest, bytes]:
        """Returns digest and bytes of a platform's manifest, by tag or digest, through an index if there is one."""
        data = self._manifest(name)
        body = _json(data, self._reference)
        if body.get("mediaType") not in (INDEX, _DOCKER_LIST) and "manifests" not in body:
            return Digest.of(data), data
        want = platform_json(platform)
        for one in body.get("manifests", ()):
            if one.get("platform", {}).items() >= want.items():
                return self.manifest(str(Digest.parse(one["digest"])), platform)
        raise RegistryError(f"the image has no {platform}", where=self._reference)

    def fetch(self, descriptor: Descriptor, store: Layout) -> None:
        """Brings a blob into the store, unless it is there."""
        if store.has(descriptor.digest):
            return
        url = f"{self._base}/blobs/{descriptor.digest}"
        with tempfile.TemporaryDirectory(prefix="seaway-pull-") as scratch:
            path = Path(scratch) / "blob"
            self._ask("HEAD", url)  # a token that ran out is renewed here, not in the middle of a download
            self._client.download(
                url, path, digest=descriptor.digest, headers=self._authorization, limit=descriptor.size
            )
            if path.stat().st_size != descriptor.size:
                raise DigestMismatch(f"expected {descriptor.size} bytes, got {path.stat().st_size}", where=url)
            with path.open("rb") as stream:
                store.put_stream(stream, descriptor.digest)

    def _manifest(self, name: str) -> bytes:
        url = f"{self._base}/manifests/{name}"
        answer = self._ask("GET", url)
        if answer.status != 200:
            raise RegistryError(f"GET answered {answer.status}{_says(answer)}", where=url, hint=_hint(answer))
        if name.startswith("sha256:") and Digest.of(answer.body) != Digest.parse(name):
            raise DigestMismatch(f"expected {name}, got {Digest.of(answer.body)}", where=url)
        return answer.body

    def _ask(self, method: str, url: str) -> Answer:
        headers = {"Accept": _ACCEPT, **self._authorization}
        answer = self._client.request(method, url, headers=headers, limit=_MANIFEST_LIMIT)
        if answer.status == 401 and self._accept_challenge(answer):
            headers |= self._authorization
            answer = self._client.request(method, url, headers=headers, limit=_MANIFEST_LIMIT)
        return answer

    def _accept_challenge(self, answer: Answer) -> bool:
        """Answers a WWW-Authenticate header (RFC 6750, RFC 7617; distribution's token authentication)."""
        scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        credentials = find_credentials(self._reference.host)
        if scheme.lower() == "bearer":
            self._authorization = {"Authorization": f"Bearer {self._token(dict(_PARAMETER.findall(rest)))}"}
            return True
        if scheme.lower() == "basic" and credentials:
            self._authorization = {"Authorization": credentials.basic}
            return True
        return False

    def _token(self, challenge: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        try:
            guard_realm(realm, registry=self._reference.url)
        except GuardRefused as error:
            raise RegistryError(str(error), where=self._reference) from error
        credentials = find_credentials(self._reference.host)
        if credentials and credentials.identity_token:
            raise NotYet("registries that give identity tokens", hint="log in with a user and an access token")
        asked = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        asked.setdefault("scope", f"repository:{self._reference.repository}:pull")
        headers = {"Authorization": credentials.basic} if credentials else {}
        answer = self._client.get(f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}", headers=headers)
        body = _json(answer.body, self._reference) if answer.status == 200 else {}
        token = body.get("token") or body.get("access_token")
        if not token:
            raise RegistryError(
                f"no token was given, status {answer.status}", where=self._reference, hint=_hint(answer)
            )
        return str(token)


def _json(data: bytes, where: Reference) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise RegistryError("the answer is not JSON", where=where) from error
    if not isinstance(body, dict):
        raise RegistryError("the answer is not a JSON object", where=where)
    return body


def _says(answer: Answer) -> str:
    """Returns what a registry says about an error (distribution-spec, "Error codes"), cut short."""
    try:
        return f": {str(json.loads(answer.body)['errors'][0]['code'])[:60]}"
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def _hint(answer: Answer) -> str | None:
    if answer.status in (401, 403):
        return "log in to the registry with docker login or podman login"
    return "check the name and the tag" if answer.status == 404 else None

"""An OCI registry in memory, behind a real HTTP server, with knobs for a registry that lies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from seaway.digest import Digest, canonical
from seaway.image.layout import Layout
from seaway.image.model import INDEX, MANIFEST, Image
from tests.fakes.web import Reply, Request, Web, serve

TOKEN = "a-token-for-pull"


@dataclass(slots=True)
class FakeRegistry:
    """Blobs, manifests and tags of one repository `app`.

    `needs_token` asks for a bearer token at `realm` (default: its own /token). `lies` are digests whose blobs are
    answered with other bytes of the same size, `breaks` those whose first answer ends in the middle.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    needs_token: bool = False
    realm: str = ""
    lies: set[str] = field(default_factory=set)
    breaks: set[str] = field(default_factory=set)
    web: Web = field(default_factory=lambda: Web(""))

    @property
    def name(self) -> str:
        """The repository as a reference names it."""
        return f"{self.web.host}/app"

    def take(self, store: Layout, image: Image, tag: str) -> Digest:
        """Holds an image of a store, under a tag and behind an index for its platform."""
        for digest in (image.config_digest, *(layer.descriptor.digest for layer in image.layers)):
            self.blobs[str(digest)] = store.get(digest)
        self.manifests[str(image.digest)] = store.get(image.digest)
        entry = {"mediaType": MANIFEST, "digest": str(image.digest), "size": len(store.get(image.digest))}
        platform = {"os": image.platform.os, "architecture": image.platform.architecture}
        index = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**entry, "platform": platform}]})
        self.manifests[str(Digest.of(index))] = index
        self.tags[tag] = str(Digest.of(index))
        return Digest.of(index)

    def answer(self, request: Request) -> Reply:
        """Answers as the distribution specification says, or lies."""
        if request.path.startswith("/token"):
            return Reply(200, json.dumps({"token": TOKEN}).encode())
        if self.needs_token and request.headers.get("authorization") != f"Bearer {TOKEN}":
            realm = self.realm or f"{self.web.url}/token"
            challenge = f'Bearer realm="{realm}",service="fake",scope="repository:app:pull"'
            return Reply(401, b"{}", {"WWW-Authenticate": challenge})
        if found := re.fullmatch(r"/v2/app/manifests/(.+)", request.path):
            return self._manifest(found[1])
        if found := re.fullmatch(r"/v2/app/blobs/(.+)", request.path):
            return self._blob(found[1], request)
        return Reply(404)

    def _manifest(self, name: str) -> Reply:
        data = self.manifests.get(self.tags.get(name, name))
        if data is None:
            return Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        return Reply(200, b"x" * len(data) if name in self.lies else data)

    def _blob(self, digest: str, request: Request) -> Reply:
        data = self.blobs.get(digest)
        if data is None:
            return Reply(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        if digest in self.lies:
            data = bytes(len(data))
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        if start:
            return Reply(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})
        if digest in self.breaks and request.method == "GET":
            self.breaks.discard(digest)
            return Reply(200, data, cut=len(data) // 2)
        return Reply(200, data)


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    """Runs an empty registry on loopback."""
    registry = FakeRegistry()
    with serve(registry.answer) as web:
        registry.web = web
        yield registry

"""An OCI registry in memory, behind a real HTTP server, with knobs for a registry that lies, breaks or is old."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from seaway.digest import Digest, canonical
from seaway.image.layout import Layout
from seaway.image.model import INDEX, MANIFEST, Image
from tests.fakes.web import Reply, Request, Web, serve

TOKEN = "a-token-for-pull"
IDENTITY = "an-identity-token"


@dataclass(slots=True)
class Repository:
    """Blobs, manifests and tags of one repository."""

    name: str = "app"
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeRegistry:
    """Repositories by name; `blobs`, `manifests` and `tags` are those of `app`.

    `needs_token` asks for a bearer token at `realm` (default: its own /token). `lies` are digests whose blobs are
    answered with other bytes of the same size, `breaks` those whose first answer ends in the middle. `referrers` is
    whether there is that API, `mounts` and `chunks` whether it mounts and takes chunks, `busy` how many questions it
    puts off. `cuts` chunks are received in half before the connection breaks, `forgetful` is one that then does not
    know how far they came. `least` is the smallest chunk it asks for, `elsewhere` where it wants bytes sent.
    """

    repositories: dict[str, Repository] = field(default_factory=lambda: {"app": Repository()})
    needs_token: bool = False
    realm: str = ""
    lies: set[str] = field(default_factory=set)
    breaks: set[str] = field(default_factory=set)
    referrers: bool = True
    mounts: bool = True
    chunks: bool = True
    busy: int = 0
    cuts: int = 0
    forgetful: bool = False
    least: int = 0
    elsewhere: str = ""
    acknowledges: str = ""
    loses: set[str] = field(default_factory=set)
    uploads: dict[str, bytes] = field(default_factory=dict)
    web: Web = field(default_factory=lambda: Web(""))

    @property
    def name(self) -> str:
        """The repository as a reference names it."""
        return f"{self.web.host}/app"

    @property
    def blobs(self) -> dict[str, bytes]:
        """Blobs of `app`."""
        return self.repositories["app"].blobs

    @property
    def manifests(self) -> dict[str, bytes]:
        """Manifests of `app`."""
        return self.repositories["app"].manifests

    @property
    def tags(self) -> dict[str, str]:
        """Tags of `app`."""
        return self.repositories["app"].tags

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
            return self._token(request)
        if self.needs_token and request.headers.get("authorization") != f"Bearer {TOKEN}":
            realm = self.realm or f"{self.web.url}/token"
            challenge = f'Bearer realm="{realm}",service="fake",scope="repository:app:pull"'
            return Reply(401, b"{}", {"WWW-Authenticate": challenge})
        if self.busy:
            self.busy -= 1
            return Reply(429, b"{}", {"Retry-After": "3"})
        path = urlsplit(request.path).path
        for pattern, reply in (
            (r"/v2/(.+)/manifests/([^/]+)", self._manifest),
            (r"/v2/(.+)/blobs/uploads/(.*)", self._upload),
            (r"/v2/(.+)/blobs/([^/]+)", self._blob),
            (r"/v2/(.+)/referrers/([^/]+)", self._referrers),
        ):
            if found := re.fullmatch(pattern, path):
                return reply(self.repositories.setdefault(found[1], Repository(found[1])), found[2], request)
        return Reply(404)

    def _token(self, request: Request) -> Reply:
        if request.method == "POST":
            form = parse_qs(request.body.decode())
            known = form.get("refresh_token") == [IDENTITY] and form.get("grant_type") == ["refresh_token"]
            return Reply(200, json.dumps({"access_token": TOKEN}).encode()) if known else Reply(401, b"{}")
        return Reply(200, json.dumps({"token": TOKEN}).encode())

    def _manifest(self, repository: Repository, name: str, request: Request) -> Reply:
        if request.method == "PUT":
            return self._put_manifest(repository, name, request)
        data = repository.manifests.get(repository.tags.get(name, name))
        if data is None:
            return Reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        return Reply(200, b"x" * len(data) if name in self.lies else data)

    def _put_manifest(self, repository: Repository, name: str, request: Request) -> Reply:
        body = json.loads(request.body)
        parts = [body["config"], *body["layers"]] if "config" in body else []
        for part in parts:
            if part["digest"] in self.loses:
                self.loses.discard(part["digest"])
                repository.blobs.pop(part["digest"], None)
            if part["digest"] not in repository.blobs:
                return Reply(400, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}')
        if any(child["digest"] not in repository.manifests for child in body.get("manifests", ())):
            return Reply(400, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        digest = str(Digest.of(request.body))
        repository.manifests[digest] = request.body
        if name != digest:
            repository.tags[name] = digest
        headers = {"Docker-Content-Digest": self.acknowledges or digest}
        if self.referrers and "subject" in body:
            headers["OCI-Subject"] = body["subject"]["digest"]
        return Reply(201, b"", headers)

    def _referrers(self, repository: Repository, subject: str, request: Request) -> Reply:
        if not self.referrers:
            return Reply(404, b"404 page not found\n")
        found = []
        for digest, data in sorted(repository.manifests.items()):
            body = json.loads(data)
            if body.get("subject", {}).get("digest") == subject:
                entry = {"mediaType": body["mediaType"], "digest": digest, "size": len(data)}
                found.append(entry | {key: body[key] for key in ("artifactType", "annotations") if key in body})
        start = int(parse_qs(urlsplit(request.path).query).get("from", ["0"])[0])
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found[start : start + 2]}
        following = f'</v2/{repository.name}/referrers/{subject}?from={start + 2}>; rel="next"'
        return Reply(200, canonical(body), {"Link": following} if found[start + 2 :] else {})

    def _blob(self, repository: Repository, digest: str, request: Request) -> Reply:
        data = repository.blobs.get(digest)
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

    def _upload(self, repository: Repository, name: str, request: Request) -> Reply:
        query = {key: value[0] for key, value in parse_qs(urlsplit(request.path).query).items()}
        if request.method == "POST":
            return self._begin(repository, query)
        if name not in self.uploads:
            return Reply(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
        if request.method == "GET":
            return Reply(404) if self.forgetful else self._reached(repository, name, 204)
        if self.cuts:
            self.cuts -= 1
            self.uploads[name] += request.body[: len(request.body) // 2]
            return Reply(cut=-1)
        if request.method == "PATCH":
            return self._chunk(repository, name, request)
        return self._close(repository, name, query["digest"], request.body)

    def _begin(self, repository: Repository, query: dict[str, str]) -> Reply:
        data = self.repositories.get(query.get("from", ""), Repository()).blobs.get(query.get("mount", ""))
        if self.mounts and data is not None:
            repository.blobs[query["mount"]] = data
            return Reply(201, b"", {"Docker-Content-Digest": query["mount"]})
        name = f"upload-{len(self.uploads)}"
        self.uploads[name] = b""
        headers = {"Location": f"{self.elsewhere}/v2/{repository.name}/blobs/uploads/{name}?state=1"}
        return Reply(202, b"", headers | ({"OCI-Chunk-Min-Length": str(self.least)} if self.least else {}))

    def _chunk(self, repository: Repository, name: str, request: Request) -> Reply:
        if not self.chunks:
            return Reply(405, b'{"errors":[{"code":"UNSUPPORTED"}]}')
        start = int(request.headers["content-range"].partition("-")[0])
        if start != len(self.uploads[name]):
            return self._reached(repository, name, 416)
        self.uploads[name] += request.body
        return self._reached(repository, name, 202)

    def _reached(self, repository: Repository, name: str, status: int) -> Reply:
        end = max(len(self.uploads[name]) - 1, 0)
        return Reply(
            status, b"", {"Location": f"/v2/{repository.name}/blobs/uploads/{name}?state=2", "Range": f"0-{end}"}
        )

    def _close(self, repository: Repository, name: str, digest: str, body: bytes) -> Reply:
        data = self.uploads.pop(name) + body
        if str(Digest.of(data)) != digest:
            return Reply(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        repository.blobs[digest] = data
        return Reply(201, b"", {"Docker-Content-Digest": self.acknowledges or digest})


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    """Runs an empty registry on loopback."""
    registry = FakeRegistry()
    with serve(registry.answer) as web:
        registry.web = web
        yield registry

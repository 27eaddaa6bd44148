"""One repository of an OCI registry: manifests and blobs by digest. Source: OCI distribution-spec 1.1.

Rules: a manifest is hashed also when it is asked by tag, and has at most 4 MiB; blobs stream to disk, resume by
Range, and enter the store only with the digest and size of their descriptor; nothing unverified is returned, and
wrong bytes are never asked for a second time in the hope of better ones. A tag is written once.

Not here: names (`reference.py`), what is asked with (`authorization.py`), sending a blob (`upload.py`), whole images
(`transfer.py`), what is attached to them (`referrers.py`), time-outs, retries and redirects (`seaway.http`).
"""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from seaway.digest import Digest
from seaway.errors import DigestMismatch, RegistryError
from seaway.http import Answer, Ask, Client, Make, shown
from seaway.image.authorization import LOGIN, Authorization, Scopes, scope
from seaway.image.layout import Layout, platform_json
from seaway.image.model import INDEX, MANIFEST, Descriptor, Platform
from seaway.image.reference import Reference

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_ACCEPT = ", ".join((INDEX, MANIFEST, _DOCKER_LIST, _DOCKER_MANIFEST))
MANIFEST_LIMIT = 4 << 20


class Registry:
    """One repository of one registry, read, or also written where `writes`; safe for several threads."""

    def __init__(self, reference: Reference, client: Client, *, writes: bool = False) -> None:
        self.reference = reference
        self.base = f"{reference.url}/v2/{reference.repository}"
        self._client = client
        self._authorization = Authorization(reference, client)
        self._scopes = frozenset([scope(reference.repository, *(("pull", "push") if writes else ("pull",)))])
        self._held: set[Digest] = set()
        self._lock = threading.Lock()

    # -- reading ---------------------------------------------------------------------------------------------------

    def manifest(self, name: str, platform: Platform) -> tuple[Digest, bytes]:
        """Returns digest and bytes of a platform's manifest, by tag or digest, through an index if there is one."""
        data = self.read_manifest(name)
        body = read_object(data, self.reference)
        if body.get("mediaType") not in (INDEX, _DOCKER_LIST) and "manifests" not in body:
            return Digest.of(data), data
        want = platform_json(platform)
        for one in body.get("manifests", ()):
            if one.get("platform", {}).items() >= want.items():
                return self.manifest(str(Digest.parse(one["digest"])), platform)
        raise RegistryError(f"the image has no {platform}", where=self.reference)

    def read_manifest(self, name: str) -> bytes:
        """Returns a manifest or index by tag or digest; raises RegistryError, DigestMismatch for other bytes."""
        data = self.find_manifest(name)
        if data is None:
            where = f"{self.base}/manifests/{name}"
            raise RegistryError("GET answered 404: MANIFEST_UNKNOWN", where=where, hint="check the name and the tag")
        return data

    def find_manifest(self, name: str) -> bytes | None:
        """Returns a manifest or index, None where the registry has none of that name."""
        url = f"{self.base}/manifests/{name}"
        answer = self.ask(Ask("GET", url, {"Accept": _ACCEPT}))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise refused("GET", url, answer)
        if name.startswith("sha256:") and Digest.of(answer.body) != Digest.parse(name):
            raise DigestMismatch(f"expected {name}, got {Digest.of(answer.body)}", where=url)
        return answer.body

    def fetch(self, descriptor: Descriptor, store: Layout) -> None:
        """Brings a blob into the store, unless it is there; raises DigestMismatch, and then keeps nothing."""
        if store.has(descriptor.digest):
            return
        url = f"{self.base}/blobs/{descriptor.digest}"
        with tempfile.TemporaryDirectory(prefix="seaway-pull-") as scratch:
            path = Path(scratch) / "blob"
            self.ask(Ask("HEAD", url))  # a token that ran out is renewed here, not in the middle of a download
            headers = self._authorization.headers(url, self._scopes)
            self._client.download(url, path, digest=descriptor.digest, headers=headers, limit=descriptor.size)
            if path.stat().st_size != descriptor.size:
                raise DigestMismatch(f"expected {descriptor.size} bytes, got {path.stat().st_size}", where=url)
            with path.open("rb") as stream:
                store.put_stream(stream, descriptor.digest)

    def read_blob(self, blob: Descriptor, *, limit: int) -> bytes:
        """Returns a small blob; raises RegistryError where it is larger or absent, DigestMismatch for other bytes."""
        url = f"{self.base}/blobs/{blob.digest}"
        if blob.size > limit:
            raise RegistryError(f"a blob of {blob.size} bytes is larger than {limit}", where=url)
        answer = self.ask(Ask("GET", url))
        if answer.status != 200:
            raise refused("GET", url, answer)
        if Digest.of(answer.body) != blob.digest:
            raise DigestMismatch(f"expected {blob.digest}, got {Digest.of(answer.body)}", where=url)
        return answer.body

    def has(self, blob: Descriptor) -> bool:
        """Tells whether the repository holds a blob; a yes is remembered. Raises DigestMismatch for another size."""
        with self._lock:
            if blob.digest in self._held:
                return True
        url = f"{self.base}/blobs/{blob.digest}"
        answer = self.ask(Ask("HEAD", url))
        if answer.status == 404:
            return False
        if answer.status != 200:
            raise refused("HEAD", url, answer)
        size = answer.headers.get("content-length", str(blob.size))
        if size != str(blob.size):
            raise DigestMismatch(f"the registry says {size} bytes where there are {blob.size}", where=url)
        self.hold(blob.digest)
        return True

    # -- writing ---------------------------------------------------------------------------------------------------

    def hold(self, digest: Digest) -> None:
        """Remembers that the repository has a blob."""
        with self._lock:
            self._held.add(digest)

    def forget(self, digest: Digest) -> None:
        """Takes back what is remembered of a blob: the registry said otherwise."""
        with self._lock:
            self._held.discard(digest)

    def put_manifest(self, data: bytes, name: str | None = None) -> Answer:
        """Writes a manifest whose parts are there, by its digest or also under a name; returns any refusal.

        Raises DigestMismatch where the registry names other bytes.
        """
        digest = Digest.of(data)
        media_type = str(read_object(data, self.reference).get("mediaType", MANIFEST))
        url = f"{self.base}/manifests/{name or digest}"
        answer = self.ask(Ask("PUT", url, {"Content-Type": media_type}, data))
        if answer.status in (200, 201):
            require_same(answer, digest, url)
        return answer

    def tag(self, name: str, digest: Digest) -> bool:
        """Gives a manifest a tag and tells whether it is new; raises RegistryError for a tag of something else."""
        data, there = self.read_manifest(str(digest)), self.find_manifest(name)
        if there is None:
            answer = self.put_manifest(data, name)
            if answer.status not in (200, 201):
                raise refused("PUT", f"{self.base}/manifests/{name}", answer)
            there = self.read_manifest(name)
            if there == data:
                return True
        if there != data:
            raise RegistryError(
                f"the tag {name} is {Digest.of(there)} and not {digest}",
                where=self.reference,
                hint="a tag of a bundle never moves: remove it by hand, or push to another repository",
            )
        return False

    def ask(self, ask: Ask, *, origin: str = "") -> Answer:
        """Asks with what the registry wants to be asked with; `origin` is a repository to mount from."""
        return self.exchange(lambda _: ask, origin=origin)

    def exchange(self, make: Make, *, origin: str = "") -> Answer:
        """Asks as `ask` does, with each try made anew (`http.Client.exchange`)."""
        scopes = self._scopes | ({scope(origin, "pull")} if origin else frozenset())
        used = self._authorization.headers(self.base, scopes)
        answer = self._client.exchange(lambda tries: self._signed(make(tries), scopes), limit=MANIFEST_LIMIT)
        if answer.status == 401 and self._authorization.accept(answer, scopes, used):
            answer = self._client.exchange(lambda tries: self._signed(make(tries), scopes), limit=MANIFEST_LIMIT)
        return answer

    def _signed(self, ask: Ask, scopes: Scopes) -> Ask:
        headers = {**ask.headers, **self._authorization.headers(ask.url, scopes)}
        return Ask(ask.method, ask.url, headers, ask.body)


def require_same(answer: Answer, digest: Digest, url: str) -> None:
    """Raises DigestMismatch where a registry acknowledges bytes by another digest than they have."""
    said = answer.headers.get("docker-content-digest", str(digest))
    if said != str(digest):
        raise DigestMismatch(f"the registry took {digest} for {said[:80]}", where=shown(url))


def read_object(data: bytes, where: object) -> dict[str, Any]:
    """Reads a registry's JSON object; raises RegistryError."""
    try:
        body = json.loads(data)
    except ValueError as error:
        raise RegistryError("the answer is not JSON", where=where) from error
    if not isinstance(body, dict):
        raise RegistryError("the answer is not a JSON object", where=where)
    return body


def code_of(answer: Answer) -> str:
    """Returns the code by which a registry says what is wrong (distribution-spec, "Error codes"), cut short."""
    try:
        return str(json.loads(answer.body)["errors"][0]["code"])[:60]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def refused(method: str, url: str, answer: Answer) -> RegistryError:
    """Returns the error for an answer that is a refusal."""
    code = code_of(answer)
    hint = LOGIN if answer.status in (401, 403) else None
    return RegistryError(f"{method} answered {answer.status}{f': {code}' if code else ''}", where=shown(url), hint=hint)

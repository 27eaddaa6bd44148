"""Whole images, indexes and bundles between a store and a registry.

Rules: what the other side has is not sent; blobs first, eight questions and four transfers at a time, then manifests
from the leaves to the root, so that nothing in a registry names what is not there; an interrupted transfer goes on
where it was; pushing twice changes nothing. Not here: single requests (`registry.py`, `upload.py`), tags of a bundle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from seaway.digest import Digest
from seaway.errors import RegistryError
from seaway.http import Client
from seaway.image.layout import Layout, descriptor_of, read_json
from seaway.image.model import Descriptor, Platform
from seaway.image.reference import Reference
from seaway.image.registry import MANIFEST_LIMIT, Registry, code_of, read_object, refused
from seaway.image.upload import How, Meter, Upload

QUESTIONS = 8
TRANSFERS = 4
Item = TypeVar("Item")
Result = TypeVar("Result")


class Watch(Protocol):
    """Somebody who wants to know how far a transfer is, in bytes."""

    def expect(self, size: int) -> None:
        """Is told how many more bytes are to go."""

    def advance(self, size: int) -> None:
        """Is told of bytes that went; negative where some must go again."""


class Unwatched:
    """Nobody."""

    def expect(self, size: int) -> None:
        """Takes the number."""

    def advance(self, size: int) -> None:
        """Takes the number."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to: blobs by how they came to be there, and the bytes that were sent for them."""

    digest: Digest
    sent: int
    blobs: Mapping[How, int] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.blobs[how]} {how}" for how in How if self.blobs.get(how))
        return f"{self.sent} bytes sent ({counts or 'nothing to send'})"


def push(
    registry: Registry,
    digest: Digest,
    store: Layout,
    *,
    origins: Mapping[Digest, str] | None = None,
    watch: Watch | None = None,
) -> Pushed:
    """Sends a manifest or an index with all it names to a repository, by digest alone.

    `origins` are other repositories of the registry known to hold a blob. Raises RegistryError, DigestMismatch where
    the registry lies, StoreError where a part is not in the store or damaged.
    """
    manifests = tuple(manifests_below(store, digest))
    pusher = _Pusher(registry, store, origins or {}, watch or Unwatched())
    pusher.send({blob.digest: blob for manifest in manifests for blob in blobs_of(read_json(store, manifest))})
    for manifest in manifests:
        pusher.name(manifest)
    return Pushed(digest, pusher.sent, dict(pusher.counts))


def pull(reference: Reference, platform: Platform, store: Layout, *, client: Client | None = None) -> Digest:
    """Brings an image for one platform into the store and returns its manifest's digest.

    Raises RegistryError where the registry cannot or will not, DigestMismatch where it sends other bytes.
    """
    registry = Registry(reference, client or Client())
    digest, data = registry.manifest(str(reference.digest or reference.tag), platform)
    body = read_object(data, reference)
    if "config" not in body or "layers" not in body:
        raise RegistryError("the manifest is not that of an image", where=reference)
    _fetch(registry, _blobs(body, reference), store, Unwatched())
    store.put(data)
    return digest


def pull_all(registry: Registry, name: str, store: Layout, *, watch: Watch | None = None) -> Digest:
    """Brings a manifest or an index with all it names into the store, the root last; returns its digest."""
    data = registry.read_manifest(name)
    body = read_object(data, registry.reference)
    for child in body.get("manifests", ()):
        pull_all(registry, str(_descriptor(child, registry.reference).digest), store, watch=watch)
    _fetch(registry, _blobs(body, registry.reference), store, watch or Unwatched())
    return store.put(data)


def manifests_below(store: Layout, root: Digest) -> Iterator[Digest]:
    """Yields the manifests that a manifest or index reaches, the root last, each once; raises StoreError."""
    seen: set[Digest] = set()

    def walk(digest: Digest) -> Iterator[Digest]:
        for child in read_json(store, digest).get("manifests", ()):
            if descriptor_of(child).digest not in seen:
                yield from walk(descriptor_of(child).digest)
        seen.add(digest)
        yield digest

    yield from walk(root)


def blobs_of(body: Mapping[str, Any]) -> Iterator[Descriptor]:
    """Yields what a manifest names beside other manifests: its config, then its layers."""
    for part in ([body["config"]] if "config" in body else []) + list(body.get("layers", ())):
        yield descriptor_of(part)


@dataclass(slots=True)
class _Pusher:
    """One push, with what it has counted."""

    registry: Registry
    store: Layout
    origins: Mapping[Digest, str]
    watch: Watch
    counts: Counter[How] = field(default_factory=Counter)
    sent: int = 0

    def send(self, blobs: Mapping[Digest, Descriptor]) -> None:
        """Makes sure that the repository holds all the blobs."""
        held = _at_once(QUESTIONS, self.registry.has, blobs.values())
        missing = [blob for blob, is_held in zip(blobs.values(), held, strict=True) if not is_held]
        self.watch.expect(sum(blob.size for blob in missing))
        self.counts[How.PRESENT] += len(blobs) - len(missing)
        meter = Meter(self.watch.advance)
        missing.sort(key=lambda blob: -blob.size)  # the longest first, so that no thread is left with it at the end
        for blob, how in zip(missing, _at_once(TRANSFERS, partial(self._upload, meter), missing, meter), strict=True):
            self.counts[how] += 1
            self.sent += blob.size if how is How.SENT else 0

    def name(self, manifest: Digest) -> None:
        """Writes a manifest whose parts are there; a registry that lost one gets it again, once."""
        data = self.store.get(manifest)
        answer = self.registry.put_manifest(data)
        if code_of(answer) in ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"):
            blobs = {blob.digest: blob for blob in blobs_of(read_json(self.store, manifest))}
            for digest in blobs:
                self.registry.forget(digest)
            self.send(blobs)
            answer = self.registry.put_manifest(data)
        if answer.status not in (200, 201):
            raise refused("PUT", f"{self.registry.base}/manifests/{manifest}", answer)

    def _upload(self, meter: Meter, blob: Descriptor) -> How:
        how = Upload(self.registry, blob, lambda: self.store.open(blob.digest), meter=meter).send(
            self.origins.get(blob.digest, "")
        )
        if how is How.MOUNTED:
            self.watch.expect(-blob.size)
        return how


def _fetch(registry: Registry, blobs: Iterable[Descriptor], store: Layout, watch: Watch) -> None:
    missing = [blob for blob in {blob.digest: blob for blob in blobs}.values() if not store.has(blob.digest)]
    watch.expect(sum(blob.size for blob in missing))

    def fetch(blob: Descriptor) -> None:
        registry.fetch(blob, store)
        watch.advance(blob.size)

    _at_once(TRANSFERS, fetch, missing)


def _blobs(body: Mapping[str, Any], where: Reference) -> list[Descriptor]:
    try:
        return list(blobs_of(body))
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"the manifest is not that of an image: {error!r}", where=where) from error


def _descriptor(body: Mapping[str, Any], where: Reference) -> Descriptor:
    try:
        found = descriptor_of(body)
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"the index names what is no manifest: {error!r}", where=where) from error
    if found.size > MANIFEST_LIMIT:
        raise RegistryError(f"a manifest of {found.size} bytes is too large", where=where)
    return found


def _at_once(
    workers: int, act: Callable[[Item], Result], items: Iterable[Item], meter: Meter | None = None
) -> list[Result]:
    """Does the same to several items at once and returns the results in order; the first error ends the rest."""
    todo = list(items)
    if len(todo) < 2:
        return [act(item) for item in todo]
    pool = ThreadPoolExecutor(min(workers, len(todo)))
    try:
        running = [pool.submit(act, item) for item in todo]
        failed = [one for one in wait(running, return_when=FIRST_EXCEPTION).done if one.exception()]
        return [one.result() for one in failed or running]
    finally:
        if meter:
            meter.stop()
        pool.shutdown(cancel_futures=True)

"""One blob on its way into a repository. Source: OCI distribution-spec 1.1, "Pushing blobs".

Rules: what another repository of the registry has is mounted; up to 16 MiB go in one request, more in chunks; after a
break the registry is asked how far it came, and where it does not know, the blob starts anew; a registry that takes no
chunks gets one request. Another host that a registry names for the bytes sees no password and no token, and may not
be in a network that the registry is not part of.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import BinaryIO
from urllib.parse import urlencode

from seaway.digest import Digest
from seaway.errors import DigestMismatch, RegistryError, StoreError
from seaway.http import Answer, Ask, GuardRefused, shown
from seaway.image.authorization import TokenRefused
from seaway.image.model import Descriptor
from seaway.image.registry import Registry, code_of, refused, require_same

AT_ONCE = 16 << 20
CHUNK = 32 << 20
_BLOCK = 1 << 18
_STUMBLES = 5
_BYTES = "application/octet-stream"
_UNCHUNKED = frozenset({405, 415, 501})
_LOST = frozenset({404, 416})


class How(StrEnum):
    """How a blob came to be in a repository."""

    PRESENT = "present"
    MOUNTED = "mounted"
    SENT = "sent"


class Meter:
    """Counts bytes as they leave, for several threads; `stop` ends all of them at their next block."""

    def __init__(self, watch: Callable[[int], None] | None = None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._stopped = False

    def add(self, size: int) -> None:
        """Counts bytes; negative where a blob starts again. Raises RegistryError after `stop`."""
        if self._stopped:
            raise RegistryError("stopped", hint="run the same command again: it continues")
        with self._lock:
            if self._watch and size:
                self._watch(size)

    def stop(self) -> None:
        """Ends what still counts here."""
        self._stopped = True


class Upload:
    """A blob that is to be sent; `open_blob` opens its bytes, anew for each try."""

    def __init__(
        self, registry: Registry, blob: Descriptor, open_blob: Callable[[], BinaryIO], *, meter: Meter | None = None
    ) -> None:
        self._registry = registry
        self._blob = blob
        self._open = open_blob
        self._meter = meter or Meter()
        self._place = ""
        self._offset = 0
        self._counted = 0
        self._chunk = CHUNK
        self._in_chunks = blob.size > AT_ONCE
        self._stumbles = 0

    def send(self, origin: str = "") -> How:
        """Brings the blob into the repository: from `origin`, another repository of the registry, or by its bytes."""
        if origin and self._mount(origin):
            return How.MOUNTED
        if not self._place:
            self._begin()
        while not self._take(self._registry.exchange(self._next)):
            pass
        self._registry.hold(self._blob.digest)
        return How.SENT

    @property
    def _url(self) -> str:
        return f"{self._registry.base}/blobs/{self._blob.digest}"

    def _mount(self, origin: str) -> bool:
        query = urlencode({"mount": str(self._blob.digest), "from": origin})
        url = f"{self._registry.base}/blobs/uploads/?{query}"
        try:
            answer = self._registry.ask(Ask("POST", url), origin=origin)
        except TokenRefused:
            return False  # the other repository may not be read: its bytes are sent instead
        if answer.status == 201:
            require_same(answer, self._blob.digest, url)
            return self._registry.has(self._blob)
        if answer.status == 202:
            self._start(answer)
        return False

    def _begin(self) -> None:
        url = f"{self._registry.base}/blobs/uploads/"
        answer = self._registry.ask(Ask("POST", url))
        if answer.status != 202:
            raise refused("POST", url, answer)
        self._start(answer)

    def _start(self, answer: Answer) -> None:
        self._offset = 0
        self._move(answer)
        least = answer.headers.get("oci-chunk-min-length", "")
        self._chunk = max(CHUNK, int(least) if least.isdigit() else 0)

    def _move(self, answer: Answer) -> None:
        """Goes on at the place that an answer names; raises RegistryError for one where secrets could be drawn out."""
        location = answer.headers.get("location", "")
        if not location:
            raise RegistryError("the registry names no place to send to", where=shown(answer.url))
        try:
            self._place = Ask("PUT", answer.url).moved(location).url
        except GuardRefused as error:
            raise RegistryError(f"the place to send to is refused: {error}", where=shown(answer.url)) from error

    def _next(self, tries: int) -> Ask:
        """Returns the next request; after a failed try it first finds out where things stand."""
        if tries:
            self._meter.add(0)  # ends here where another transfer has failed
            if self._registry.has(self._blob):
                return Ask("HEAD", self._url)
            self._recover()
        if self._in_chunks and self._offset < self._blob.size:
            end = min(self._offset + self._chunk, self._blob.size)
            return Ask("PATCH", self._place, self._headers(end), self._body(end))
        mark = "&" if "?" in self._place else "?"
        url = f"{self._place}{mark}{urlencode({'digest': str(self._blob.digest)})}"
        return Ask("PUT", url, self._headers(self._blob.size), self._body(self._blob.size))

    def _headers(self, end: int) -> dict[str, str]:
        headers = {"Content-Type": _BYTES, "Content-Length": str(end - self._offset)}
        if self._in_chunks and end > self._offset:
            headers["Content-Range"] = f"{self._offset}-{end - 1}"
        return headers

    def _body(self, end: int) -> Callable[[], Iterator[bytes]]:
        start = self._offset

        def blocks() -> Iterator[bytes]:
            self._meter.add(start - self._counted)
            self._counted = start
            with self._open() as stream:
                stream.seek(start)
                while block := stream.read(min(_BLOCK, end - self._counted)):
                    yield block
                    self._counted += len(block)
                    self._meter.add(len(block))

        return blocks

    def _recover(self) -> None:
        """Asks how far the blob came; starts anew where the registry does not say."""
        answer = self._registry.ask(Ask("GET", self._place))
        reached = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("range", ""))
        if answer.status != 204 or not reached or not self._in_chunks:
            self._restart()
            return
        # "0-0" is both one byte and none; one byte is never all there is, so none is meant.
        self._offset = int(reached[1]) + 1 if int(reached[1]) else 0
        if "location" in answer.headers:
            self._move(answer)

    def _restart(self) -> None:
        self._stumble()
        self._begin()

    def _stumble(self) -> None:
        """Counts a step that led nowhere; raises RegistryError after too many."""
        self._stumbles += 1
        if self._stumbles > _STUMBLES:
            raise RegistryError(
                f"sending {self._blob.digest} led nowhere {_STUMBLES} times",
                where=self._registry.reference,
                hint="check the network, then run the same command again: it continues",
            )

    def _take(self, answer: Answer) -> bool:
        """Takes the answer to `_next` and tells whether the blob is there; raises what cannot be helped."""
        if answer.status in (200, 201) and self._offset_done(answer):
            require_same(answer, self._blob.digest, self._url)
            return True
        if answer.status in (201, 202, 204):
            self._advance(answer)
        elif self._in_chunks and (answer.status in _UNCHUNKED or code_of(answer) == "UNSUPPORTED"):
            self._in_chunks = False
            self._restart()
        elif answer.status in _LOST:
            self._stumble()
            self._recover()
        else:
            raise self._refusal(answer)
        return False

    def _offset_done(self, answer: Answer) -> bool:
        """Tells whether a 200 or 201 is to the last request and not to a chunk."""
        return answer.status == 200 or not self._in_chunks or self._offset >= self._blob.size

    def _advance(self, answer: Answer) -> None:
        sent = min(self._offset + self._chunk, self._blob.size)
        reached = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("range", ""))
        there = min(int(reached[1]) + 1, sent) if reached else sent
        if there <= self._offset:
            self._stumble()
        self._offset = there
        if "location" in answer.headers:
            self._move(answer)

    def _refusal(self, answer: Answer) -> Exception:
        if code_of(answer) != "DIGEST_INVALID":
            return refused("PUT", self._url, answer)
        with self._open() as stream:
            got = Digest.of_stream(stream)
        if got != self._blob.digest:
            return StoreError("a blob is damaged here", where=self._blob.digest, hint="delete it and build again")
        return DigestMismatch(f"the registry did not receive what was sent as {got}", where=shown(self._url))

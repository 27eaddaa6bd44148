"""HTTP as every room uses it: the only file that imports an HTTP client.

Rules: 10 s to connect, 60 s to read; five tries with jitter on 408, 429, 5xx and broken connections, a
Retry-After honoured; other answers are never retried. Every answer has a size cap. GET and HEAD follow at most
five redirects; Authorization and cookies never follow to another host, https never falls back to http, and a
redirect (or a token realm, by `guard`) may not lead into a kind of network - loopback, link-local, private -
that its origin is not part of itself. Proxies and certificates are those of the environment; loopback is always
reached directly. What cannot be had raises the error class that the caller's room names, without any query
string or password in it.

Not here: what the answers mean, credentials, caches.
"""

from __future__ import annotations

import email.utils
import ipaddress
import math
import random
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from seaway.digest import Digest
from seaway.errors import DigestMismatch, RegistryError, SeawayError, StoreError
from seaway.lazy import LateModule

if TYPE_CHECKING:
    import httpx
else:
    httpx = LateModule("httpx")

Result = TypeVar("Result")
Body = bytes | Callable[[], Iterator[bytes]] | None

TRIES = 5
REDIRECTS = 5
LIMIT = 4 << 20
_LONGEST_PAUSE = 60.0
_TIMEOUT = 60.0
_CONNECT = 10.0
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_MOVED = frozenset({301, 302, 303, 307, 308})
_PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response read in full; header names are lower case, `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a server; `body` as a function is called anew each time it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = None

    def moved(self, location: str) -> Ask:
        """Returns the same question to another place, without secrets if that is another host; raises GuardRefused."""
        url = urljoin(self.url, location)
        if urlsplit(self.url).scheme == "https" and urlsplit(url).scheme != "https":
            raise GuardRefused(f"redirect from https to {shown(url)}")
        guard(url, origin=self.url)
        if _authority(url) == _authority(self.url):
            return replace(self, url=url)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _PRIVATE_HEADERS}
        return replace(self, url=url, headers=kept)


Make = Callable[[int], Ask]


class _Again(Exception):
    """The exchange failed in a way that may pass; `after` is what the server asked for, in seconds."""

    def __init__(self, says: str, after: float = 0.0) -> None:
        super().__init__(says)
        self.after = after


class Client:
    """A client for one caller; `error` is the leaf of the error tree that failures are raised as.

    `timeout`, in seconds, replaces the usual times to connect and to read, and is what the body of a whole document may
    take, however steadily it drips; `tls` replaces the environment's certificates.
    A status in `final` is an answer, although others would be asked again for it.
    """

    def __init__(
        self,
        *,
        error: type[SeawayError] = RegistryError,
        tries: int = TRIES,
        timeout: float | None = None,
        tls: ssl.SSLContext | None = None,
        final: frozenset[int] = frozenset(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._error = error
        self._tries = tries
        self._whole = math.inf if timeout is None else timeout
        seconds = _TIMEOUT if timeout is None else timeout
        self._timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT))
        self._tls = tls
        self._retried = _RETRIED - final
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that were opened."""
        for name in ("_direct", "_proxied"):
            if client := self.__dict__.pop(name, None):
                client.close()

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = LIMIT) -> Answer:
        """Gets a document of at most `limit` bytes; a status that is not retried is the caller's to judge."""
        return self.request("GET", url, headers=headers, limit=limit)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        limit: int = LIMIT,
    ) -> Answer:
        """Makes one exchange and reads the answer; `body` as a function is called anew for each try."""
        ask = Ask(method, url, headers or {}, body)
        return self.exchange(lambda _: ask, limit=limit)

    def exchange(self, make: Make, *, limit: int = LIMIT) -> Answer:
        """Makes one exchange as `request` does, but has each try made anew: `make` is told how many have failed.

        An upload that broke goes on at another place; where `make` finds that nothing is left, it asks for that.
        """
        return self._try(make, lambda response: self._read(response, limit))

    def download(
        self,
        url: str,
        path: Path,
        *,
        digest: Digest | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = 32 << 30,
    ) -> Digest:
        """Streams a document to `path`, which appears only whole and with the right digest; resumes by Range.

        Raises DigestMismatch with the bytes deleted, StoreError for a full disk, the client's error for a refusal.
        """
        ask = Ask("GET", url, {"Accept-Encoding": "identity", **(headers or {})})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return self._land(ask, path, digest, limit=limit)
        except OSError as error:
            says = f"a download cannot be written: {error.strerror or error}"
            raise StoreError(says, where=error.filename or path, hint="free some space and try again") from error

    def _land(self, ask: Ask, path: Path, digest: Digest | None, *, limit: int) -> Digest:
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        try:
            self._try(lambda _: _resumed(ask, partial), lambda response: self._save(response, partial, limit))
            with partial.open("rb") as stream:
                got = Digest.of_stream(stream)
            if digest is not None and got != digest:
                raise DigestMismatch(f"expected {digest}, got {got}", where=shown(ask.url))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return got

    @cached_property
    def _proxied(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout, follow_redirects=False, verify=self._tls or True)

    @cached_property
    def _direct(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout, follow_redirects=False, trust_env=False, verify=self._tls or True)

    def _try(self, make: Make, act: Callable[[httpx.Response], Result]) -> Result:
        says = ""
        for attempt in range(self._tries):
            ask = make(attempt)
            try:
                with self._exchange(ask) as response:
                    return act(response)
            except _Again as again:
                says = str(again)
                if attempt + 1 < self._tries:
                    self._sleep(again.after or random.uniform(0.5, 1.5) * 0.2 * 2**attempt)
            except (GuardRefused, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise self._error(f"{ask.method} refused: {error}", where=shown(ask.url)) from error
        raise self._error(
            f"{ask.method} failed {self._tries} times, last with: {says}",
            where=shown(ask.url),
            hint="check the network and the proxy settings, then run the same command again: it continues",
        )

    @contextmanager
    def _exchange(self, ask: Ask) -> Iterator[httpx.Response]:
        try:
            for _ in range(REDIRECTS + 1):
                with self._send(ask) as response:
                    if not _is_redirect(ask, response):
                        if response.status_code in self._retried:
                            raise _Again(f"status {response.status_code}", _retry_after(response))
                        yield response
                        return
                    ask = ask.moved(response.headers["location"])
        except httpx.UnsupportedProtocol:
            raise
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _Again(str(error) or type(error).__name__) from error
        raise GuardRefused(f"more than {REDIRECTS} redirects")

    @contextmanager
    def _send(self, ask: Ask) -> Iterator[httpx.Response]:
        client = self._direct if is_loopback(urlsplit(ask.url).hostname or "") else self._proxied
        content = ask.body() if callable(ask.body) else ask.body
        with client.stream(ask.method, ask.url, headers=dict(ask.headers), content=content) as response:
            yield response

    def _read(self, response: httpx.Response, limit: int) -> Answer:
        body, until = bytearray(), time.monotonic() + self._whole
        for block in response.iter_bytes():
            body += block
            if len(body) > limit:
                raise self._too_large(response, limit)
            if time.monotonic() > until:
                raise self._error(f"the answer did not end in {self._whole:g} s", where=shown(str(response.url)))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(body), str(response.url))

    def _save(self, response: httpx.Response, partial: Path, limit: int) -> None:
        if response.status_code == 416:
            partial.unlink(missing_ok=True)
            raise _Again("the server cannot resume")
        if response.status_code not in (200, 206):
            raise self._error(f"GET answered {response.status_code}", where=shown(str(response.url)))
        with partial.open("ab" if _continues(response, partial) else "wb") as sink:
            self._pour(response, sink, limit)

    def _pour(self, response: httpx.Response, sink: BinaryIO, limit: int) -> None:
        for block in response.iter_raw():
            sink.write(block)
            if sink.tell() > limit:
                raise self._too_large(response, limit)

    def _too_large(self, response: httpx.Response, limit: int) -> SeawayError:
        return self._error(f"the answer is larger than {limit} bytes", where=shown(str(response.url)))


class GuardRefused(Exception):
    """An address that the origin may not send us to."""


class Reach(StrEnum):
    """How far an address is visible; anything not named here is public."""

    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    PUBLIC = "public"


_NETWORKS = tuple(
    (ipaddress.ip_network(network), reach)
    for reach, networks in {
        Reach.LOOPBACK: ("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),
        Reach.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
        Reach.PRIVATE: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    }.items()
    for network in networks
)


def guard(url: str, *, origin: str) -> None:
    """Refuses a URL that leads into a kind of network which `origin` is not part of; raises GuardRefused.

    A name that does not resolve here passes: behind a proxy only the proxy can resolve it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GuardRefused(f"{shown(url)} is not an http address")
    beyond = _reaches(parts.hostname) - {Reach.PUBLIC} - _reaches(urlsplit(origin).hostname or "")
    if beyond:
        raise GuardRefused(f"{shown(origin)} leads to {shown(url)}, a {min(beyond)} address")


def guard_realm(realm: str, *, registry: str) -> None:
    """Refuses a token realm that is neither https nor that of a plain registry on loopback; raises GuardRefused."""
    plain = urlsplit(registry)
    if urlsplit(realm).scheme != "https" and not (plain.scheme == "http" and is_loopback(plain.hostname or "")):
        raise GuardRefused(f"{shown(registry)} asks for credentials at {shown(realm)}, which is not https")
    guard(realm, origin=registry)


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine, by its name or literal address; resolves nothing."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return _reach(host) is Reach.LOOPBACK
    except ValueError:
        return False


def _reach(address: str) -> Reach:
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return next(
        (reach for network, reach in _NETWORKS if ip.version == network.version and ip in network), Reach.PUBLIC
    )


def _reaches(host: str) -> set[Reach]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {_reach(str(address[4][0])) for address in found}


def shown(url: str) -> str:
    """Returns a URL as it may be shown: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_authority(url)}{parts.path}"


def _authority(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}"


def _is_redirect(ask: Ask, response: httpx.Response) -> bool:
    return response.status_code in _MOVED and ask.method in ("GET", "HEAD") and "location" in response.headers


def _resumed(ask: Ask, partial: Path) -> Ask:
    have = partial.stat().st_size if partial.exists() else 0
    return replace(ask, headers={**ask.headers, "Range": f"bytes={have}-"}) if have else ask


def _continues(response: httpx.Response, partial: Path) -> bool:
    if response.status_code != 206:
        return False
    start = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    if start is None or int(start[1]) != (partial.stat().st_size if partial.exists() else 0):
        partial.unlink(missing_ok=True)
        raise _Again("the server resumed at another place")
    return True


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return min(float(text), _LONGEST_PAUSE)
    try:
        until = email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return 0.0
    return min(max(until - time.time(), 0.0), _LONGEST_PAUSE)

"""The Docker Engine API over its Unix socket: as much of it as the target needs, typed, on the standard library.

Rules: one connection a question, since they are cheap here and any thread may ask; the engine's own API version, at
most the newest one tried; what the engine refuses is `EngineRefused` with its status and its words; a socket that is
not there or not ours is EngineUnavailable with what helps. Nothing is retried: the supervisor asks again next turn.
Source: Docker Engine API v1.41 (20.10), read back to 1.24.

Not here: what containers are made of (`document.py`), sessions on a terminal (`session.py`).
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from seaway.errors import EngineUnavailable
from seaway.targets.process.socket_name import short_name

NEWEST = (1, 51)
PATIENCE = 30.0
LARGEST = 64 << 20


class EngineRefused(EngineUnavailable):
    """The engine answered, and not what was asked for; `status` is HTTP's."""

    def __init__(self, says: str, status: int, *, where: object = None, hint: str | None = None) -> None:
        super().__init__(says, where=str(where) if where is not None else None, hint=hint)
        self.status = status


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Opens the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        with short_name(self._path) as name:
            self.sock.connect(name)


class EngineApi:
    """One engine, asked over its socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def version(self) -> str:
        """The API version spoken: the engine's, or the newest one tried here."""
        with self.ask("GET", "/_ping") as answer:
            said = answer.getheader("Api-Version") or "1.24"
        spoken = min(tuple(int(part) for part in said.split(".")), NEWEST)
        return ".".join(str(part) for part in spoken)

    def get(self, path: str, **query: object) -> Any:
        """Gets a document."""
        with self.ask("GET", self.url(path, query)) as answer:
            return _document(answer)

    def post(self, path: str, body: object = None, *, seconds: float = PATIENCE, **query: object) -> Any:
        """Posts a document and returns the answer, None where there is none."""
        headers = {"Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else b""
        with self.ask("POST", self.url(path, query), data, headers, seconds=seconds) as answer:
            return _document(answer)

    def delete(self, path: str, **query: object) -> None:
        """Deletes; what is not there is deleted already."""
        try:
            with self.ask("DELETE", self.url(path, query)):
                pass
        except EngineRefused as error:
            if error.status != 404:
                raise

    def send(self, method: str, path: str, tar: bytes | Iterable[bytes], /, **query: object) -> str:
        """Sends a tar and returns what was said; `tar` may be a stream."""
        headers = {"Content-Type": "application/x-tar"}
        with self.ask(method, self.url(path, query), tar, headers, seconds=600.0) as answer:
            return answer.read(LARGEST).decode(errors="replace")

    def url(self, path: str, query: Mapping[str, object]) -> str:
        """Returns the path of a question in the version spoken; objects in the query become JSON."""
        given = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in query.items()}
        return f"/v{self.version}{path}" + (f"?{urlencode(given)}" if given else "")

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float = PATIENCE,
    ) -> Iterator[http.client.HTTPResponse]:
        """Asks, and gives the answer to be read; raises EngineRefused or EngineUnavailable."""
        connection = UnixConnection(self.path, seconds)
        try:
            connection.request(method, url, body, dict(headers or {}), encode_chunked=not isinstance(body, bytes))
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineRefused(_words(answer), answer.status, where=url.partition("?")[0])
            yield answer
        except OSError as error:
            raise self._unavailable(error) from error
        except http.client.HTTPException as error:
            raise EngineUnavailable(f"the engine broke off: {error!r}", where=self.path) from error
        finally:
            connection.close()

    def _unavailable(self, error: OSError) -> EngineUnavailable:
        if isinstance(error, PermissionError):
            hint = "join the group docker, or set target: process"
        elif isinstance(error, FileNotFoundError | ConnectionRefusedError):
            hint = "start Docker, or set DOCKER_HOST, or target: process"
        else:
            hint = "docker info"
        return EngineUnavailable(f"no Docker Engine answers: {error.strerror or error}", where=self.path, hint=hint)


def _document(answer: http.client.HTTPResponse) -> Any:
    body = answer.read(LARGEST)
    try:
        return json.loads(body) if body else None
    except ValueError as error:
        raise EngineUnavailable("the engine's answer is not JSON", hint="docker version") from error


def _words(answer: http.client.HTTPResponse) -> str:
    body = answer.read(1 << 16)
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        said = body.decode(errors="replace").strip() or f"status {answer.status}"
    return f"the Docker Engine says: {said.strip().splitlines()[0][:400]}"

"""Load: the requests to send, what is expected of their answers, and the record of each one. Pure.

A request is a JSON line `{"method","path","headers","json","expect":{NAME:{"at","first","has"}}}`. An expectation
passes if `has` is among the first `first` values of the list at the JSON pointer `at` (RFC 6901). Sending is in
`sender.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.errors import SchemaError
from seaway.telemetry.message import Request
from seaway_sdk.conventions import LOAD_HEADER

_KEYS = {"method", "path", "headers", "json", "expect"}
_EXPECTATION_KEYS = {"at", "first", "has"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One 0/1 outcome to read off an answer."""

    name: str
    at: str
    first: int
    has: object

    def met(self, answer: object) -> bool:
        """Tells whether `has` is among the first values at the pointer; a missing place is not."""
        try:
            found = pointed(answer, self.at)
        except LookupError:
            return False
        return isinstance(found, list) and self.has in found[: self.first]


@dataclass(frozen=True, slots=True)
class Shot:
    """One request and what is expected of its answer."""

    request: Request
    expectations: tuple[Expectation, ...] = ()

    def outcomes(self, body: bytes) -> dict[str, bool]:
        """Returns each expectation's outcome; a body that is no JSON meets none."""
        if not self.expectations:
            return {}
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        return {one.name: one.met(answer) for one in self.expectations}


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one request, as the client saw it.

    `at` is when it was due (seconds since the epoch) and `seconds` the time from then to the last byte, so waiting to
    be sent counts. Status 0 means no answer, `fault` says why; `pod` and `token` are what the headers said.
    """

    at: float
    seconds: float
    status: int
    pod: str = ""
    token: str = ""
    fault: str = ""
    outcomes: Mapping[str, bool] | None = None

    @property
    def failed(self) -> bool:
        """Tells whether there was no answer or a server error."""
        return self.status == 0 or self.status >= 500


def shots(lines: Iterable[str], source: str = "load") -> tuple[Shot, ...]:
    """Reads requests; raises SchemaError with the line, also if there is none."""
    read = tuple(_shot(line, f"{source}:{at}") for at, line in enumerate(lines, 1) if line.strip())
    if not read:
        raise SchemaError("there is no request to send", where=source)
    return read


def label(token: str, name: str, passed: bool) -> bytes:
    """Returns the line that tells a replica one outcome of one of its requests."""
    return json.dumps({"request": token, "name": name, "passed": passed}).encode() + b"\n"


def pointed(value: object, pointer: str) -> object:
    """Returns what a JSON pointer points to; raises LookupError."""
    if not pointer:
        return value
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit():
            value = value[int(name)]
        else:
            raise LookupError(pointer)
    return value


def _shot(line: str, where: str) -> Shot:
    try:
        said = json.loads(line)
        method, path = str(said.get("method", "GET")), said["path"]
        headers = {str(name).lower(): str(value) for name, value in said.get("headers", {}).items()}
        expectations = tuple(_expectation(name, one) for name, one in said.get("expect", {}).items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SchemaError(f"not a request: {_why(error)}", where=where) from error
    if unknown := set(said) - _KEYS:
        raise SchemaError(f"{min(unknown)!r} is not a key of a request", where=where)
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or not method.isalpha()
        or _breaks(path, *headers.values())
    ):
        raise SchemaError("not a request: wants a method and a path that begins with /", where=where)
    body = json.dumps(said["json"]).encode() if "json" in said else b""
    kind = {"content-type": "application/json"} if body else {}
    return Shot(Request(method.upper(), path, {**kind, **headers, LOAD_HEADER: "1"}, body), expectations)


def _expectation(name: str, said: Mapping[str, object]) -> Expectation:
    if set(said) != _EXPECTATION_KEYS:
        raise ValueError(f"{name} wants exactly {', '.join(sorted(_EXPECTATION_KEYS))}")
    at, first = said["at"], said["first"]
    if not isinstance(at, str) or not isinstance(first, int) or isinstance(first, bool) or first < 1:
        raise ValueError(f"{name}: at is a JSON pointer, first a number from 1")
    return Expectation(name, at, first, said["has"])


def _breaks(*texts: str) -> bool:
    return any(" " in text[:1] or "\r" in text or "\n" in text for text in texts)


def _why(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)

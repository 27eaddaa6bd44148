"""A request and a response of HTTP as values; sending them is in `wire.py`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `path` begins with a slash."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; header names are in lower case, the last of equal names counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

"""Names of images in registries: `host[:port]/repository[:tag][@digest]`. Source: OCI distribution-spec 1.1, "Pull".

A name without a host is completed from SEAWAY_REGISTRY (a host, or a host and a path) or from the first of
`unqualified-search-registries` in containers-registries.conf(5); nothing is assumed where neither is set.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import BaseError
from seaway.http import is_loopback

_HOST = re.compile(r"(?:localhost|[A-Za-z0-9.-]+\.[A-Za-z0-9.-]+|[A-Za-z0-9.-]+(?=:\d)|\[[0-9a-fA-F:]+\])(?::\d+)?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SETTINGS = (Path("~/.config/containers/registries.conf"), Path("/etc/containers/registries.conf"))


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's place; `digest`, where it is set, decides and `tag` is only read by people."""

    host: str
    repository: str
    tag: str = "latest"
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Reads a reference; raises BaseError with the text."""
        name, _, digest = text.partition("@")
        head, colon, tail = name.rpartition(":")
        name, tag = (head, tail) if colon and "/" not in tail else (name, "latest")
        host, slash, repository = name.partition("/")
        if not slash or not _HOST.fullmatch(host):
            host, _, prefix = _default(text).partition("/")
            repository = f"{prefix}/{name}" if prefix and "/" not in name else name
        if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
            raise BaseError(f"{text!r} is not an image reference", hint="write host/repository:tag")
        try:
            return cls(host, repository, tag, Digest.parse(digest) if digest else None)
        except ValueError as error:
            raise BaseError(f"{text!r} is not an image reference: {error}") from error

    def at(self, digest: Digest) -> Reference:
        """Returns the same place with a digest."""
        return replace(self, digest=digest)

    @property
    def url(self) -> str:
        """The registry's address: https, but plain http on loopback."""
        scheme = "http" if is_loopback(re.sub(r":\d+$", "", self.host).strip("[]")) else "https"
        return f"{scheme}://{self.host}"

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


def _default(text: str) -> str:
    if registry := os.environ.get("SEAWAY_REGISTRY", "").strip().rstrip("/"):
        return registry
    for path in _SETTINGS:
        try:
            found = tomllib.loads(path.expanduser().read_text()).get("unqualified-search-registries", [])
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        if found:
            return str(found[0])
    raise BaseError(
        f"{text!r} names no registry",
        where="x-seaway.image.base",
        hint="write the registry's host in front, or set SEAWAY_REGISTRY to the one that short names mean",
    )

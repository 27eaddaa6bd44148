"""What an image is made of: frozen values, no I/O.

`Entry` is one path of a layer before it is bytes, `Layer` one layer after, `Image` a config and its layers.
Media types and field names are those of the OCI image specification 1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

from seaway.digest import Digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"


class Kind(StrEnum):
    """What an entry is; hard links occur only in a base made from a root file system, devices nowhere."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, opened when they are written; `deflated` opens the same bytes as raw DEFLATE, as in a wheel.

    `sha256` (hex) is what the bytes must have, where a RECORD or a lock says so; the writer refuses others.
    """

    size: int
    open: Callable[[], BinaryIO]
    deflated: Callable[[], BinaryIO] | None = None
    deflated_size: int = 0
    crc32: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a layer: `path` has no leading slash, `mode` only permission bits, `link` a link's target.

    `uid`, `gid` and `capability` (the xattr `security.capability`) are set only in a base from a root file system.
    """

    path: str
    kind: Kind = Kind.FILE
    mode: int = 0o644
    content: Content | None = None
    link: str = ""
    uid: int = 0
    gid: int = 0
    capability: bytes = b""


@dataclass(frozen=True, slots=True)
class FileFact:
    """What was written for one path; `sha256` (hex) is empty for what is not a file."""

    path: str
    kind: Kind
    mode: int
    size: int = 0
    sha256: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """An OCI platform, `linux/amd64`."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Reads `os/architecture[/variant]`; raises ValueError."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"{text!r} is not a platform like linux/amd64")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An OCI content descriptor."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, object]:
        """Returns the descriptor as in a manifest."""
        body: dict[str, object] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.annotations:
            body["annotations"] = dict(self.annotations)
        return body


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer by its two names: `descriptor.digest` of the gzip bytes, `diff_id` of the tar bytes."""

    descriptor: Descriptor
    diff_id: Digest
    tar_size: int
    created_by: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one platform: its manifest's digest is its name."""

    digest: Digest
    config_digest: Digest
    platform: Platform
    config: Mapping[str, object]
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """A package inside an image, named by its package URL; `sha256` of the wheel or .deb, where known."""

    name: str
    version: str
    purl: str
    licenses: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """A wheel that a lock names; `name` is normalised, `built` says it was made here from source.

    `url` is an address, a path from the lock's directory, or empty: then the package index has it.
    """

    name: str
    version: str
    filename: str
    sha256: Digest
    size: int
    url: str = ""
    built: bool = False

    def json(self) -> dict[str, object]:
        """Returns the wheel as in `seaway.lock`."""
        body: dict[str, object] = {
            "name": self.name,
            "version": self.version,
            "filename": self.filename,
            "sha256": self.sha256.hex,
            "size": self.size,
        }
        if self.url:
            body["url"] = self.url
        return {**body, "built": True} if self.built else body

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> LockedWheel:
        """Reads what `json` gives; raises KeyError, TypeError or ValueError."""
        name, version, filename = (str(body[key]) for key in ("name", "version", "filename"))
        sha256, size = Digest(str(body["sha256"])), int(body["size"])
        return cls(name, version, filename, sha256, size, str(body.get("url", "")), bool(body.get("built", False)))


@dataclass(frozen=True, slots=True)
class Base:
    """A base, pinned: what it was asked by, its digest, and what the builder must know of its inside.

    `config` is the OCI config as a whole (`config`, `history`, `rootfs`). `interpreter` is a path in the image,
    `python` its x.y.z, `libc` like `glibc 2.36`; `sonames` are those of the libraries in its library directories,
    `has_user` tells whether its passwd file knows 65532, `distribution` is like `debian 12`.
    """

    reference: str
    platform: Platform
    digest: Digest
    layers: tuple[Layer, ...]
    config: Mapping[str, object]
    interpreter: str
    python: str
    libc: str
    packages: tuple[Component, ...] = ()
    sonames: tuple[str, ...] = ()
    has_user: bool = False
    distribution: str = ""

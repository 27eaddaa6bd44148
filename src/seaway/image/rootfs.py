"""A root file system as a tar, rewritten so that the same packages give the same bytes (image.md, section 2).

Rules: sorted; mode, owner, symlinks, hard links and file capabilities are kept, a hard link after its target, which
is the first of its names; other extended attributes are refused. Dropped: devices, pipes, apt's lists and archives,
logs, the loader's auxiliary cache, byte code. Emptied: what names one machine.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seaway.errors import BaseError
from seaway.image.archive import Limits, entries, inflated
from seaway.image.model import Content, Entry, Kind

_DROPPED = re.compile(
    r"var/lib/apt/lists/.+|var/cache/apt/.+|var/log/.+|var/cache/ldconfig/aux-cache|.*\.pyc|(?:dev|proc|sys|run)/.+"
)
_EMPTIED = frozenset({"etc/machine-id", "var/lib/dbus/machine-id", "etc/hostname", "etc/resolv.conf", "etc/hosts"})
_MOUNT_FILES = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
_MOUNT_DIRECTORIES = {"dev": 0o755, "proc": 0o755, "sys": 0o755, "run": 0o755, "opt": 0o755, "tmp": 0o1777}


@contextmanager
def rewritten(tar: Path) -> Iterator[tuple[Entry, ...]]:
    """Gives the entries of a root file system; their contents are good inside the block. Raises BaseError."""
    with tempfile.TemporaryDirectory(prefix="seaway-rootfs-") as scratch:
        plain = Path(scratch) / "rootfs.tar"
        try:
            with tar.open("rb") as packed, plain.open("wb") as sink:
                shutil.copyfileobj(inflated(packed), sink, 1 << 20)
        except FileNotFoundError as error:
            raise BaseError("the root file system is not there", where=tar) from error
        except (EOFError, OSError) as error:
            raise BaseError(f"the root file system cannot be read: {error}", where=tar) from error
        yield root_entries(entries(plain, limits=Limits(devices=True)))


def root_entries(found: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Returns the entries as they enter the layer."""
    tree = {path: Entry(path, Kind.DIRECTORY, mode) for path, mode in _MOUNT_DIRECTORIES.items()}
    tree |= {entry.path: _emptied(entry) for entry in _relinked(found)}
    tree |= {path: _empty(Entry(path)) for path in _MOUNT_FILES if path not in tree}
    return tuple(tree[path] for path in sorted(tree, key=lambda path: path.encode()))


def _relinked(found: tuple[Entry, ...]) -> Iterator[Entry]:
    """Yields what is kept; of the names of one file the first by path holds the bytes."""
    targets: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    by_path = {entry.path: entry for entry in found}
    for entry in found:
        targets[entry.path] = targets[entry.link] if entry.kind is Kind.HARDLINK else entry.path
        if not _DROPPED.fullmatch(entry.path):
            names.setdefault(targets[entry.path], []).append(entry.path)
    for source, paths in names.items():
        first, *rest = sorted(paths, key=lambda path: path.encode())
        yield replace(by_path[source], path=first)
        yield from (Entry(path, Kind.HARDLINK, by_path[source].mode, link=first) for path in rest)


def _emptied(entry: Entry) -> Entry:
    return _empty(entry) if entry.path in _EMPTIED and entry.kind is not Kind.DIRECTORY else entry


def _empty(entry: Entry) -> Entry:
    return Entry(entry.path, Kind.FILE, 0o644, Content(0, io.BytesIO))

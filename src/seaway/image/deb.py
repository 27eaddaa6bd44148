"""A Debian binary package as a value: its control stanza and the entries of its payload.

Source: deb(5), format 2.0: an ar archive of `debian-binary`, `control.tar.*`, `data.tar.*`, in this order.
Rules: no maintainer script is ever run or kept; the payload is inflated once into a scratch directory, from which
contents are read, so memory stays small. Not here: which packages (`apt.py`), what becomes of entries (`debian.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seaway.errors import BaseError
from seaway.image.archive import ArchiveRefused, entries, inflated, members, open_slice
from seaway.image.model import Entry

_MAGIC = b"!<arch>\n"
_HEADER = 60
_CONTROL_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Deb:
    """A package: `control` as written, `scripts` its maintainer scripts by name (never run), `entries` its payload."""

    control: str
    scripts: Mapping[str, str]
    entries: tuple[Entry, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The control fields; continuation lines are joined by newlines."""
        return stanza_fields(self.control)


def read_deb(path: Path, scratch: Path) -> Deb:
    """Reads a package, inflating its payload into `scratch`; raises BaseError for anything that is not a package."""
    parts = dict(_ar_members(path))
    control = next((part for name, part in parts.items() if name.startswith("control.tar")), None)
    data = next((part for name, part in parts.items() if name.startswith("data.tar")), None)
    if control is None or data is None or "debian-binary" not in parts:
        raise BaseError("not a Debian package", where=path.name)
    try:
        texts = _control_files(open_slice(path, *control))
        tar = scratch / f"{path.name}.tar"
        with open_slice(path, *data) as packed, tar.open("wb") as sink:
            shutil.copyfileobj(inflated(packed), sink, 1 << 20)
        return Deb(texts.pop("control"), texts, entries(tar))
    except (ArchiveRefused, KeyError, EOFError) as error:
        raise BaseError(f"a package cannot be read: {error}", where=path.name) from error


def stanza_fields(stanza: str) -> dict[str, str]:
    """Reads one control stanza (deb-control(5))."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')}\n{line}"
        elif ":" in line:
            name, value = line.split(":", 1)
            fields[name] = value.strip()
    return fields


def _control_files(packed: BinaryIO) -> dict[str, str]:
    texts = {}
    for member in members(inflated(packed)):
        if member.data is not None:
            texts[member.entry.path] = member.data.read(_CONTROL_LIMIT).decode("utf-8", "replace")
    return texts


def _ar_members(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yields each member's name and its place, (offset, size)."""
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise BaseError("not an ar archive", where=path.name)
        while header := stream.read(_HEADER):
            if len(header) != _HEADER or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
                raise BaseError("a damaged ar archive", where=path.name)
            size = int(header[48:58])
            offset = stream.tell()
            yield header[:16].decode("ascii", "replace").strip().rstrip("/"), (offset, size)
            stream.seek(offset + size + size % 2)

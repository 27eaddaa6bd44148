"""RECORD, the list of a wheel's files and hashes: read from a wheel, checked, written anew for an image.

Rules: sorted by path bytes, `\\n`, minimal quoting, `sha256=` urlsafe base64 without padding, its own row without
hash; paths outside site-packages as `../../../…`. A wrong hash is an error; a missing or weak one is computed, with
a finding. Source: recording installed projects (PyPA). Not here: which files a wheel brings (`wheel.py`).
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterable

from installer.records import InvalidRecordEntry, parse_record_file

from seaway.errors import WheelError
from seaway.findings import Finding, Level
from seaway.image.model import Content, Entry

Row = tuple[str, str]
MISSING: Row = ("", "")
_VENV = "opt/venv/"
_STRONG = frozenset({"sha256", "sha384", "sha512"})
_CHUNK = 1 << 20


def read_record(text: str, where: str) -> dict[str, Row]:
    """Returns RECORD as path -> (hash, size), as they are written there; raises WheelError."""
    try:
        rows = list(parse_record_file(io.StringIO(text, newline="")))
    except (InvalidRecordEntry, csv.Error) as error:
        raise WheelError(f"RECORD cannot be read: {error}", where=where) from error
    return {path: (digest, size) for path, digest, size in rows if path}


def expected_hash(row: Row, content: Content, where: str) -> tuple[str, tuple[Finding, ...]]:
    """Returns the SHA-256 (hex) a file must have: that of its row, or computed where the row has none.

    Raises WheelError for another size, and for another SHA-384 or SHA-512; the SHA-256 is checked while written.
    """
    algorithm, _, value = row[0].partition("=")
    if row[1] and row[1] != str(content.size):
        raise WheelError(f"RECORD says {row[1]} bytes, the wheel has {content.size}", where=where)
    if algorithm == "sha256":
        return _unbase64(value, algorithm, where), ()
    found = _hash(content, {"sha256", algorithm} & _STRONG)
    if algorithm in _STRONG and found[algorithm] != _unbase64(value, algorithm, where):
        raise WheelError("a file does not have its recorded hash", where=where)
    if algorithm in _STRONG:
        return found["sha256"], ()
    says = f"RECORD has {f'only {algorithm}' if algorithm else 'no hash'} for a file; its SHA-256 was computed"
    return found["sha256"], (Finding("SW-1010", Level.NOTE, says, where),)


def write_record(entries: Iterable[Entry], own: str, site: str) -> Entry:
    """Returns RECORD as an entry at path `own`, naming all entries by their SHA-256; `site` is site-packages."""
    rows = {_relative(entry.path, site): _row(entry) for entry in entries}
    rows[_relative(own, site)] = MISSING
    text = io.StringIO()
    ordered = sorted(rows.items(), key=lambda row: row[0].encode())
    csv.writer(text, lineterminator="\n").writerows((path, *row) for path, row in ordered)
    return Entry(own, content=content_of(text.getvalue().encode()))


def content_of(data: bytes) -> Content:
    """Returns bytes of ours as content."""
    return Content(len(data), lambda: io.BytesIO(data), sha256=hashlib.sha256(data).hexdigest())


def _hash(content: Content, algorithms: set[str]) -> dict[str, str]:
    states = [hashlib.new(name) for name in sorted(algorithms)]
    with content.open() as stream:
        while block := stream.read(_CHUNK):
            for state in states:
                state.update(block)
    return {state.name: state.hexdigest() for state in states}


def _unbase64(value: str, algorithm: str, where: str) -> str:
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise WheelError("a hash in RECORD is not base64", where=where) from error
    if len(raw) != hashlib.new(algorithm).digest_size:
        raise WheelError(f"a {algorithm} in RECORD has {len(raw)} bytes", where=where)
    return raw.hex()


def _row(entry: Entry) -> Row:
    assert entry.content is not None
    raw = bytes.fromhex(entry.content.sha256)
    return f"sha256={base64.urlsafe_b64encode(raw).decode().rstrip('=')}", str(entry.content.size)


def _relative(path: str, site: str) -> str:
    if path.startswith(f"{site}/"):
        return path.removeprefix(f"{site}/")
    return f"../../../{path.removeprefix(_VENV)}"

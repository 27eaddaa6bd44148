"""Where a stored ledger stands: its newest journal's header and its published checkpoint."""

from __future__ import annotations

from pathlib import Path

from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence.checkpoint import Checkpoint, LogKey
from seaway.evidence.journal import Contents, Header, read_journal
from seaway.evidence.merkle import EMPTY


def no_ledger(directory: Path) -> EvidenceMissing:
    """Returns the error for a ledger that nobody has opened yet."""
    hint = "seaway keys new NAME, then seaway keys enrol NAME --person PERSON --roles owner"
    return EvidenceMissing("there is no ledger", where=directory, hint=hint)


def journals(directory: Path) -> list[Path]:
    """Returns the journal files, oldest first; there are two only between a roll's new file and its last step."""
    return sorted((directory / "journal").glob("[0-9]*"))


def newest_journal(directory: Path, origin: str) -> Contents:
    """Reads the newest journal; raises EvidenceMissing without one, EvidenceInvalid if it is damaged or another's."""
    # A roll may remove the file between listing and reading; then a newer one is there.
    for _ in range(3):
        found = journals(directory)
        if not found:
            break
        try:
            contents = read_journal(found[-1])
        except FileNotFoundError:
            continue
        if contents.header.origin != origin:
            raise EvidenceInvalid(f"the journal is of {contents.header.origin}, not of {origin}", where=found[-1])
        return contents
    raise no_ledger(directory)


def read_header(directory: Path, origin: str) -> Header:
    """Returns the header of the newest journal."""
    return newest_journal(directory, origin).header


def read_checkpoint(directory: Path, key: LogKey) -> Checkpoint | None:
    """Returns the published checkpoint, verified; None if none was published yet; EvidenceInvalid if damaged."""
    path = directory / "checkpoint"
    try:
        note = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Checkpoint.open(note, key)
    except EvidenceInvalid as error:
        raise EvidenceInvalid(error.says, where=path, hint="seaway ledger verify") from error


def unwritten(origin: str) -> Checkpoint:
    """Returns the head of a log nothing was appended to; it is signed by nobody and extends to any log."""
    return Checkpoint(origin, 0, EMPTY, b"")

"""`ledger verify`: everything in a ledger's directory checked against everything else, and each fault located.

Works on a copy without keys or lock, changes nothing, stops at nothing: a fault becomes a `Problem` that names the
file. The order goes from what vouches for itself (journal and tombstones by their hashes, checkpoint by its signature,
blobs by their names) to what they vouch for (leaves, tiles, people). What is derived or merely unfinished, such as a
stale index or a batch that was committed and not yet published, is a note: the next open mends it.
"""

from __future__ import annotations

from pathlib import Path

from seaway.evidence.checkpoint import Checkpoint, LogKey, LogSigner
from seaway.evidence.head import journals, no_ledger
from seaway.evidence.journal import Contents, Head, read_journal
from seaway.evidence.payloads import Payloads
from seaway.evidence.report import Report
from seaway.evidence.soundness import check_index, check_leaves, check_payloads, check_people
from seaway.evidence.tilecheck import TileCheck

_KNOWN = {"lock", "log.key", "journal", "tile", "oci", "checkpoint", "index.sqlite", "index.sqlite-journal"}


def verify_ledger(directory: Path) -> Report:
    """Checks all of a ledger's directory; the report names every file that is not as it was written.

    Raises EvidenceMissing where there is no directory.
    """
    if not directory.is_dir():
        raise no_ledger(directory)
    report = Report(directory)
    contents = _check_journals(report)
    key = _check_key(report, contents)
    published = _check_checkpoint(report, contents, key)
    head = _reference(report, contents, published)
    _check_names(report)
    payloads = Payloads(directory / "oci")
    envelopes = check_payloads(report, payloads)
    if head is None:
        return report
    report.size, report.root = head.size, head.root
    leaves = TileCheck(report, head.size, head.root, bool(contents and contents.records)).run()
    signed = check_leaves(report, payloads, leaves, envelopes)
    check_people(report, payloads, signed)
    check_index(report, payloads, leaves, signed)
    return report


def _check_journals(report: Report) -> Contents | None:
    found = journals(report.directory)
    if not found:
        report.problem(report.directory / "journal", "the journal is missing")
        return None
    contents = None
    for path in found:
        contents = report.tried(path, lambda path=path: read_journal(path))  # type: ignore[misc]
        if contents is not None and int(path.name) != contents.header.head.size:
            report.problem(path, "the name is not the size it goes on from")
    if contents is not None and contents.torn:
        report.note(contents.path, "ends with a batch that was never committed")
    return contents


def _check_key(report: Report, contents: Contents | None) -> LogKey | None:
    path = report.directory / "log.key"
    known = LogKey(contents.header.origin, contents.header.key) if contents else None
    report.origin = known.origin if known else report.directory.name
    if not path.exists():
        report.note(path, "not in this copy")
        return known
    if path.stat().st_mode & 0o077:
        report.problem(path, "is open to others; it must have mode 0600")
    signer = report.tried(path, lambda: LogSigner.from_pem(report.origin, path.read_bytes(), where=path))
    if signer and known and signer.public != known:
        report.problem(path, "not the key this ledger is signed with")
    return known or (signer.public if signer else None)


def _check_checkpoint(report: Report, contents: Contents | None, key: LogKey | None) -> Checkpoint | None:
    path = report.directory / "checkpoint"
    if not path.exists():
        if contents is None or contents.header.head.size:
            report.problem(path, "the checkpoint is missing")
        return None
    if key is None:
        report.problem(path, "cannot be verified: the log's key is unknown")
        return None
    return report.tried(path, lambda: Checkpoint.open(path.read_bytes(), key))


def _reference(report: Report, contents: Contents | None, published: Checkpoint | None) -> Head | None:
    """Returns the head that everything else is checked against."""
    if contents is None:
        return Head(published.size, published.root, 0) if published else None
    heads = [contents.header.head, *(record.head for record in contents.records)]
    if published is None:
        return heads[0]
    found = next((head for head in heads if (head.size, head.root) == published.head), None)
    if found is None:
        if published.size > heads[-1].size:
            report.problem(contents.path, f"ends at {heads[-1].size} leaves, {published.size} were acknowledged")
        else:
            report.problem(report.directory / "checkpoint", "is of another log than the journal")
        return Head(published.size, published.root, 0)
    if found != heads[-1]:
        report.note(contents.path, f"{heads[-1].size - found.size} leaves are committed and not yet published")
    return found


def _check_names(report: Report) -> None:
    for path in sorted(report.directory.iterdir()):
        if path.name not in _KNOWN and not path.name.startswith(".tmp-"):
            report.problem(path, "does not belong here")

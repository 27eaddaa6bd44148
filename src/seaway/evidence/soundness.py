"""Payloads, people and index against the leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import EvidenceError, EvidenceInvalid
from seaway.evidence.enrolment import REGISTRY
from seaway.evidence.envelope import Envelope
from seaway.evidence.index import Index, Row
from seaway.evidence.keys import PublicKey
from seaway.evidence.leaf import leaf_parts
from seaway.evidence.ledger import Presence, Signed
from seaway.evidence.payloads import FIXED, Payloads
from seaway.evidence.people import People, Registration
from seaway.evidence.recovery import erased_rows, known_rows
from seaway.evidence.report import Report
from seaway.evidence.statement import Statement
from seaway.evidence.verify import read_signed, referred

Known = Sequence[bytes | None]
Envelopes = Mapping[tuple[bytes, bytes], Envelope]


@dataclass(frozen=True, slots=True)
class Found:
    """A leaf whose payload is here and whose signature holds."""

    index: int
    signed: Signed
    statement: Statement


def check_payloads(report: Report, payloads: Payloads) -> Envelopes:
    """Reports every blob that is not what its name says; returns the envelopes by what their leaves hold."""
    for name, data in FIXED.items():
        path = payloads.directory / name
        if report.tried(path, path.read_bytes) not in (None, data):
            report.problem(path, "is not what it should be")
    envelopes: dict[tuple[bytes, bytes], Envelope] = {}
    for path in _files(payloads.directory / "blobs" / "sha256"):
        envelope = report.tried(path, lambda path=path: _envelope(path))  # type: ignore[misc]
        if envelope is not None:
            envelopes[(Digest.of(envelope.signed_bytes).raw, envelope.signature)] = envelope
    for path in _files(payloads.directory / "erased"):
        report.tried(path, lambda path=path: payloads.erasure(_named(path)))  # type: ignore[misc]
    return envelopes


def check_leaves(report: Report, payloads: Payloads, leaves: Known, envelopes: Envelopes) -> list[Found]:
    """Reports leaves without payload or with a signature that does not hold; returns the others."""
    erased = set(_erased(payloads))
    found = []
    for index, leaf in enumerate(leaves):
        if leaf is None:
            continue
        digest, signature, spki = leaf_parts(leaf)
        envelope = envelopes.get((digest, signature))
        if envelope is None and (digest, signature) in erased:
            report.note(payloads.directory, f"the payload of leaf {index} was erased")
        elif envelope is None:
            report.problem(payloads.directory, f"the payload of leaf {index} is missing")
        else:
            signed = Signed(envelope, PublicKey.parse(spki))
            statement = report.tried(payloads.path(envelope.digest), lambda signed=signed: read_signed(signed))  # type: ignore[misc]
            if statement is not None:
                found.append(Found(index, signed, statement))
    return found


def check_people(report: Report, payloads: Payloads, found: Sequence[Found]) -> None:
    """Reports a key registry that does not fold; deeds of keys that may not say them are notes, and never count."""
    people = People(lambda digest: payloads.get(digest) if payloads.has(digest) else None)
    for item in found:
        statement = item.statement
        path = payloads.path(item.signed.envelope.digest)
        for digest in report.tried(path, lambda statement=statement: referred(statement)) or ():  # type: ignore[misc]
            if payloads.presence(digest) is Presence.UNAVAILABLE:
                report.problem(payloads.path(digest), f"is missing; leaf {item.index} refers to it")
        if statement.predicate_type in REGISTRY:
            registration = Registration(item.index, statement, item.signed.key)
            report.tried(path, lambda registration=registration: people.add(registration))  # type: ignore[misc]
            continue
        try:
            people.standing(item.signed.key.digest, item.index, statement)
        except EvidenceError as error:
            report.note(path, f"leaf {item.index} does not count: {error.says}")


def check_index(report: Report, payloads: Payloads, leaves: Known, found: Sequence[Found]) -> None:
    """Reports an index that is not what leaves and payloads say, though it is derived; notes one that lags behind."""
    path = report.directory / "index.sqlite"
    whole = [leaf for leaf in leaves if leaf is not None]
    if not path.exists() or len(whole) < len(leaves):
        return
    index = report.tried(path, lambda: Index.open(path, readonly=True))
    if index is None and path.with_name(f"{path.name}-journal").exists():
        report.note(path, "was being written when its writer ended; the next command that writes goes on")
        return
    if index is None:
        report.problem(path, "is damaged; it is derived: the next command that writes makes it anew")
        return
    rows = list(index.select({}, 0, len(whole)))
    index.close()
    known = {leaf_parts(whole[item.index])[:2]: _row(item) for item in found}
    expected = report.tried(payloads.directory, lambda: list(known_rows(known | dict(erased_rows(payloads)), whole)))
    if expected is None:
        return
    if rows != expected[: len(rows)]:
        report.problem(path, "says something else than the ledger; it is derived: delete it")
    elif len(rows) < len(expected):
        report.note(path, "lags behind; the next command that writes catches it up")


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.glob("*")):
        if not path.name.startswith(".tmp-"):
            yield path


def _named(path: Path) -> Digest:
    try:
        return Digest(path.name)
    except ValueError as error:
        raise EvidenceInvalid("does not belong here", where=path) from error


def _envelope(path: Path) -> Envelope | None:
    data = path.read_bytes()
    if Digest.of(data) != _named(path):
        raise EvidenceInvalid("the bytes have another digest", where=path)
    return Envelope.parse(data) if data.startswith(b'{"payload":') else None


def _erased(payloads: Payloads) -> Iterator[tuple[bytes, bytes]]:
    for digest in payloads.erased():
        try:
            record = payloads.erasure(digest)
        except EvidenceInvalid:
            continue  # reported with the tombstones
        if "pae" in record:
            yield bytes.fromhex(str(record["pae"])), bytes.fromhex(str(record["signature"]))


def _row(item: Found) -> Row:
    said, envelope = item.statement, item.signed.envelope.digest
    return Row(item.index, said.id.hex, said.predicate_type, said.subject.hex, item.signed.key.digest.hex, envelope.hex)

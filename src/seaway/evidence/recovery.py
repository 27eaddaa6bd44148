"""What each leaf is about, found again from payloads and tombstones when the index is lost.

A leaf holds hashes only, so every payload is read once and matched by what it hashes to. A leaf whose payload is gone
without a tombstone gets a row of no type and no subject: it answers no question, and nothing hides that it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.envelope import Envelope
from seaway.evidence.index import Row
from seaway.evidence.leaf import leaf_parts
from seaway.evidence.payloads import Payloads

_BEGINNING = b'{"payload":'
_NOBODY = "0" * 64
Known = Mapping[tuple[bytes, bytes], Row]


def recovered_rows(payloads: Payloads, leaves: Iterable[bytes]) -> Iterator[Row]:
    """Yields the row of each leaf in order."""
    yield from known_rows({**dict(_from_payloads(payloads)), **dict(erased_rows(payloads))}, leaves)


def known_rows(known: Known, leaves: Iterable[bytes]) -> Iterator[Row]:
    """Yields the row of each leaf in order, from what is known by PAE digest and signature."""
    for index, leaf in enumerate(leaves):
        digest, signature, spki = leaf_parts(leaf)
        lost = Row(index, hashlib.sha256(leaf).hexdigest(), "", _NOBODY, "", _NOBODY)
        yield replace(known.get((digest, signature), lost), leaf=index, key=Digest.of(spki).hex)


def row_of(index: int, envelope: Envelope, key: Digest) -> Row:
    """Returns the row of a leaf; raises EvidenceInvalid if the payload is no statement."""
    statement = envelope.statement()
    kind, subject = statement.predicate_type, statement.subject.hex
    return Row(index, statement.id.hex, kind, subject, key.hex, envelope.digest.hex)


def _from_payloads(payloads: Payloads) -> Iterator[tuple[tuple[bytes, bytes], Row]]:
    for digest in payloads.digests():
        try:
            data = payloads.get(digest)
            envelope = Envelope.parse(data) if data.startswith(_BEGINNING) else None
            row = row_of(0, envelope, digest) if envelope else None
        except EvidenceInvalid:
            continue  # not an envelope, or damaged: `inspection.py` says which
        if envelope and row:
            yield (hashlib.sha256(envelope.signed_bytes).digest(), envelope.signature), row


def erased_rows(payloads: Payloads) -> Iterator[tuple[tuple[bytes, bytes], Row]]:
    """Yields what tombstones say of leaves whose payload was erased."""
    for digest in payloads.erased():
        record = payloads.erasure(digest)
        if "leaf" in record:
            pae, signature = bytes.fromhex(str(record["pae"])), bytes.fromhex(str(record["signature"]))
            row = Row(0, str(record["id"]), str(record["type"]), str(record["subject"]), "", digest.hex)
            yield (pae, signature), row

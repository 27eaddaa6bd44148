"""What a stranger needs to verify a ledger's statements without Seaway: trusted root, public keys, Sigstore bundles.

    trusted_root.json · keys/<who>.pub · evidence/<leaf>-<type>.sigstore.json

A releaser's key is named by its environment, any other by its person; a second key of the same name by its digest too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from seaway.evidence.enrolment import KeyEnrolment
from seaway.evidence.notary import Notary
from seaway.evidence.roles import Role
from seaway.image.disk import disk_errors


def write_papers(notary: Notary, folder: Path) -> list[Path]:
    """Writes the files below a folder and returns them; raises StoreError where it cannot be written."""
    written = []
    for name, data in _papers(notary):
        path = folder / name
        with disk_errors(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        written.append(path)
    return written


def _papers(notary: Notary) -> Iterator[tuple[str, bytes]]:
    yield "trusted_root.json", json.dumps(notary.trusted_root(), indent=1).encode() + b"\n"
    taken: set[str] = set()
    for digest, held in notary.people.holdings.items():
        enrolment = held[-1].enrolment
        name = _name(enrolment)
        name = f"{name}-{digest.hex[:8]}" if name in taken else name
        taken.add(name)
        yield f"keys/{name}.pub", enrolment.public.to_pem()
    for one in notary.verified():
        kind = re.sub(r"[^a-z0-9]+", "-", one.statement.predicate_type.split("://")[-1].lower()).strip("-")
        yield f"evidence/{one.index:06}-{kind}.sigstore.json", notary.bundle(one.index)


def _name(enrolment: KeyEnrolment) -> str:
    if enrolment.roles == (Role.RELEASER,):
        return f"releaser-{enrolment.environments[0]}"
    return enrolment.person

"""Out of the network: a bundle in one file with its proof, and in again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seaway.bundle import Bundle
from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence.keys import PublicKey
from seaway.evidence.trust import Trust
from seaway.image.oci_archive import Root, archive_size, write_archive
from seaway.image.transfer import Pushed, Watch
from seaway.pipeline.choice import Choice
from seaway.pipeline.meant import chosen
from seaway.stages import acting, carrying, publishing
from seaway.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Parcel:
    """A bundle as it is to be written: how many bytes, how many proofs, and the blocks."""

    bundle: Bundle
    size: int
    proofs: int
    blocks: Iterator[bytes]


def export(space: Workspace, *, choice: Choice) -> Parcel:
    """Packs a bundle with its images, sources and all that the ledger proves about them, if there is one."""
    bundle = chosen(space, choice)
    roots: tuple[Root, ...]
    try:
        with space.reading() as notary:
            roots = carrying.load_up(space.store, bundle, notary, now=acting.now())
    except EvidenceMissing:
        roots = carrying.load_up(space.store, bundle, None, now=acting.now())
    proofs = len(roots) - 1 - len([root for root in roots if root.name and root.digest != bundle.digest])
    return Parcel(bundle, archive_size(space.store, roots), proofs, write_archive(space.store, roots))


def bring_in(space: Workspace, stream: BinaryIO, trust: Trust | None) -> carrying.Carried:
    """Takes a bundle into the store; with `trust`, only one that is released."""
    return carrying.take_in(space.store, stream, trust)


def deliver(space: Workspace, carried: carrying.Carried, *, watch: Watch | None = None) -> Pushed:
    """Sends what was brought in to the app's registry here, with its proofs."""
    return carrying.deliver(space.store, carried, publishing.repository(space), watch=watch)


def read_trust(root: Path, keys: Sequence[Path]) -> Trust:
    """Reads a trusted root and public keys from files; raises EvidenceInvalid, KeyRefused."""
    try:
        return Trust.read(root.read_bytes(), [PublicKey.from_pem(key.read_bytes(), where=key) for key in keys])
    except OSError as error:
        raise EvidenceInvalid(f"cannot be read: {error.strerror}", where=error.filename or root) from error

"""What the ledger knows of a bundle and its images, attached to them in the registry, for stock tools to verify.

Rules: only statements that count; each as a Sigstore bundle with its proof, a referrer of its subject; evidence of all
subjects first and what says "released" last, so that what is half published does not verify. What is there already and
verifies is left; what others have attached is neither believed nor touched. Formats: evidence.md section 5.

Not here: sending images (`publishing.py`), what a statement says (`evidence`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seaway.bundle import Bundle
from seaway.digest import Digest, canonical
from seaway.errors import DigestMismatch, EvidenceInvalid, EvidenceMissing, RegistryError
from seaway.evidence import sigstore
from seaway.evidence.envelope import Envelope
from seaway.evidence.ledger import Signed
from seaway.evidence.notary import Notary
from seaway.evidence.shape import write_time
from seaway.evidence.statement import PredicateType
from seaway.evidence.strictjson import read_json
from seaway.evidence.verify import Verified
from seaway.image.layout import Layout, descriptor_of
from seaway.image.model import MANIFEST, Descriptor
from seaway.image.referrers import Referrer, attach, list_referrers
from seaway.image.registry import Registry, read_object
from seaway.image.upload import Upload

EMPTY = "application/vnd.oci.empty.v1+json"
LARGEST = 4 << 20
_LAST = (PredicateType.RELEASE,)


@dataclass(frozen=True, slots=True)
class Proved:
    """What came of publishing the statements about one digest: how many were there, how many are new."""

    subject: Digest
    known: int
    added: int


def prove(store: Layout, notary: Notary, registry: Registry, bundle: Bundle, *, now: datetime) -> tuple[Proved, ...]:
    """Attaches all statements that count to the bundle and its images; the subjects must be in the repository."""
    desks = [_Desk(store, notary, registry, subject, now) for subject in subjects_of(bundle)]
    wanted = [(desk, desk.missing()) for desk in desks]
    for desk, missing in wanted:
        desk.attach([one for one in missing if one.statement.predicate_type not in _LAST])
    for desk, missing in wanted:
        desk.attach([one for one in missing if one.statement.predicate_type in _LAST])
    return tuple(Proved(desk.subject, len(desk.verified) - len(missing), len(missing)) for desk, missing in wanted)


def subjects_of(bundle: Bundle) -> list[Digest]:
    """Returns what statements of a release are about: the bundle, then its images by digest."""
    return [bundle.digest, *sorted({image.digest for image in bundle.images.values()})]


def in_order(statements: Iterable[Verified]) -> list[Verified]:
    """Returns statements in the order in which they are published: by leaf, and what says "released" last."""
    return sorted(statements, key=lambda one: (one.statement.predicate_type in _LAST, one.index))


def subject_in(store: Layout, digest: Digest) -> Descriptor:
    """Returns the descriptor of a subject that is in the store."""
    return Descriptor(str(store.manifest(digest)["mediaType"]), digest, store.size(digest))


def referrer(subject: Descriptor, data: bytes, predicate_type: str, now: datetime) -> bytes:
    """Returns the manifest by which a Sigstore bundle refers to its subject (cosign's bundle specification)."""
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": sigstore.MEDIA_TYPE,
            "config": Descriptor(EMPTY, Digest.of(b"{}"), 2).json(),
            "layers": [Descriptor(sigstore.MEDIA_TYPE, Digest.of(data), len(data)).json()],
            "subject": subject.json(),
            "annotations": {
                "org.opencontainers.image.created": write_time(now),
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": predicate_type,
            },
        }
    )


class _Desk:
    """One subject in one repository, and what is said about it."""

    def __init__(self, store: Layout, notary: Notary, registry: Registry, subject: Digest, now: datetime) -> None:
        self.subject = subject
        self.verified = notary.verified(subject=subject)
        self._store, self._notary, self._registry, self._now = store, notary, registry, now

    def missing(self) -> list[Verified]:
        """Returns the statements that no referrer proves yet, by leaf."""
        listed = list_referrers(self._registry, self.subject)
        proved = {found for one in listed if (found := self._proved_by(one))} if self.verified else set()
        return [one for one in self.verified if one.envelope not in proved]

    def attach(self, statements: list[Verified]) -> None:
        """Sends Sigstore bundles and the manifests that refer by them to the subject."""
        if not statements:
            return
        bundles = [(one, self._notary.bundle(one.index)) for one in statements]
        for data in (b"{}", *(data for _, data in bundles)):
            self._send(data)
        subject = subject_in(self._store, self.subject)
        manifests = [referrer(subject, data, one.statement.predicate_type, self._now) for one, data in bundles]
        attach(self._registry, self.subject, manifests)

    def _send(self, data: bytes) -> None:
        blob = Descriptor(EMPTY, self._store.put(data), len(data))
        if not self._registry.has(blob):
            Upload(self._registry, blob, lambda: self._store.open(blob.digest)).send()

    def _proved_by(self, one: Referrer) -> Digest | None:
        """Returns the envelope that a referrer proves to be in this ledger, None for anything else."""
        try:
            manifest = read_object(self._registry.read_manifest(str(one.descriptor.digest)), self.subject)
            data = self._registry.read_blob(_only_layer(manifest), limit=LARGEST)
            envelope = _envelope(data)
            mine = next((each for each in self.verified if each.envelope == envelope.digest), None)
            if mine is None:
                return None
            key = _signed(self._notary, mine.index).key
            sigstore.Bundle.parse(data, key).verify(self._notary.ledger.key)
        except (DigestMismatch, EvidenceInvalid, RegistryError, ValueError, KeyError, TypeError):
            return None  # somebody else's, damaged or hostile: ours is attached beside it
        return mine.envelope


def _signed(notary: Notary, index: int) -> Signed:
    entry = next(iter(notary.ledger.entries(from_index=index)), None)
    if entry is None or entry.signed is None:
        raise EvidenceMissing("the statement cannot be read", where=f"leaf {index}")
    return entry.signed


def _only_layer(manifest: Mapping[str, Any]) -> Descriptor:
    if manifest.get("artifactType") != sigstore.MEDIA_TYPE or len(manifest["layers"]) != 1:
        raise EvidenceInvalid("not one Sigstore bundle", where="layers")
    return descriptor_of(manifest["layers"][0])


def _envelope(data: bytes) -> Envelope:
    document = read_json(data, where="bundle")
    if not isinstance(document, dict):
        raise EvidenceInvalid("not a Sigstore bundle", where="bundle")
    return Envelope.from_json(document.get("dsseEnvelope"))

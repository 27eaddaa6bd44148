"""A bundle in one file, for a site that no network reaches: its images, its sources and what proves it.

Rules: the file is an OCI layout as a tar (`image/oci_archive.py`), so stock tools read it too; proofs are referrers in
it, evidence first and the release last. Bringing it in checks every byte; with a trusted root and keys it also checks
that somebody trusted says the bundle passed its gates and each of its images is released, before anything of it has a
name here. Not here: what the statements are (`proving.py`), a registry (`publishing.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seaway.bundle import BUNDLE, Bundle, read_bundle
from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, EvidenceMissing, StoreError
from seaway.evidence import sigstore
from seaway.evidence.notary import Notary
from seaway.evidence.statement import PredicateType, Statement
from seaway.evidence.trust import Trust
from seaway.image.archive import Readable
from seaway.image.layout import Layout, descriptor_of
from seaway.image.oci_archive import Root, read_archive
from seaway.image.referrers import attach
from seaway.image.registry import Registry
from seaway.image.transfer import Pushed, Watch, push
from seaway.stages.proving import in_order, referrer, subject_in, subjects_of


@dataclass(frozen=True, slots=True)
class Carried:
    """What came in: the bundle, the manifests of its proofs in order, and how many of them somebody trusted signed."""

    bundle: Bundle
    proofs: tuple[Digest, ...]
    verified: int


def load_up(store: Layout, bundle: Bundle, notary: Notary | None, *, now: datetime) -> tuple[Root, ...]:
    """Returns what an archive of a bundle is of: the bundle, its images by name, and each statement that counts."""
    images = {image.digest: f"{bundle.app}/{service}:{bundle.short}" for service, image in bundle.images.items()}
    own = [Root(digest, name) for digest, name in sorted(images.items()) if store.manifest(digest).get("config")]
    proofs = () if notary is None else tuple(_proofs(store, bundle, notary, now))
    return (Root(bundle.digest, bundle.short, BUNDLE), *own, *proofs)


def take_in(store: Layout, stream: Readable, trust: Trust | None) -> Carried:
    """Brings an archive in and names its bundle in the store.

    Raises StoreError for a damaged archive or one without a bundle, EvidenceMissing where `trust` finds no release.
    """
    roots = read_archive(stream, store)
    found = [root for root in roots if root.artifact_type == BUNDLE]
    if len(found) != 1:
        raise StoreError(f"the archive holds {len(found)} bundles", hint="seaway bundle export DIGEST FILE")
    bundle = read_bundle(store, found[0].digest)
    proofs = tuple(root.digest for root in roots if root.artifact_type == sigstore.MEDIA_TYPE)
    said = () if trust is None else tuple(_said(store, proofs, trust))
    if trust is not None:
        require_released(bundle, said)
    store.add_manifest(store.get(bundle.digest))
    return Carried(bundle, proofs, len(said))


def deliver(store: Layout, carried: Carried, registry: Registry, *, watch: Watch | None = None) -> Pushed:
    """Sends what came in to a registry of the site, with its proofs attached."""
    done = push(registry, carried.bundle.digest, store, watch=watch)
    for proof in carried.proofs:
        body = store.manifest(proof)
        push(registry, proof, store)
        attach(registry, descriptor_of(body["subject"]).digest, [store.get(proof)])
    return done


def require_released(bundle: Bundle, said: Sequence[Statement]) -> None:
    """Raises EvidenceMissing unless the bundle passed its gates and each of its images is released, as was said."""
    passed = {one.subject for one in said if _is_passed(one)}
    if bundle.digest not in passed:
        raise EvidenceMissing("nobody trusted says that the bundle passed its gates", where=bundle.digest)
    released = {one.subject for one in said if one.predicate_type == PredicateType.RELEASE}
    for service, image in bundle.images.items():
        if image.digest not in released:
            raise EvidenceMissing(f"nobody trusted says that {service} is released", where=image.digest)


def _is_passed(statement: Statement) -> bool:
    is_decision = statement.predicate_type == PredicateType.DECISION
    return is_decision and statement.predicate.get("verificationResult") == "PASSED"


def _proofs(store: Layout, bundle: Bundle, notary: Notary, now: datetime) -> Iterator[Root]:
    store.put(b"{}")
    verified = [one for subject in subjects_of(bundle) for one in notary.verified(subject=subject)]
    for one in in_order(verified):
        data = notary.bundle(one.index)
        store.put(data)
        manifest = referrer(subject_in(store, one.statement.subject), data, one.statement.predicate_type, now)
        yield Root(store.put(manifest), artifact_type=sigstore.MEDIA_TYPE)


def _said(store: Layout, proofs: Sequence[Digest], trust: Trust) -> Iterator[Statement]:
    """Yields the statements that somebody trusted signed, each about the subject that its manifest names."""
    for proof in proofs:
        body = store.manifest(proof)
        try:
            statement = trust.verify(store.get(_only_layer(body)))
        except EvidenceInvalid:
            continue  # by somebody else, or nobody: it says nothing here
        if statement.subject == descriptor_of(body["subject"]).digest:
            yield statement


def _only_layer(body: dict[str, Any]) -> Digest:
    if len(body.get("layers", ())) != 1:
        raise EvidenceInvalid("not one Sigstore bundle", where="layers")
    return descriptor_of(body["layers"][0]).digest

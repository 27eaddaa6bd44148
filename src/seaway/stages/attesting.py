"""What was built, said in signed statements: provenance, bill of materials, models and data of each image.

A tree with changes that are not committed has no commit, so its provenance names none and the gate says so. Statements
about the same bytes are said once: the ledger answers a repeat with the first leaf.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from seaway.digest import Digest
from seaway.evidence.deeds import (
    Attester,
    BuildDefinition,
    Builder,
    ModelSignature,
    Provenance,
    Reference,
    Resource,
    RunDetails,
)
from seaway.evidence.ledger import Acknowledgement
from seaway.evidence.notary import Notary
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType, Statement
from seaway.image.service import BuiltService
from seaway.stages.acting import actor
from seaway.stages.building import BuiltBundle
from seaway.workspace import Workspace

NATIVE = "https://seaway.dev/build/native/v1"
_INLINE = 1 << 20


def can_attest(space: Workspace) -> bool:
    """Tells whether there is a ledger and a builder's key here."""
    if not space.place.ledger.is_dir():
        return False
    with space.reading() as notary:
        return space.keyring.holds(Role.BUILDER, notary.people)


def attest(
    space: Workspace, notary: Notary, built: BuiltBundle, *, named: str | None = None
) -> tuple[Acknowledgement, ...]:
    """Signs and records what is known about each native image, under one sync."""
    builder = actor(space, notary, Role.BUILDER, named=named)
    statements = [statement for one in built.services for statement in _statements(space, notary, one, builder.id)]
    fresh = [statement for statement in statements if not _said(notary, statement)]
    return notary.append_all([(statement, builder.signer) for statement in fresh])


def _said(notary: Notary, statement: Statement) -> bool:
    """Tells whether the newest statement of this type about the subject says the same."""
    known = notary.verified(subject=statement.subject, predicate_type=statement.predicate_type)
    return bool(known) and known[-1].statement.predicate == statement.predicate


def _statements(space: Workspace, notary: Notary, one: BuiltService, person: str) -> Iterator[Statement]:
    image = one.built.image.digest
    yield _provenance(one, person, _licences(space)).about(image)
    yield _bill(space.store.get(one.built.sbom), notary, image, person)
    for label, material in one.materials.items():
        files = {file.path: Digest(file.content.sha256) for file in material.files}
        if label.startswith("model/"):
            yield ModelSignature.over(files).about(material.root)


def _provenance(one: BuiltService, person: str, licences: Mapping[str, str]) -> Provenance:
    parameters: dict[str, object] = {
        "service": one.service,
        "platforms": [str(one.built.image.platform)],
        "lock": {name: str(digest) for name, digest in sorted(one.lock.inputs.items())},
    }
    definition = BuildDefinition(
        build_type=NATIVE, external_parameters=parameters, resolved_dependencies=tuple(_dependencies(one, licences))
    )
    return Provenance(build_definition=definition, run_details=RunDetails(builder=Builder(id=person)))


def _licences(space: Workspace) -> dict[str, str]:
    """Returns the licences that the app's references declare, by uri."""
    return {keys.uri: keys.licence for keys in space.base.extension.references.values() if keys.licence}


def _dependencies(one: BuiltService, licences: Mapping[str, str]) -> Iterator[Resource]:
    if one.source.commit and not one.source.is_dirty:
        yield Resource(name="source", uri="git+file:.", digest={"gitCommit": one.source.commit})
    base = one.lock.base.base
    yield Resource.named(base.reference, base.digest)
    for wheel in one.lock.wheels:
        yield Resource.named(wheel.filename, wheel.sha256)
    for label, material in one.materials.items():
        declared = {"licence": licences[material.uri]} if material.uri in licences else None
        yield Resource(name=label, uri=material.uri, digest={"sha256": material.root.hex}, annotations=declared)


def _bill(document: bytes, notary: Notary, image: Digest, person: str) -> Statement:
    """Returns the SBOM as the predicate itself, or by reference where it is over a mebibyte."""
    if len(document) <= _INLINE:
        return Statement.about(image, PredicateType.CYCLONEDX, json.loads(document))
    stored = notary.payloads.put(document)
    resource = Resource(name="sbom", digest={"sha256": stored.hex}, media_type="application/vnd.cyclonedx+json")
    return Reference(attester=Attester(id=person), references=(resource,)).about(image)

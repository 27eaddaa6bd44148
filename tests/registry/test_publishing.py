"""What is attached to a released bundle: everything that counts, once, the release last, whatever others attached."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import RegistryError
from seaway.evidence import sigstore
from seaway.evidence.progress import Promotion
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType, Statement
from seaway.image.layout import Layout
from seaway.image.model import MANIFEST, Descriptor
from seaway.image.referrers import attach, list_referrers
from seaway.image.registry import Registry
from seaway.image.transfer import push
from seaway.image.upload import Upload
from seaway.stages.proving import prove, referrer
from seaway.stages.publishing import bundle_tag
from tests.evidence.world import START, World
from tests.fakes.registry import FakeRegistry
from tests.fakes.web import Reply, Request, serve
from tests.registry.conftest import Place
from tests.registry.released import Released
from tests.registry.test_upload import repository

pytestmark = pytest.mark.rootless


@pytest.fixture
def released(store: Layout, tmp_path: Path) -> Released:
    """Returns a release about which all is said and nothing published."""
    made = Released(store, World(tmp_path / "world"), tmp_path)
    with made.world.open() as notary:
        made.test(notary)
        made.release(notary)
    return made


def publish(released: Released, registry: Registry) -> dict[Digest, tuple[int, int]]:
    """Publishes and returns, by subject, how many statements were there and how many came."""
    push(registry, released.bundle.digest, released.store)
    with released.world.read() as notary:
        done = prove(released.store, notary, registry, released.bundle, now=START)
    return {one.subject: (one.known, one.added) for one in done}


def predicates(registry: Registry, subject: Digest) -> list[str]:
    """Returns the types of what is attached to a subject, from the bundles themselves."""
    found = []
    for one in list_referrers(registry, subject):
        body = json.loads(registry.read_manifest(str(one.descriptor.digest)))
        layer = body["layers"][0]
        data = registry.read_blob(Descriptor("", Digest.parse(layer["digest"]), layer["size"]), limit=1 << 20)
        bundle = json.loads(data)
        assert bundle["mediaType"] == body["artifactType"] == sigstore.MEDIA_TYPE
        found.append(body["annotations"]["dev.sigstore.bundle.predicateType"])
    return sorted(found)


def test_each_statement_is_attached_to_its_subject(place: Place, released: Released) -> None:
    """The good image, the bad one and the bundle carry what is known of each."""
    registry = place.repository()
    done = publish(released, registry)
    counts = {released.good.digest: (0, 5), released.bad.digest: (0, 3), released.bundle.digest: (0, 2)}
    assert done == counts
    facts = [PredicateType.PROVENANCE, PredicateType.CYCLONEDX, PredicateType.TEST_RESULT]
    assert predicates(registry, released.bad.digest) == sorted(facts)
    assert predicates(registry, released.good.digest) == sorted([*facts, PredicateType.RELEASE, PredicateType.DECISION])


def test_publishing_again_adds_only_what_is_new(place: Place, released: Released) -> None:
    """Proofs at a larger tree are no news; a new statement is."""
    publish(released, place.repository())
    with released.world.open() as notary:
        released.world.clock.now += timedelta(hours=1)
        released.say(notary, Role.OPERATOR, _promoted_again(released))
    assert publish(released, place.repository()) == {
        released.good.digest: (5, 0),
        released.bad.digest: (3, 0),
        released.bundle.digest: (2, 1),
    }
    assert len(list_referrers(place.repository(), released.good.digest)) == 5


def _promoted_again(released: Released) -> Statement:
    later = Promotion(source="", target="production", decision=Digest.of(b"d"), at=START, person="p-operator")
    return later.about(released.bundle.digest)


def test_the_release_is_written_last(memory: FakeRegistry, released: Released) -> None:
    """Everything else that is attached to anything stands before the first word of a release."""
    publish(released, repository(memory))
    written = [
        json.loads(request.body)["annotations"]["dev.sigstore.bundle.predicateType"]
        for request in memory.web.seen
        if request.method == "PUT" and b"dev.sigstore.bundle.content" in request.body
    ]
    assert written.index(PredicateType.RELEASE) == len(written) - 1


def test_what_is_half_published_is_no_release(memory: FakeRegistry, released: Released) -> None:
    """A registry that fails in between holds evidence and no release; the next run adds the rest."""
    real, left = memory.answer, [3]

    def answer(request: Request) -> Reply:
        if request.method == "PUT" and b"dev.sigstore.bundle.content" in request.body:
            left[0] -= 1
            if left[0] < 0:
                return Reply(403, b'{"errors":[{"code":"DENIED"}]}')
        return real(request)

    with serve(answer) as front:
        memory.web = front
        with pytest.raises(RegistryError, match="DENIED"):
            publish(released, repository(memory))
        assert PredicateType.RELEASE not in predicates(repository(memory), released.good.digest)
        left[0] = 100
        publish(released, repository(memory))
        assert predicates(repository(memory), released.good.digest).count(PredicateType.RELEASE) == 1


@pytest.mark.parametrize("data", [b"{}", b"not json", b'{"dsseEnvelope":{"payload":"e30="}}', b"[]"])
def test_poisoned_referrer(place: Place, released: Released, data: bytes) -> None:
    """What others attach, also under our type, neither counts for ours nor stops it."""
    registry = place.repository()
    push(registry, released.bundle.digest, released.store)
    subject = Descriptor(MANIFEST, released.good.digest, released.store.size(released.good.digest))
    poison = referrer(subject, data, PredicateType.RELEASE, START)
    for part in (data, b"{}"):
        blob = Descriptor("", released.store.put(part), len(part))
        if not registry.has(blob):
            Upload(registry, blob, lambda blob=blob: released.store.open(blob.digest)).send()  # type: ignore[misc]
    attach(registry, released.good.digest, [poison])
    assert publish(released, registry)[released.good.digest] == (0, 5)


def test_a_bundle_with_another_proof_does_not_count(memory: FakeRegistry, released: Released) -> None:
    """The right statement beside a proof that is not of this ledger is attached again."""
    registry = repository(memory)
    publish(released, registry)
    manifests = memory.repositories["app"].manifests
    for digest, data in list(manifests.items()):
        body = json.loads(data)
        if body.get("annotations", {}).get("dev.sigstore.bundle.predicateType") == PredicateType.RELEASE:
            layer = body["layers"][0]["digest"]
            broken = memory.blobs.pop(layer).replace(b'"treeSize":"', b'"treeSize":"9')
            memory.blobs[str(Digest.of(broken))] = broken
            body["layers"][0] |= {"digest": str(Digest.of(broken)), "size": len(broken)}
            manifests.pop(digest)
            manifests[str(Digest.of(canonical(body)))] = canonical(body)
    assert publish(released, repository(memory))[released.good.digest] == (4, 1)


@pytest.mark.parametrize(
    ("version", "tag"),
    [
        ("v1.2.0", "v1.2.0-" + "a" * 12),
        ("20260301-abc1234-dirty", "20260301-abc1234-dirty-" + "a" * 12),
        ("release/1+2", "release-1-2-" + "a" * 12),
        ("..", "0-" + "a" * 12),
        ("x" * 200, "x" * 115 + "-" + "a" * 12),
    ],
)
def test_a_bundle_has_one_tag_that_registries_take(version: str, tag: str) -> None:
    """A version as version control has it, and twelve digits of the digest."""
    assert bundle_tag(version, Digest("a" * 64)) == tag

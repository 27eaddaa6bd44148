"""A small release to publish: two images and a bundle in a store, people with keys, and what they said about them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seaway.bundle import Bundle, ImageReference, Role, SourceFile, make_bundle
from seaway.digest import Digest
from seaway.evidence.deeds import (
    BuildDefinition,
    Builder,
    Outcome,
    Provenance,
    Resource,
    RunDetails,
    TestResult,
)
from seaway.evidence.keys import PrivateKey
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Decision, Promotion, Release, Result, Verifier
from seaway.evidence.roles import Role as Signs
from seaway.evidence.statement import PredicateType, Statement
from seaway.image.layout import Layout
from seaway.image.model import Image
from tests.evidence.world import START, World
from tests.registry.conftest import make_image

ENVIRONMENT = "production"


@dataclass
class Released:
    """A bundle of a good image, which is released, and a bad one, of which only a failed test is known."""

    store: Layout
    world: World
    folder: Path
    keys: dict[Signs, PrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Makes images, bundle and people."""
        self.good, self.bad = make_image(self.store, "good"), make_image(self.store, "bad")
        sources = [SourceFile("compose.yaml", Role.COMPOSE, b"services: {}\n")]
        images = {"api": self.named(self.good), "worker": self.named(self.bad)}
        self.bundle: Bundle = make_bundle("shop", images, sources=sources, references={}, store=self.store)
        with self.world.found() as notary:
            for role in (Signs.BUILDER, Signs.TESTER, Signs.OPERATOR):
                self.keys[role] = self.world.enrol(notary, f"p-{role}", role)
            self.keys[Signs.RELEASER] = self.world.enrol(notary, "p-release", Signs.RELEASER, environment=ENVIRONMENT)

    def named(self, image: Image) -> ImageReference:
        """Returns an image as the bundle names it."""
        return ImageReference(image.digest, self.store.size(image.digest))

    def say(self, notary: Notary, role: Signs, *statements: Statement) -> None:
        """Records statements by the key of a role."""
        notary.append_all([(statement, self.keys[role]) for statement in statements])

    def test(self, notary: Notary) -> None:
        """Says how both were built and tested: the bad one failed."""
        for image, outcome in ((self.good, Outcome.PASSED), (self.bad, Outcome.FAILED)):
            self.say(notary, Signs.BUILDER, provenance().about(image.digest), bill(image.digest))
            self.say(notary, Signs.TESTER, result(outcome).about(image.digest))

    def release(self, notary: Notary) -> None:
        """Says that the good image is released and the bundle promoted."""
        decided = verdict().about(self.bundle.digest)
        deeds = [decided, verdict().about(self.good.digest), Release().about(self.good.digest)]
        self.say(notary, Signs.RELEASER, *deeds)
        promoted = Promotion(source="", target=ENVIRONMENT, decision=decided.id, at=START, person="p-operator")
        self.say(notary, Signs.OPERATOR, promoted.about(self.bundle.digest))

    def write_trust(self, notary: Notary) -> None:
        """Writes what a verifier needs and gets from us, not from the registry: trusted root and public keys."""
        (self.folder / "trusted_root.json").write_text(json.dumps(notary.trusted_root()))
        for role, key in self.keys.items():
            (self.folder / f"{role}.pub").write_bytes(key.public.to_pem())
        (self.folder / "stranger.pub").write_bytes(PrivateKey.generate().public.to_pem())


def provenance() -> Provenance:
    """Returns how an image was built."""
    definition = BuildDefinition(
        build_type="https://seaway.dev/build/native/v1", external_parameters={"service": "api"}
    )
    return Provenance(build_definition=definition, run_details=RunDetails(builder=Builder(id="p-builder")))


def bill(image: Digest) -> Statement:
    """Returns what is in an image."""
    return Statement.about(
        image, PredicateType.CYCLONEDX, {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    )


def result(outcome: Outcome) -> TestResult:
    """Returns what a suite of one test came to."""
    names = {Outcome.PASSED: "passed_tests", Outcome.FAILED: "failed_tests"}
    found: dict[str, Iterable[str]] = {names[outcome]: ("answers",)}
    suite: dict[str, object] = {"name": "smoke", "kind": "test", "environment": "staging"}
    return TestResult(result=outcome, configuration=(), seaway_suite=suite, **found)  # type: ignore[arg-type]


def verdict() -> Decision:
    """Returns a gate's verdict: it opened."""
    return Decision(
        verifier=Verifier(id="https://seaway.dev", version={"seaway": "1"}),
        time_verified=START,
        resource_uri="pkg:oci/shop",
        policy=Resource.named("policy", Digest.of(b"policy")),
        input_attestations=(),
        verification_result=Result.PASSED,
        verified_levels=("SLSA_BUILD_LEVEL_1",),
        seaway_decision={"environment": ENVIRONMENT},
    )

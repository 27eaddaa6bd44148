"""Containerize, and run on this machine."""

from __future__ import annotations

from seaway.errors import UsageError
from seaway.image.lockfile import Lock
from seaway.pipeline.choice import UNCHOSEN, Choice, Say
from seaway.stages import attesting, building, cluster, deciding, running
from seaway.stages.built import last_bundle
from seaway.workspace import Workspace


def lock(space: Workspace, say: Say, *, upgrade: bool = False) -> Lock:
    """Pins what each native image is made of."""
    return building.lock_all(space, say, upgrade=upgrade)


def build(space: Workspace, say: Say, *, frozen: bool = False, choice: Choice = UNCHOSEN) -> building.BuiltBundle:
    """Builds images and bundle, and signs what is known of them where a builder's key is at hand."""
    built = building.build_all(space, say, frozen=frozen)
    if choice.key or attesting.can_attest(space):
        with space.notary() as notary:
            said = attesting.attest(space, notary, built, named=choice.key)
            say("attest", f"{len(said)} statements")
    return built


def up(space: Workspace, environment: str, say: Say, *, built: bool = True) -> running.Up:
    """Builds what changed and runs it at once; a gated environment takes releases, never `up`."""
    if deciding.gates_of(space, environment) is not None:
        raise UsageError(
            f"{environment} has gates", hint=f"seaway promote {environment}, then seaway release {environment}"
        )
    on_cluster = cluster.is_cluster(space, environment)
    if not on_cluster:
        running.require_suitable(space, environment)
    bundle = build(space, say).bundle if built else last_bundle(space)
    if on_cluster:
        return cluster.up(space, environment, bundle, say)
    return running.up(space, environment, bundle, say)

"""Which bundle is meant."""

from __future__ import annotations

from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.evidence.notary import Notary
from seaway.pipeline.choice import Choice
from seaway.stages import built, deciding
from seaway.workspace import Workspace


def chosen(space: Workspace, choice: Choice) -> Bundle:
    """Returns the bundle that is named, else the one built last."""
    if choice.bundle is None:
        return built.last_bundle(space)
    return built.find_bundle(space, choice.bundle)


def releasable(space: Workspace, notary: Notary, environment: str, choice: Choice) -> Bundle:
    """Returns the bundle to release: where there are gates, one that was granted."""
    if deciding.gates_of(space, environment) is None:
        return chosen(space, choice)
    digest = deciding.granted(notary, environment)
    if choice.bundle is None and digest is None:
        raise deciding.missing(environment)
    bundle = chosen(space, choice) if choice.bundle else built.open_bundle(space, digest or Digest.of(b""))[0]
    deciding.require_granted(notary, environment, bundle)
    return bundle

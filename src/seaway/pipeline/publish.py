"""Into the registry: a bundle that was built, a released bundle with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.bundle import Bundle
from seaway.image.transfer import Pushed, Watch
from seaway.pipeline.choice import Choice
from seaway.pipeline.meant import releasable
from seaway.stages import acting, proving, publishing
from seaway.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Published:
    """A released bundle in a registry, and the statements attached to it and to each of its images."""

    bundle: Bundle
    repository: str
    pushed: Pushed
    proved: tuple[proving.Proved, ...]


def require_registry(space: Workspace) -> None:
    """Raises UsageError where nothing says which registry things go to."""
    publishing.repository(space)


def push(space: Workspace, bundle: Bundle, *, watch: Watch | None = None) -> publishing.Sent:
    """Sends a bundle with its images to the app's registry, under its one tag."""
    return publishing.send_tagged(space, bundle, watch=watch)


def publish(space: Workspace, environment: str, *, choice: Choice, watch: Watch | None = None) -> Published:
    """Sends what was promoted to an environment, then every statement that counts about it, the release last."""
    registry = publishing.repository(space)
    with space.reading() as notary:
        bundle = releasable(space, notary, environment, choice)
        pushed = publishing.send(space, registry, bundle, watch=watch)
        proved = proving.prove(space.store, notary, registry, bundle, now=acting.now())
    name = f"{registry.reference.host}/{registry.reference.repository}"
    return Published(bundle, name, pushed, proved)

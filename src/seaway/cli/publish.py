"""`seaway publish`: what was promoted, in the registry with its proof."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.pipeline import publish
from seaway.pipeline.choice import Choice


@command("publish")
@click.argument("environment")
@chooses("bundle")
def publish_(output: Output, environment: str, choice: Choice) -> None:
    """Send the bundle promoted to ENVIRONMENT to x-seaway.registry.push, and attach what the ledger proves of it.

    Each statement becomes a Sigstore bundle attached to the bundle or the image it is about, so that cosign verifies
    it offline, with the ledger's trusted root (seaway ledger export). Publishing again adds only what is new.
    """
    space = workspace()
    with output.progress("publish") as watch:
        done = publish.publish(space, space.environment(environment), choice=choice, watch=watch)
    output.data(published_json(done), published_text(output, done))


def published_json(done: publish.Published) -> dict[str, object]:
    """Returns what was published as JSON."""
    return {
        "bundle": str(done.bundle.digest),
        "repository": done.repository,
        "sent": done.pushed.sent,
        "blobs": {str(how): count for how, count in done.pushed.blobs.items()},
        "subjects": [{"digest": str(one.subject), "known": one.known, "added": one.added} for one in done.proved],
    }


def published_text(output: Output, done: publish.Published) -> str:
    """Returns what was published for people: the digests to verify, and how many statements each carries."""
    names = {image.digest: service for service, image in done.bundle.images.items()} | {done.bundle.digest: "bundle"}
    rows = [
        (names[one.subject], f"{done.repository}@{one.subject}", one.known + one.added, one.added)
        for one in done.proved
    ]
    return output.table(rows, ("what", "where", "statements", "new"))

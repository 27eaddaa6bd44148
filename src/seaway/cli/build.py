"""`seaway build`: reproducible images, one bundle, signed where a key is at hand."""

from __future__ import annotations

import click

from seaway.bundle import Bundle
from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output, size_text
from seaway.findings import Finding
from seaway.pipeline import make, publish
from seaway.pipeline.choice import Choice
from seaway.stages import publishing
from seaway.workspace import Workspace


@command("build")
@click.option("--locked", is_flag=True, help="Refuse a seaway.lock that is not fresh, as CI should.")
@click.option(
    "--push", is_flag=True, help="Send images and bundle to x-seaway.registry.push, under one tag that never moves."
)
@chooses("key")
def build_(output: Output, locked: bool, push: bool, choice: Choice) -> None:
    """Build every native image and name all of the app by one bundle digest.

    The same sources and lock give the same digests on any machine: no daemon, no root, nothing of the app executed.
    Where a builder's key is at hand, provenance and bill of materials of each image are signed and recorded.
    """
    space = workspace()
    if push:
        publish.require_registry(space)  # a registry that nothing names is said before anything is built
    built = make.build(space, teller(output), frozen=locked, choice=choice)
    sent = _push(output, space, built.bundle) if push else None
    rows = [
        (service, str(image.digest), len(image.layers), size_text(sum(layer.descriptor.size for layer in image.layers)))
        for service, image in sorted(built.images.items())
    ]
    findings: list[Finding] = [finding for one in built.services for finding in one.built.findings]
    output.data(
        {
            "bundle": str(built.bundle.digest),
            "commit": built.commit or None,
            "images": {service: digest for service, digest, _, _ in rows},
            **({"pushed": f"{sent.repository}:{sent.tag}", "sent": sent.pushed.sent} if sent else {}),
        },
        output.table(rows, ("image", "digest", "layers", "size"))
        + f"\nbundle  {built.bundle.digest}"
        + (f"\npushed  {sent.repository}:{sent.tag}" if sent else ""),
    )
    for finding in findings:
        output.say(str(finding))


def _push(output: Output, space: Workspace, bundle: Bundle) -> publishing.Sent:
    with output.progress("push") as watch:
        sent = publish.push(space, bundle, watch=watch)
    output.say(f"pushed    {sent.pushed}")
    return sent

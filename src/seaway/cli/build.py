"""`seaway build`: reproducible images, one bundle, signed where a key is at hand."""

from __future__ import annotations

import click

from seaway.cli.frame import chooses, command, teller
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.errors import NotYet
from seaway.findings import Finding
from seaway.pipeline import make
from seaway.pipeline.choice import Choice


@command("build")
@click.option("--locked", is_flag=True, help="Refuse a seaway.lock that is not fresh, as CI should.")
@click.option("--push", is_flag=True, help="Send images and bundle to x-seaway.registry.push.")
@chooses("key")
def build_(output: Output, locked: bool, push: bool, choice: Choice) -> None:
    """Build every native image and name all of the app by one bundle digest.

    The same sources and lock give the same digests on any machine: no daemon, no root, nothing of the app executed.
    Where a builder's key is at hand, provenance and bill of materials of each image are signed and recorded.
    """
    if push:
        raise NotYet("pushing images to a registry", hint="seaway build, and run them with target: process")
    built = make.build(workspace(), teller(output), frozen=locked, choice=choice)
    rows = [
        (service, str(image.digest), len(image.layers), _size(sum(layer.descriptor.size for layer in image.layers)))
        for service, image in sorted(built.images.items())
    ]
    findings: list[Finding] = [finding for one in built.services for finding in one.built.findings]
    output.data(
        {
            "bundle": str(built.bundle.digest),
            "commit": built.commit or None,
            "images": {service: digest for service, digest, _, _ in rows},
        },
        output.table(rows, ("image", "digest", "layers", "size")) + f"\nbundle  {built.bundle.digest}",
    )
    for finding in findings:
        output.say(str(finding))


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable: the last unit takes any size")

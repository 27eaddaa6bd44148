"""`seaway verify-build`: whether an image can be made again."""

from __future__ import annotations

import click

from seaway.cli.frame import command
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.stages import inspecting


@command("verify-build")
@click.argument("image", metavar="SERVICE|IMAGE@DIGEST")
def verify_build_(output: Output, image: str) -> None:
    """Make an image again from source, lock and wheels, believing nothing recorded, and compare all of it.

    The first difference is named: the layer, the entry in it, and whether header, payload or encoding differs.
    """
    space = workspace()
    found = inspecting.find_image(space, image)
    built = inspecting.rebuild(space, found)
    output.data(
        {"image": str(found.digest), "reproduced": True, "layers": len(built.image.layers)},
        f"{found.digest}  made again, {len(built.image.layers)} layers, every byte equal",
    )

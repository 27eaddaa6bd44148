"""`seaway bundle`: what is released, shown, and carried where no network reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from seaway.bundle import Bundle
from seaway.cli.frame import chooses, subcommand
from seaway.cli.image import write_out
from seaway.cli.opening import workspace
from seaway.cli.output import Output
from seaway.errors import UsageError
from seaway.pipeline import carry
from seaway.pipeline.choice import Choice
from seaway.pipeline.meant import chosen

_FILE = click.Path(path_type=Path, dir_okay=False)
_READ = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group("bundle")
def bundle_() -> None:
    """What is released: images, sources and references under one digest."""


@subcommand(bundle_, "show")
@click.argument("digest", required=False)
def show(output: Output, digest: str | None) -> None:
    """Say what is in a bundle: the one built last, or that whose digest begins with DIGEST."""
    found = chosen(workspace(), Choice(bundle=digest))
    output.data(bundle_json(found), "\n".join(bundle_lines(found)))


@subcommand(bundle_, "export")
@click.argument("file", required=False, type=_FILE)
@chooses("bundle")
def export(output: Output, file: Path | None, choice: Choice) -> None:
    """Write the bundle with its images, its sources and its proof as one tar, to FILE or to standard output.

    docker load, podman load and skopeo read the images in it; seaway bundle import all of it.
    """
    parcel = carry.export(workspace(), choice=choice)
    with output.progress("export") as watch:
        watch.expect(parcel.size)
        write_out(output, parcel.blocks, file, watch.advance)
    if file is not None:
        said = {"bundle": str(parcel.bundle.digest), "file": str(file), "proofs": parcel.proofs}
        output.data(said, f"{file}  bundle {parcel.bundle.digest}, {parcel.proofs} proofs")


@subcommand(bundle_, "import")
@click.argument("file", type=_READ)
@click.option("--trusted-root", type=_READ, metavar="FILE", help="trusted_root.json of the ledger it was released by.")
@click.option(
    "--trust-key", "keys", type=_READ, multiple=True, metavar="FILE", help="The releaser's public key; repeatable."
)
@click.option("--push", is_flag=True, help="Then send it to x-seaway.registry.push, with its proof attached.")
def import_(output: Output, file: Path, trusted_root: Path | None, keys: tuple[Path, ...], push: bool) -> None:
    """Bring a bundle from FILE into this project's store; every byte is checked.

    With --trusted-root and --trust-key only a released one: the bundle passed its gates and each image is released,
    said by one of these keys and proved to be in that ledger. Both come from people, never with the file.
    """
    if bool(trusted_root) is not bool(keys):
        raise UsageError("a trusted root and a key go together", hint="--trusted-root FILE --trust-key FILE")
    space = workspace()
    trust = carry.read_trust(trusted_root, keys) if trusted_root else None
    with file.open("rb") as stream:
        carried = carry.bring_in(space, stream, trust)
    pushed = None
    if push:
        with output.progress("push") as watch:
            pushed = carry.deliver(space, carried, watch=watch)
    state = f"released, {carried.verified} statements verified" if trust else "not verified: no trusted root was given"
    output.data(
        {
            "bundle": str(carried.bundle.digest),
            "proofs": len(carried.proofs),
            "verified": carried.verified if trust else None,
            "sent": pushed.sent if pushed else None,
        },
        f"bundle {carried.bundle.digest}  {state}",
    )


def bundle_json(found: Bundle) -> dict[str, object]:
    """Returns a bundle as JSON."""
    return {
        "digest": str(found.digest),
        "app": found.app,
        "images": {
            name: {"digest": str(one.digest), "repository": one.repository} for name, one in found.images.items()
        },
        "sources": [one.json() for one in found.sources],
        "references": {name: one.json() for name, one in found.references.items()},
    }


def bundle_lines(found: Bundle) -> Iterator[str]:
    """Yields a bundle for people."""
    yield f"bundle     {found.digest}  {found.app}"
    for service, image in sorted(found.images.items()):
        yield f"image      {service}  {image.digest}{f'  {image.repository}' if image.repository else ''}"
    for source in found.sources:
        yield f"source     {source.path}  {source.role}  {source.digest.short if source.digest else 'names only'}"
    for name, reference in sorted(found.references.items()):
        yield f"{reference.kind:<10} {name}  {reference.digest or 'not pinned'}  {reference.uri}"
